"""The interface of a detector, the faces it returns, its argument checks and the registry."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from attention_fer.common.checks import one_of, positive_int
from attention_fer.common.registry import Registry

DEFAULT = "yunet"
"""The default detector for photographs."""

POINTS = 5
"""Landmarks of a face."""


@dataclass(frozen=True, eq=False)
class Faces:
    """The n faces detected in one image, most confident first.

    Attributes:
        boxes: float32 (n, 4): x, y, width, height in pixels of the image.
        scores: float32 (n,), 0 to 1; NaN if the detector has no scores.
        landmarks: float32 (n, 5, 2): x, y of the eye on the image's left, the eye on its right, the
            nose, the left and the right corner of the mouth, for an upright face; NaN if the
            detector has no landmarks.
    """

    boxes: np.ndarray
    scores: np.ndarray
    landmarks: np.ndarray

    @classmethod
    def ordered(
        cls,
        boxes: np.ndarray,
        scores: np.ndarray | None = None,
        landmarks: np.ndarray | None = None,
    ) -> Faces:
        """Sorts faces by descending score, or by descending area without scores.

        Ties are ordered from left to right, then from top to bottom.
        """
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
        n = len(boxes)
        if landmarks is None:
            landmarks = np.full((n, POINTS, 2), np.nan)
        key = boxes[:, 2] * boxes[:, 3] if scores is None else np.asarray(scores)
        order = np.lexsort((boxes[:, 1], boxes[:, 0], -key))
        scores = np.full(n, np.nan) if scores is None else scores
        points = np.asarray(landmarks, np.float32).reshape(n, POINTS, 2)
        return cls(boxes[order], np.asarray(scores, np.float32)[order], points[order])

    def __len__(self) -> int:
        return len(self.boxes)


class Detector(Protocol):
    """Finds faces. May be called from several threads at once.

    Attributes:
        name: its name on the command line.
        has_scores: whether its scores are numbers rather than NaN.
        has_landmarks: whether its landmarks are numbers rather than NaN.
        batch: fastest number of images per call; 1 if it processes them one by one.
        confidence: score from which a detection usually is a face; 0.6 if left out.
    """

    name: str
    has_scores: bool
    has_landmarks: bool
    batch: int

    def __call__(self, images: Sequence[np.ndarray]) -> list[Faces]:
        """Detects the faces of each image.

        Args:
            images: uint8 (height, width, 3), RGB; sizes may differ.

        Raises:
            ValueError: an image has another dtype or shape, or no pixels.
        """

    def describe(self) -> dict[str, Any]:
        """Returns what the manifest records about it, JSON-serialisable."""


Factory = Callable[..., Detector]
DETECTORS: Registry[Factory] = Registry("detector")
register = DETECTORS.register
get = DETECTORS.get


def names() -> list[str]:
    """Returns the names of all registered detectors, sorted."""
    return sorted(DETECTORS)


def options(name: str) -> frozenset[str]:
    """Returns the names of a detector's options. Raises ValueError for an unknown detector."""
    return frozenset(inspect.signature(get(name)).parameters)


def make(name: str, **given: Any) -> Detector:
    """Makes a detector; its class documents the options.

    Raises:
        ValueError: unknown detector or option, or an option out of range.
        OSError: its weights are missing and cannot be downloaded, see `weights.locate`.
        ImportError: a library it needs is not installed; the message names it.
    """
    allowed = sorted(options(name))
    for option in given:
        one_of(f"option of {name}", option, allowed)
    return get(name)(**given)


def opencv(detector: str) -> Any:
    """Returns the module cv2. Raises ImportError that names the detector and what installs it.

    Detectors import it on use, so the others work without it.
    """
    try:
        import cv2
    except ImportError as error:
        raise ImportError(
            f"The detector {detector} needs OpenCV ({error}): "
            'pip install "attention-fer[preprocessing]", or choose another detector.'
        ) from error
    return cv2


def check_fraction(name: str, value: float) -> float:
    """Returns `value` as a float. Raises ValueError unless it is from 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1, got {value}.")
    return float(value)


def check_side(value: int, stride: int) -> int:
    """Returns the side of a network's input. Raises ValueError unless `stride` divides it."""
    if positive_int("input_size", value) % stride:
        near = max(stride, round(value / stride) * stride)
        raise ValueError(
            f"input_size must be a multiple of {stride}, got {value}. The nearest is {near}."
        )
    return value


def check_photographs(images: Sequence[np.ndarray]) -> None:
    """Raises ValueError for the first image that is not uint8 (height, width, 3) with pixels."""
    for number, image in enumerate(images):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise ValueError(
                f"Image {number} must be uint8 (height, width, 3), RGB, "
                f"got {image.dtype} of shape {image.shape}."
            )
