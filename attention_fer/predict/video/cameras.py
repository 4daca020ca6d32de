"""Delivers the newest picture of a camera on request; older ones are dropped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from attention_fer.predict.frames import Frame
from attention_fer.predict.video.opencv import import_opencv
from preprocessing.raw_files.files import UnreadableError

LOST = "camera lost"
_LARGEST = 99  # index; OpenCV takes hundreds for the name of a library
_PATIENCE = 10.0  # seconds without a picture after which a camera counts as lost


class Capture(Protocol):
    """What pictures are read from, as `cv2.VideoCapture` does."""

    def read(self) -> tuple[bool, np.ndarray | None]:
        """Returns whether there was a picture, and the picture, uint8 BGR."""


@contextmanager
def open_camera(index: int) -> Iterator[Any]:
    """Yields the `cv2.VideoCapture` of a camera.

    Args:
        index: 0 for the first camera.

    Raises:
        OSError: there is no such camera, or it cannot be used.
        ImportError: OpenCV is not installed.
    """
    cv2 = import_opencv()
    capture = cv2.VideoCapture()
    try:
        if index > _LARGEST or not capture.open(index):
            known = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "no /dev/video*"
            raise OSError(
                f"Camera {index} cannot be opened. It must be connected, not in use, and you need "
                f"permission to use it (on Linux, {known})."
            )
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        yield capture
    finally:
        capture.release()


class LatestFrames:
    """Reads a camera in its own thread, so that no picture waits while faces are predicted.

    Args:
        capture: of the camera.
        name: what the column `input` says.
    """

    def __init__(self, capture: Capture, name: str):
        self._capture, self._name = capture, name
        self._changed = threading.Condition()
        self._latest: tuple[int, float, np.ndarray] | None = None
        self._stopped = self._ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> LatestFrames:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stopped = True
        self._thread.join(_PATIENCE)

    def frames(self, seconds: float | None = None) -> Iterator[Frame]:
        """Yields the newest frame each time, and at last one that says why if the camera is lost.

        `number` counts all frames of the camera, so that gaps show; `time` is seconds since the
        first.

        Args:
            seconds: when to stop; None for never.
        """
        first, read = None, 0
        while (latest := self._next()) is not None:
            number, moment, pixels = latest
            first = moment if first is None else first
            if seconds is not None and moment - first >= seconds:
                return
            read = number + 1
            rgb = np.ascontiguousarray(pixels[..., ::-1])
            yield Frame(self._name, rgb, number, round(moment - first, 6))
        detail = f"no more pictures after {read:,}; is it still connected?"
        yield Frame(self._name, None, read, problem=UnreadableError(LOST, detail))

    def _next(self) -> tuple[int, float, np.ndarray] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._latest is not None or self._ended, _PATIENCE)
            latest, self._latest = self._latest, None
            return latest

    def _read(self) -> None:
        number = 0
        while not self._stopped:
            good, pixels = self._capture.read()
            with self._changed:
                if good and pixels is not None:
                    self._latest = number, time.monotonic(), pixels
                    number += 1
                else:
                    self._ended = True
                self._changed.notify()
            if self._ended:
                return
