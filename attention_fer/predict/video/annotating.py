"""Writes a video with boxes and labels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from attention_fer.common.files import replacing
from attention_fer.predict.drawing import annotated
from attention_fer.predict.frames import Frame
from attention_fer.predict.rows import FaceRow
from attention_fer.predict.video.opencv import import_opencv

SUFFIX = ".mp4"
_FASTEST, _USUAL = 240.0, 60.0  # containers of varying rate may announce 1000 frames a second


class AnnotatedVideo:
    """An mp4 in the making, see `annotated_video`.

    Attributes:
        written: frames so far.
    """

    def __init__(self, draft: Path, rate: float):
        self.written = 0
        self._draft = draft
        self._rate = rate if math.isfinite(rate) and 0 < rate <= _FASTEST else _USUAL
        self._cv2 = import_opencv()
        self._writer: Any = None
        self._start = 0.0
        self._shown: np.ndarray | None = None

    def add(self, frame: Frame, rows: Sequence[FaceRow]) -> None:
        """Draws the faces on a frame and writes it; nothing for a frame without pixels or time.

        Frames of a constant rate are written one by one. Others are repeated or left out, so that
        each is shown at its time.

        Raises:
            OSError: the file cannot be opened.
        """
        if frame.pixels is None or frame.time is None:
            return
        if self._writer is None:
            self._start = frame.time
            self._writer = self._open(frame.pixels.shape[1], frame.pixels.shape[0])
        place = round((frame.time - self._start) * self._rate)
        if place < self.written:
            return
        while self.written < place:
            self._write()
        picture = np.asarray(annotated(frame.pixels, rows, numbers=True))
        self._shown = self._cv2.cvtColor(picture, self._cv2.COLOR_RGB2BGR)
        self._write()

    def release(self) -> None:
        """Ends the file."""
        if self._writer is not None:
            self._writer.release()

    def check(self) -> None:
        """Raises OSError unless all of the file was written; OpenCV does not say so."""
        capture = self._cv2.VideoCapture(str(self._draft), self._cv2.CAP_FFMPEG)
        found = capture.get(self._cv2.CAP_PROP_FRAME_COUNT) if capture.isOpened() else 0
        capture.release()
        if found != self.written:
            raise OSError(
                f"The annotated video must have {self.written} frames, got {found:.0f}. "
                "Is the disk full?"
            )

    def _write(self) -> None:
        self._writer.write(self._shown)
        self.written += 1

    def _open(self, width: int, height: int) -> Any:
        codec = self._cv2.VideoWriter_fourcc(*"mp4v")
        writer = self._cv2.VideoWriter(
            str(self._draft), self._cv2.CAP_FFMPEG, codec, self._rate, (width, height)
        )
        if not writer.isOpened():
            raise OSError(f"OpenCV cannot write an mp4 of {width} x {height} pixels.")
        return writer


@contextmanager
def annotated_video(path: Path | None, rate: float) -> Iterator[AnnotatedVideo | None]:
    """Yields what writes an mp4 (MPEG-4 Part 2, no sound), whole or not at all.

    Args:
        path: ends in .mp4; there is no file if no frame is added. None yields None.
        rate: frames a second.

    Raises:
        OSError: it cannot be written.
    """
    if path is None:
        yield None
        return
    try:
        with replacing(path) as draft:
            video = AnnotatedVideo(draft, rate)
            try:
                yield video
            finally:
                video.release()
            if not video.written:
                raise _NothingError
            video.check()
    except _NothingError:
        return


class _NothingError(Exception):
    """No frame was written."""
