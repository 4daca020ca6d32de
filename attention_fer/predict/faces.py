"""Finds the faces in pictures and decides which of them are predicted."""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from attention_fer.common.checks import one_of
from attention_fer.predict.cutting import roll
from attention_fer.predict.defaults import DETECTOR, MIN_SIZE, WHOLE
from attention_fer.predict.region import Region
from attention_fer.predict.turning import COMPARABLE, any_way_up
from preprocessing import detectors
from preprocessing.faces import selection
from preprocessing.faces.detection import detect_each
from preprocessing.faces.pixels import NUMPY

NO_FACE, TOO_SMALL, FAILED = "no face found", "face too small", "detector failed"
OUTSIDE = "region outside the picture"
_LIKE_A_CROP = 128  # pixels: photographs are larger, crops of faces often are not


@dataclass(frozen=True, eq=False)
class FoundFace:
    """A face in a picture.

    Attributes:
        box: x, y, width, height in pixels as detected; None if the picture is a face already.
        landmarks: (5, 2), see `preprocessing.detectors.Faces`, or None.
        score: the detector's score, or None.
        reason, detail: why no expression is predicted; "" if one is.
    """

    box: tuple[float, float, float, float] | None = None
    landmarks: np.ndarray | None = None
    score: float | None = None
    reason: str = ""
    detail: str = ""

    @property
    def roll(self) -> float | None:
        """See `cutting.roll`."""
        return roll(self.landmarks)

    @property
    def eyes(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """x and y of the person's right eye and of the left one; None without eyes."""
        if self.landmarks is None or self.roll is None:
            return None
        (x, y), (right_x, right_y) = self.landmarks[:2].tolist()
        return (x, y), (right_x, right_y)


@dataclass(frozen=True)
class NoFace:
    """Why a picture has no face."""

    reason: str
    detail: str


class FaceFinder:
    """A detector and what counts as a face.

    Args:
        detector: name of a detector of `preprocessing.detectors`; "none" if pictures are already
            faces.
        weights: file of its weights; None for its own.
        min_score: minimum score of a face, 0 to 1; None for the detector's usual one, or 0.6.
        min_size: minimum width and height in pixels; smaller faces are reported without an
            expression.
        largest: whether only the largest face of a picture counts.
        roi: x, y, width and height in pixels of the upright picture, to which the detector is
            confined; None for the whole picture.
        threads: number of threads of one detection.

    Raises:
        ValueError: an unknown detector, or a value out of range.
        OSError, ImportError: see `detectors.make`.
    """

    def __init__(
        self,
        detector: str = DETECTOR,
        *,
        weights: str | os.PathLike[str] | None = None,
        min_score: float | None = None,
        min_size: float = MIN_SIZE,
        largest: bool = False,
        roi: Sequence[int] | None = None,
        threads: int = 1,
    ):
        if not (math.isfinite(min_size) and min_size >= 0):
            raise ValueError(f"min_size must be a number of at least 0, got {min_size}.")
        if min_score is not None and not 0 <= min_score <= 1:
            raise ValueError(f"min_score must be from 0 to 1, got {min_score}.")
        self.name = one_of("detector", detector, [*detectors.names(), WHOLE])
        self._min_size = min_size
        self._select = "largest" if largest else "all"
        self._least: float | None = None
        self._region = None if roi is None else Region.of(roi)
        self._detector: detectors.Detector | None = None
        if detector != WHOLE:
            options = _options(detector, weights, min_score, threads)
            self._detector = detectors.make(detector, **options)
            self._least = _least_score(self._detector, self._select, min_score)
        elif weights is not None or min_score is not None or roi is not None:
            raise ValueError(
                "weights, min_score and roi have no effect without a detector: leave them out."
            )

    def __call__(
        self, images: Sequence[np.ndarray], *, stored_turned: Sequence[bool] = ()
    ) -> list[list[FoundFace] | NoFace]:
        """Finds the faces of each image, in order, those of one image by size, largest first.

        A detector that fails on an image does not affect the others.

        Args:
            images: uint8, grey or RGB.
            stored_turned: whether each image may lie on its side or upside down, see `turning`;
                without it, none may.
        """
        if self._detector is None:
            return [[FoundFace()] for _ in images]
        may_lie = stored_turned or [False] * len(images)
        found: list[list[FoundFace] | NoFace] = []
        step = max(1, self._detector.batch)
        for start in range(0, len(images), step):
            group = images[start : start + step]
            answers = self._detected(self._detector, group, may_lie[start : start + step])
            found += [self._chosen(*pair) for pair in zip(group, answers, strict=True)]
        return found

    def describe(self) -> dict[str, Any]:
        """Returns what the manifest records, JSON-serialisable."""
        if self._detector is None:
            return {"name": WHOLE}
        return {
            **self._detector.describe(),
            "select": self._select,
            "min_score": self._least,
            "min_size": self._min_size,
            "roi": None if self._region is None else list(astuple(self._region)),
        }

    def _detected(
        self, detector: detectors.Detector, images: Sequence[np.ndarray], may_lie: Sequence[bool]
    ) -> list[detectors.Faces | Exception | NoFace]:
        """The faces of each image, in its own pixels, also if only a region was searched."""

        def search(
            parts: Sequence[np.ndarray], may_lie: Sequence[bool]
        ) -> list[detectors.Faces | Exception]:
            found = detect_each(detector, parts, NUMPY)
            if detector.name not in COMPARABLE:
                return found
            return [
                any_way_up(detector, part, faces) if lies else faces
                for part, faces, lies in zip(parts, found, may_lie, strict=True)
            ]

        if self._region is None:
            return [*search(images, may_lie)]
        parts = [self._region.part(image) for image in images]
        inside = [(part, lies) for part, lies in zip(parts, may_lie, strict=True) if part.size]
        answers = iter(search([part for part, _ in inside], [lies for _, lies in inside]))
        found: list[detectors.Faces | Exception | NoFace] = []
        for image, part in zip(images, parts, strict=True):
            answer = next(answers) if part.size else self._outside(image)
            if isinstance(answer, detectors.Faces):
                answer = self._region.moved(answer)
            found.append(answer)
        return found

    def _outside(self, image: np.ndarray) -> NoFace:
        height, width = image.shape[:2]
        return NoFace(OUTSIDE, f"{self._region} of {width} x {height} pixels")

    def _chosen(
        self, image: np.ndarray, faces: detectors.Faces | Exception | NoFace
    ) -> list[FoundFace] | NoFace:
        if isinstance(faces, NoFace):
            return faces
        if isinstance(faces, Exception):
            return NoFace(FAILED, f"{type(faces).__name__}: {faces}")
        order = selection.choose(faces, image.shape, self._select, self._least)
        if not order:
            why = selection.shortfall(faces, self._least)
            hint = "; if it is a cropped face, use the detector none"
            return NoFace(NO_FACE, why + (hint if max(image.shape[:2]) <= _LIKE_A_CROP else ""))
        return [self._face(faces, place) for place in order]

    def _face(self, faces: detectors.Faces, place: int) -> FoundFace:
        x, y, width, height = (float(length) for length in faces.boxes[place])
        score = float(faces.scores[place])
        reason = detail = ""
        if min(width, height) < self._min_size:
            reason = TOO_SMALL
            detail = f"{width:.0f} x {height:.0f} pixels, below min_size {self._min_size:g}"
        known = None if math.isnan(score) else score
        return FoundFace((x, y, width, height), faces.landmarks[place], known, reason, detail)


def _least_score(
    detector: detectors.Detector, select: str, min_score: float | None
) -> float | None:
    if min_score is not None and not detector.has_scores:
        raise ValueError(
            f"min_score must be None for the detector {detector.name}, which has no scores, got "
            f"{min_score}. Leave it out, or use another detector."
        )
    usual = getattr(detector, "confidence", selection.LEAST_CONFIDENCE)
    return selection.check(select, min_score, has_scores=detector.has_scores, usual=usual)


def _options(detector: str, weights: Any, min_score: float | None, threads: int) -> dict[str, Any]:
    """The options of a detector that it has, and those that the user gave."""
    known = inspect.signature(detectors.get(detector)).parameters
    options: dict[str, Any] = {"threads": threads} if "threads" in known else {}
    if weights is not None:
        options["weights"] = weights
    if min_score is not None and "threshold" in known:
        # The detector's own threshold drops only if the user asks for less.
        options["threshold"] = min(known["threshold"].default, min_score)
    return options
