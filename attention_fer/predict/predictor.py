"""From frames to rows: finds faces, crops them, and runs the network on all of them at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from attention_fer.common.checks import positive_int
from attention_fer.predict.cutting import cut
from attention_fer.predict.defaults import BATCH, DETECTOR, MIN_SIZE, MODEL
from attention_fer.predict.faces import FaceFinder, FoundFace, NoFace
from attention_fer.predict.frames import Frame, grouped
from attention_fer.predict.given import frames_of
from attention_fer.predict.networks import open_network
from attention_fer.predict.rows import FaceRow, columns


class Predictor:
    """Names the facial expressions in pictures.

    It says which expression people would most likely see in a face, not what a person feels.

    Args:
        model: see `networks.open_network`.
        detector: name of a face detector; "none" if pictures are already cropped faces.
        weights, min_score, min_size, largest, roi: see `faces.FaceFinder`.
        threads: number of threads for the detector and the network; None for all cores.

    Attributes:
        network: the network, with its `classes`.
        finder: the detector and what counts as a face.
        columns: of the table of photographs, see `rows.columns`.

    Raises:
        ValueError, OSError, ImportError: see `open_network` and `FaceFinder`.

    Example:
        >>> predictor = Predictor()
        >>> for face in predictor.predict("photo.jpg"):
        ...     print(face.label, face.probability, face.box)
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = MODEL,
        *,
        detector: str = DETECTOR,
        weights: str | os.PathLike[str] | None = None,
        min_score: float | None = None,
        min_size: float = MIN_SIZE,
        largest: bool = False,
        roi: Sequence[int] | None = None,
        threads: int | None = None,
    ):
        self.network = open_network(model, threads=threads)
        self.columns = columns(self.network.classes)
        self.finder = FaceFinder(
            detector,
            weights=weights,
            min_score=min_score,
            min_size=min_size,
            largest=largest,
            roi=roi,
            threads=threads or os.cpu_count() or 1,
        )

    def predict(self, given: Any, *, channels: str = "rgb") -> list[FaceRow]:
        """Returns a row for each face, and one for each picture that has no face or is broken.

        Args:
            given: a picture or several, see `given.frames_of`: a path, bytes of an image file,
                a uint8 array, a PIL image, or an iterable of these. **Arrays are RGB** unless
                `channels` says otherwise; OpenCV's are BGR.
            channels: "rgb" or "bgr", of arrays.

        Raises:
            FileNotFoundError: a path where nothing is.
            TypeError, ValueError: something that is no picture.
        """
        return [row for rows in self.stream(frames_of(given, channels)) for row in rows]

    def stream(self, frames: Iterable[Any], batch: int = BATCH) -> Iterator[list[FaceRow]]:
        """Yields the rows of each frame, in order, as frames arrive.

        At most `batch` frames are in memory. A frame has at least one row.

        Args:
            frames: any iterable of `Frame` objects, also endless; or of whatever `predict` takes.
            batch: frames processed at once. Use 1 for a camera, so that no frame waits.

        Raises:
            TypeError, ValueError: something that is no picture.
        """
        positive_int("batch", batch)
        for group in grouped(frames_of(frames), batch):
            yield from self.rows(group)

    def rows(self, frames: Sequence[Frame]) -> list[list[FaceRow]]:
        """Returns the rows of each of some frames, whose faces go through the network together."""
        readable = [frame for frame in frames if frame.pixels is not None]
        answers = iter(
            self.finder(
                [frame.pixels for frame in readable if frame.pixels is not None],
                stored_turned=[_may_lie(frame) for frame in readable],
            )
        )
        found = [[] if frame.pixels is None else next(answers) for frame in frames]
        wanted = [
            self._cut(frame, face)
            for frame, faces in zip(frames, found, strict=True)
            if not isinstance(faces, NoFace)
            for face in faces
            if not face.reason
        ]
        probabilities = iter(self.network(wanted).tolist())
        return [
            self._rows_of(frame, faces, probabilities)
            for frame, faces in zip(frames, found, strict=True)
        ]

    def cut_out(self, frame: Frame, number: int) -> np.ndarray:
        """Returns a face as the network gets it: uint8, of the network's size and colour.

        Args:
            frame: with pixels.
            number: `face_id` of the face.

        Raises:
            ValueError: the frame has no such face.
        """
        found = (
            []
            if frame.pixels is None
            else self.finder([frame.pixels], stored_turned=[_may_lie(frame)])[0]
        )
        if isinstance(found, NoFace) or not 0 <= number < len(found):
            raise ValueError(f"number must be that of a face in {frame.name}, got {number}.")
        return self._cut(frame, found[number])

    def describe(self) -> dict[str, Any]:
        """Returns model and detector as the manifest records them, JSON-serialisable."""
        return {"model": self.network.describe(), "detector": self.finder.describe()}

    def _cut(self, frame: Frame, face: FoundFace) -> np.ndarray:
        network = self.network
        assert frame.pixels is not None
        return cut(
            frame.pixels, face.box, face.landmarks, network.rule, network.size, network.colour
        )

    def _rows_of(
        self, frame: Frame, faces: list[FoundFace] | NoFace, probabilities: Iterator[list[float]]
    ) -> list[FaceRow]:
        if frame.pixels is None:
            why = frame.problem
            reason, detail = (why.reason, str(why)) if why else ("no pixels", "")
            return [self._row(frame, reason=reason, detail=detail)]
        if isinstance(faces, NoFace):
            return [self._row(frame, reason=faces.reason, detail=faces.detail)]
        rows = []
        for number, face in enumerate(faces):
            known: dict[str, Any] = _place(face, frame.pixels.shape)
            known |= {"face_id": number, "eyes": face.eyes}
            if face.reason:
                rows.append(self._row(frame, reason=face.reason, detail=face.detail, **known))
            else:
                rows.append(self._row(frame, **known, **self._answer(next(probabilities))))
        return rows

    def _row(self, frame: Frame, **known: Any) -> FaceRow:
        return FaceRow(
            frame.name,
            frame.number,
            frame.time,
            model=self.network.name,
            model_sha256=self.network.sha256,
            detector=self.finder.name,
            **known,
        )

    def _answer(self, probabilities: list[float]) -> dict[str, Any]:
        best, second = sorted(probabilities, reverse=True)[:2]
        classes = self.network.classes
        return {
            "success": True,
            "label": classes[probabilities.index(best)],
            "probability": best,
            "margin": best - second,
            "probabilities": dict(zip(classes, probabilities, strict=True)),
        }


def _may_lie(frame: Frame) -> bool:
    """Whether a frame may be stored sideways: containers of videos say which way up theirs are."""
    return frame.time is None


def _place(face: FoundFace, shape: tuple[int, ...]) -> dict[str, float | None]:
    """Box within the picture, score and roll; hundredths of a pixel and of a degree are enough."""
    height, width = shape[:2]
    x, y, across, down = face.box or (0.0, 0.0, float(width), float(height))
    right, bottom = min(x + across, float(width)), min(y + down, float(height))
    left, top = max(x, 0.0), max(y, 0.0)
    return {
        "score": face.score,
        "x": round(left, 2),
        "y": round(top, 2),
        "width": round(right - left, 2),
        "height": round(bottom - top, 2),
        "roll": None if face.roll is None else round(face.roll, 2),
    }
