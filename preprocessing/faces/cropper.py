"""From samples to rows: load, detect, choose and crop, whatever single photographs do."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from preprocessing.dataset.index import Row
from preprocessing.faces import crops, selection
from preprocessing.sources import Rejected, Sample, UnreadableError

if TYPE_CHECKING:  # images that are faces already need no detector's libraries
    from preprocessing.detectors.base import Detector, Faces

MISSING = ("skip", "whole", "error")
NO_FACE, NO_EYES = "no face found", "no eye landmarks"
LOADING, DETECTION, CROPPING = "loading failed", "detector failed", "cropping failed"

Made = list[Row | Rejected]
"""What became of one sample."""


@dataclass(frozen=True, eq=False)
class FaceCropper:
    """Makes the rows of samples. Holds no state; may be called from several threads.

    Attributes:
        detector: finds the faces; None where the images are faces already.
        select: which of several faces, one of `selection.names`; "all" gives a row for each.
        min_confidence: least score of a face; None for 0.6 if the detector gives scores.
        margin, square, align: how a face is cut out, see `crops.Crop`.
        size: side of the images in pixels; None for 48, without a detector for that of each image.
        colour: "grey" or "rgb"; None for "grey", without a detector for that of each image.
        missing: what to do with a photograph without a face: "skip" rejects it, "whole" takes all
            of it, "error" stops.

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

    def __post_init__(self) -> None:
        crops.check_output(self.size, self.colour)
        if self.detector is None:
            self._check_idle()
            return
        self._check_threshold(self.detector)
        self._crop()
        if self.missing not in MISSING:
            known = ", ".join(MISSING)
            raise ValueError(f"got missing={self.missing!r}: expected one of {known}")
        if self.align and not self.detector.has_landmarks:
            raise ValueError(
                f"got align=True, but the detector {self.detector.name} finds no eyes to align by: "
                "leave it out, or take a detector with landmarks"
            )

    def __call__(self, samples: Sequence[Sample]) -> list[Made]:
        """Make the rows, or the rejections, of each sample, in order.

        One call holds no more photographs decoded than the detector takes in a batch. A
        photograph that cannot be read, or at which the detector fails, is rejected alone.

        Raises:
            ValueError: a photograph has no face and `missing` is "error".
        """
        if self.detector is None:
            return [self._taken(sample) for sample in samples]
        step = max(1, self.detector.batch)
        batches = (samples[start : start + step] for start in range(0, len(samples), step))
        return [made for batch in batches for made in self._found(batch, self.detector)]

    def describe(self) -> dict[str, Any]:
        """All settings as they take effect, JSON-able; equal for equal settings."""
        if self.detector is None:
            return {"detector": None, "size": self.size, "colour": self.colour}
        crop = self._crop()
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
        }

    def _check_threshold(self, detector: Detector) -> None:
        asked, given = self._threshold(), getattr(detector, "threshold", 0.0)
        if asked is not None and asked < given:
            raise ValueError(
                f"got min_confidence={asked}, but the detector {detector.name} gives no face below "
                f"its threshold of {given}: make it with a threshold of at most {asked}"
            )

    def _check_idle(self) -> None:
        """Without a detector, refuse whatever only a detector would use."""
        free = ("detector", "size", "colour")
        for setting in fields(self):
            value = getattr(self, setting.name)
            if setting.name not in free and value != setting.default:
                raise ValueError(
                    f"got {setting.name}={value!r} without a detector, where it has no effect: "
                    "give a detector, or leave it out"
                )

    def _crop(self) -> crops.Crop:
        size = crops.SIZE if self.size is None else self.size
        return crops.Crop(self.margin, self.square, self.align, size, self.colour or crops.COLOUR)

    def _threshold(self) -> float | None:
        has_scores = self.detector is not None and self.detector.has_scores
        return selection.check(self.select, self.min_confidence, has_scores=has_scores)

    def _taken(self, sample: Sample) -> Made:
        """The image as it is, or resized and converted as a whole."""
        image = _load(sample)
        if isinstance(image, Rejected):
            return [image]
        try:
            return [_row(sample, crops.fit(image, self.size, self.colour))]
        except MemoryError:
            raise
        except Exception as error:
            return [_failure(sample, CROPPING, error)]

    def _found(self, batch: Sequence[Sample], detector: Detector) -> Iterator[Made]:
        """What becomes of each sample of one batch."""
        loaded = [_load(sample) for sample in batch]
        images = [image for image in loaded if not isinstance(image, Rejected)]
        found = iter(_detect(detector, images))
        for sample, image in zip(batch, loaded, strict=True):
            if isinstance(image, Rejected):
                yield [image]
                continue
            faces = next(found)
            if isinstance(faces, Exception):
                yield [_failure(sample, DETECTION, faces)]
            else:
                yield self._cropped(sample, image, faces)

    def _cropped(self, sample: Sample, image: np.ndarray, faces: Faces) -> Made:
        threshold = self._threshold()
        try:
            chosen = selection.choose(faces, image.shape, self.select, threshold)
            if chosen:
                return [self._face(sample, image, faces, place) for place in chosen]
            if self.missing == "whole":
                return [_row(sample, crops.whole(image, self._crop()))]
            why = selection.shortfall(faces, threshold)
        except MemoryError:
            raise
        except Exception as error:  # one photograph must not stop a night's work
            return [_failure(sample, CROPPING, error)]
        if self.missing == "error":
            raise ValueError(
                f"{NO_FACE} in {sample.source} ({why}): lower min_confidence, remove the "
                "photograph, or let such photographs be skipped"
            )
        return [Rejected(sample.source, NO_FACE, why, sample.label)]

    def _face(self, sample: Sample, image: np.ndarray, faces: Faces, place: int) -> Row | Rejected:
        # Rounded first: what the index says is then exactly what was cut out.
        box = [round(float(length), 2) for length in faces.boxes[place]]
        landmarks, score = faces.landmarks[place], float(faces.scores[place])
        if self.align and not crops.has_eyes(landmarks):
            return Rejected(sample.source, NO_EYES, f"face at {box}", sample.label)
        return _row(
            sample,
            crops.crop(image, box, landmarks, self._crop()),
            (box[0], box[1], box[2], box[3]),
            None if math.isnan(score) else round(score, 4),
        )


def _load(sample: Sample) -> np.ndarray | Rejected:
    try:
        return sample.load()
    except UnreadableError as error:
        return Rejected(sample.source, error.reason, str(error), sample.label)
    except MemoryError:
        raise
    except Exception as error:  # a decoder's own
        return _failure(sample, LOADING, error)


def _detect(detector: Detector, images: Sequence[np.ndarray]) -> list[Faces | Exception]:
    """The faces in each image, or why there was no answer for it."""
    if not images:
        return []
    try:
        found = detector([crops.as_rgb(image) for image in images])
        if len(found) != len(images):
            raise ValueError(f"{len(found)} answers for {len(images)} images")
        return list(found)
    except MemoryError:
        raise
    except Exception as error:
        if len(images) == 1:
            return [error]
    return [answer for image in images for answer in _detect(detector, [image])]


def _failure(sample: Sample, reason: str, error: Exception) -> Rejected:
    return Rejected(sample.source, reason, f"{type(error).__name__}: {error}", sample.label)


def _row(
    sample: Sample,
    image: np.ndarray,
    box: tuple[float, float, float, float] | None = None,
    score: float | None = None,
) -> Row:
    return Row(
        image, sample.label, sample.subject, sample.split, sample.source, box, score, sample.more
    )
