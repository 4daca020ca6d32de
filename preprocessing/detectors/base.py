"""What every detector returns, what it must offer, and the registry of detectors."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

POINTS = 5


@dataclass(frozen=True, eq=False)
class Faces:
    """The n faces found in one image, the most certain first.

    Attributes:
        boxes: float32 (n, 4), x, y, width, height in pixels of the image given.
        scores: float32 (n,), 0 to 1; NaN where the detector gives no confidence.
        landmarks: float32 (n, 5, 2), x, y of the eye at the image's left, the eye at its right,
            the nose, the left and the right corner of the mouth, for an upright face; NaN where
            the detector gives none.
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
        """Faces by descending score, or the largest first where there are no scores.

        Equals follow from left to right and from top to bottom.
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
    """Finds faces. Its calls may come from several threads at once.

    Attributes:
        name: what the command line calls it.
        has_scores: whether its scores are numbers rather than NaN.
        has_landmarks: whether its landmarks are numbers rather than NaN.
        batch: how many images a call gains from; 1 where images are computed one by one.
    """

    name: str
    has_scores: bool
    has_landmarks: bool
    batch: int

    def __call__(self, images: Sequence[np.ndarray]) -> list[Faces]:
        """Faces of each image; images are uint8 (height, width, 3) RGB, of any and mixed sizes."""
        ...

    def describe(self) -> dict[str, Any]:
        """What a manifest should keep of it, as JSON takes it."""
        ...


Factory = Callable[..., Detector]
T = TypeVar("T", bound=Factory)

_registry: dict[str, Factory] = {}


def register(name: str) -> Callable[[T], T]:
    """Class decorator: make a detector known by a name. Raises ValueError if it is taken."""

    def add(factory: T) -> T:
        if name in _registry:
            raise ValueError(f"a detector named {name!r} is already registered")
        _registry[name] = factory
        return factory

    return add


def names() -> list[str]:
    """Names of all registered detectors, sorted."""
    return sorted(_registry)


def get(name: str) -> Factory:
    """What makes the detector of that name. Raises ValueError naming the nearest known name."""
    if name in _registry:
        return _registry[name]
    raise ValueError(f"unknown detector {name!r}: {_nearest(name, names())}")


def options(name: str) -> frozenset[str]:
    """Names of the options a detector takes. Raises ValueError for an unknown detector."""
    return frozenset(inspect.signature(get(name)).parameters)


def make(name: str, **given: Any) -> Detector:
    """Make a detector, see the class of that name for its options.

    Raises:
        ValueError: unknown detector or option, or an option out of range.
        OSError: its weights are missing and cannot be fetched, see `weights.locate`.
        ImportError: it needs a library that is not installed; the message says which.
    """
    factory, known = get(name), sorted(options(name))
    for option in given:
        if option not in known:
            raise ValueError(f"{name} has no option {option!r}: {_nearest(option, known)}")
    return factory(**given)


def _nearest(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}known are {', '.join(known) or 'none'}"
