"""Turns samples into rows: loads, detects, selects and crops, isolating faulty photographs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from attention_fer.common.checks import one_of
from preprocessing.dataset.index import IndexRow
from preprocessing.faces import crops, selection
from preprocessing.faces.detection import detect_each
from preprocessing.sources import Rejected, Sample, UnreadableError

if TYPE_CHECKING:  # ready-made faces need no detector libraries
    from preprocessing.detectors.base import Detector, Faces

T = TypeVar("T")

MISSING = ("skip", "whole", "error")
NO_FACE, NO_EYES = "no face found", "no eye landmarks"
LOADING, DETECTION, CROPPING = "loading failed", "detector failed", "cropping failed"

Made = IndexRow | Rejected
Outcome = list[Made]
"""The rows of one raw item, or why it has none."""


@dataclass(frozen=True, eq=False)
class FaceCropper:
    """Makes the rows of samples. Stateless; may be called from several threads.

    Attributes:
        detector: finds the faces; None if the images are already faces.
        select: which of several faces to use, one of `selection.names`; "all" makes a row for each.
        min_confidence: minimum score of a face; None for the detector's usual one, which is 0.6 or
            its `confidence`.
        margin, square, align: how a face is cropped, see `crops.CropSettings`.
        size: side of the images in pixels; None for 48, or each image's own without a detector.
        colour: "grey" or "rgb"; None for "grey", or each image's own without a detector.
        missing: what to do with a photograph without a face: "skip" rejects it, "whole" uses all of
            it, "error" stops.
        like: dataset whose crops the faces are to resemble, see `crops.CropSettings`.

    Raises:
        ValueError: a setting out of range, or one that would have no effect.
    """

    detector: Detector | None = None
    select: str = "largest"
    min_confidence: float | None = None
    margin: float = 0.0
    square: bool = False
    align: bool = False
    size: int | None = None
    colour: str | None = None
    missing: str = "skip"
    like: str | None = None

    def __post_init__(self) -> None:
        crops.check_output(self.size, self.colour)
        if self.detector is None:
            self._check_unused()
            return
        self._check_threshold(self.detector)
        self._settings()
        one_of("value of missing", self.missing, MISSING)
        if self.align and not self.detector.has_landmarks:
            raise ValueError(
                f"align must be False for the detector {self.detector.name}, which finds no eyes. "
                "Leave it out, or use a detector with landmarks."
            )

    def __call__(self, samples: Sequence[Sample]) -> list[Outcome]:
        """Makes the rows or rejections of each sample, in order.

        At most one batch of the detector is decoded at a time. A photograph that cannot be read,
        or on which the detector fails, is rejected without affecting the others.

        Raises:
            ValueError: a photograph has no face and `missing` is "error".
        """
        if self.detector is None:
            return [self._uncropped(sample) for sample in samples]
        step = max(1, self.detector.batch)
        batches = (samples[start : start + step] for start in range(0, len(samples), step))
        return [made for batch in batches for made in self._detected(batch, self.detector)]

    def describe(self) -> dict[str, Any]:
        """Returns the effective settings, JSON-serialisable; equal for equal settings."""
        if self.detector is None:
            return {"detector": None, "size": self.size, "colour": self.colour}
        crop = self._settings()
        return {
            "detector": self.detector.describe(),
            "select": self.select,
            "min_confidence": self._threshold(),
            "margin": float(crop.margin),
            "square": bool(crop.square),
            "align": bool(crop.align),
            "size": int(crop.size),
            "colour": crop.colour,
            "missing": self.missing,
            **({} if crop.like is None else {"like": crop.like}),
        }

    def _check_threshold(self, detector: Detector) -> None:
        asked, given = self._threshold(), getattr(detector, "threshold", 0.0)
        if asked is not None and asked < given:
            raise ValueError(
                f"min_confidence must be at least {given}, the threshold of the detector "
                f"{detector.name}, got {asked}. Make the detector with a lower threshold."
            )

    def _check_unused(self) -> None:
        """Refuses settings that have no effect without a detector."""
        free = ("detector", "size", "colour")
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.name not in free and value != setting.default:
                raise ValueError(
                    f"{setting.name} has no effect without a detector, got {value!r}. "
                    "Use a detector, or leave it out."
                )

    def _settings(self) -> crops.CropSettings:
        size = crops.SIZE if self.size is None else self.size
        return crops.CropSettings(
            self.margin,
            self.square,
            self.align,
            size,
            self.colour or crops.COLOUR,
            self.like,
        )

    def _threshold(self) -> float | None:
        return selection.check(
            self.select,
            self.min_confidence,
            has_scores=self.detector is not None and self.detector.has_scores,
            usual=getattr(self.detector, "confidence", selection.LEAST_CONFIDENCE),
        )

    def _uncropped(self, sample: Sample) -> Outcome:
        """Uses the whole image, resized and converted if asked for."""
        image = _load(sample)
        if isinstance(image, Rejected):
            return [image]
        fitted = lambda: _row(sample, crops.fit(image, self.size, self.colour))  # noqa: E731
        return [_attempt(fitted, sample, CROPPING)]

    def _detected(self, batch: Sequence[Sample], detector: Detector) -> Iterator[Outcome]:
        """Processes one batch."""
        loaded = [_load(sample) for sample in batch]
        images = [image for image in loaded if not isinstance(image, Rejected)]
        found = iter(detect_each(detector, images))
        for sample, image in zip(batch, loaded, strict=True):
            if isinstance(image, Rejected):
                yield [image]
                continue
            faces = next(found)
            if isinstance(faces, Exception):
                yield [_failure(sample, DETECTION, faces)]
            else:
                yield self._cropped(sample, image, faces)

    def _cropped(self, sample: Sample, image: np.ndarray, faces: Faces) -> Outcome:
        made = _attempt(lambda: self._faces(sample, image, faces), sample, CROPPING)
        if isinstance(made, Rejected):  # one photograph must not stop a long run
            return [made]
        if made:
            return made
        why = selection.shortfall(faces, self._threshold())
        if self.missing == "error":
            raise ValueError(
                f"No face found in {sample.source} ({why}). Lower min_confidence, remove the "
                "photograph, or skip such photographs."
            )
        return [Rejected(sample.source, NO_FACE, why, sample.label)]

    def _faces(self, sample: Sample, image: np.ndarray, faces: Faces) -> Outcome:
        """Crops the chosen faces, or the whole photograph where it stands for a missing one."""
        chosen = selection.choose(faces, image.shape, self.select, self._threshold())
        if not chosen and self.missing == "whole":
            return [_row(sample, crops.whole(image, self._settings()))]
        return [self._face(sample, image, faces, place) for place in chosen]

    def _face(
        self, sample: Sample, image: np.ndarray, faces: Faces, place: int
    ) -> IndexRow | Rejected:
        # Rounded first, so that the index says exactly what was cropped.
        box = [round(float(length), 2) for length in faces.boxes[place]]
        landmarks, score = faces.landmarks[place], float(faces.scores[place])
        if self.align and not crops.has_eyes(landmarks):
            return Rejected(sample.source, NO_EYES, f"face at {box}", sample.label)
        return _row(
            sample,
            crops.crop(image, box, landmarks, self._settings()),
            (box[0], box[1], box[2], box[3]),
            None if math.isnan(score) else round(score, 4),
        )


def _load(sample: Sample) -> np.ndarray | Rejected:
    return _attempt(sample.load, sample, LOADING)


def _attempt(work: Callable[[], T], sample: Sample, reason: str) -> T | Rejected:
    """Returns the result of `work`, or a `Rejected` for any exception but a full memory."""
    try:
        return work()
    except UnreadableError as error:
        return Rejected(sample.source, error.reason, str(error), sample.label)
    except MemoryError:
        raise
    except Exception as error:  # whatever a decoder raises
        return _failure(sample, reason, error)


def _failure(sample: Sample, reason: str, error: Exception) -> Rejected:
    return Rejected(sample.source, reason, f"{type(error).__name__}: {error}", sample.label)


def _row(
    sample: Sample,
    image: np.ndarray,
    box: tuple[float, float, float, float] | None = None,
    score: float | None = None,
) -> IndexRow:
    return IndexRow(
        image, sample.label, sample.subject, sample.split, sample.source, box, score, sample.more
    )
