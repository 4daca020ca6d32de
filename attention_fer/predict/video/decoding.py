"""Decodes a video once, frame by frame, with the times that its container gives."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attention_fer.predict.frames import Frame
from attention_fer.predict.video.choosing import FrameChoice
from attention_fer.predict.video.opencv import import_opencv
from preprocessing.raw_files.files import UnreadableError, as_text

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv"),
    *(".3gp", ".ogv", ".ts", ".mts", ".m2ts"),
)
UNDECODABLE, ENDED = "undecodable video", "video ended early"
OUTSIDE = "no frame in the span"
_USUAL_RATE = 30.0  # where the container has none
_FASTEST_RATE = 100_000.0  # damaged files announce more, and times would not rise
_SHORTFALL = 1.0  # seconds; announced lengths of sound videos are off by less


def is_video(path: str | os.PathLike[str]) -> bool:
    """Whether a path ends as that of a video does and is no folder."""
    return named_video(os.fspath(path)) and not os.path.isdir(path)


def named_video(name: str) -> bool:
    """Whether a name ends as that of a video does."""
    return as_text(name).lower().endswith(SUFFIXES)


@dataclass(frozen=True, eq=False)
class Decoded:
    """A frame of the span; `frame.pixels` is None where nobody needs them.

    Attributes:
        frame: the frame.
        chosen: whether it is to be analysed.
    """

    frame: Frame
    chosen: bool


class VideoFile:
    """A video on disk.

    Args:
        path: where it lies.
        name: what the column `input` says; None for the path.

    Attributes:
        path, name: where it lies and what it is called; `name` can always be printed.
        rate: frames a second, as announced.
        announced: number of frames, as announced; 0 if unknown.
        size: width and height of the upright frames.
        problem: why it cannot be read, or None.

    Raises:
        FileNotFoundError: nothing there, or an address of the internet.
        ImportError: OpenCV is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None):
        self.name = as_text(os.fspath(path) if name is None else name)
        if "://" in self.name:
            raise FileNotFoundError(f"Nothing is downloaded: save {self.name} and give the file.")
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"No file at {self.name}. Give a video.")
        self._cv2 = import_opencv()
        self.rate, self.announced, self.size = _USUAL_RATE, 0, (0, 0)
        self.problem = self._look()

    def frames(self, choice: FrameChoice | None = None) -> Iterator[Frame]:
        """Yields the chosen frames, RGB and upright; at last one that says why, if it ended early.

        Args:
            choice: which frames; None for all.
        """
        for item in self.decoded(choice or FrameChoice()):
            if item.chosen:
                yield item.frame

    def decoded(self, choice: FrameChoice, all_pixels: bool = False) -> Iterator[Decoded]:
        """Yields every frame of the span, also those between the chosen ones.

        What ended early or has no frame in the span has a frame without pixels, which says so.

        Frames before the span are decoded and passed over: only that gives right numbers and times
        in every container.

        Args:
            choice: which frames are chosen.
            all_pixels: whether frames that are not chosen have pixels as well.
        """
        if self.problem is not None:
            yield Decoded(Frame(self.name, None, problem=self.problem), True)
            return
        capture, choose = self._open(), choice.chooser()
        number, time, inside, behind = -1, -1 / self.rate, False, False
        try:
            while capture.grab():
                milliseconds = capture.get(self._cv2.CAP_PROP_POS_MSEC)
                number, time = number + 1, later(milliseconds / 1000, time, self.rate)
                if behind := choice.after(time):
                    break
                if not choice.before(time):
                    inside = True
                    chosen = choose(time)
                    pixels = self._pixels(capture) if chosen or all_pixels else None
                    yield Decoded(Frame(self.name, pixels, number, time), chosen)
        finally:
            capture.release()
        missing = "" if behind else self._missing(number + 1, time)
        if missing or not inside:
            problem = UnreadableError(ENDED, missing) if missing else _outside(choice, time)
            yield Decoded(Frame(self.name, None, number + 1, problem=problem), True)

    def expected(self, choice: FrameChoice) -> int | None:
        """Returns how many frames are decoded up to the end of the span; None if unknown."""
        if not self.announced:
            return None
        most = self.announced if choice.end is None else math.ceil(choice.end * self.rate)
        return max(0, min(self.announced, most) - math.floor(choice.start * self.rate)) or None

    def _open(self) -> Any:
        # A full path, because FFmpeg takes "a:b.mp4" for a protocol.
        capture = self._cv2.VideoCapture(os.path.abspath(self.path), self._cv2.CAP_FFMPEG)
        capture.set(self._cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        return capture

    def _look(self) -> UnreadableError | None:
        if not self.path.stat().st_size:
            return UnreadableError("empty file", "0 bytes")
        capture = self._open()
        try:
            if not (capture.isOpened() and capture.grab()):
                return UnreadableError(UNDECODABLE, "OpenCV and FFmpeg find no picture in it")
            rate = capture.get(self._cv2.CAP_PROP_FPS)
            count = capture.get(self._cv2.CAP_PROP_FRAME_COUNT)
            height, width = self._pixels(capture).shape[:2]
        finally:
            capture.release()
        self.rate = rate if 0 < rate <= _FASTEST_RATE else _USUAL_RATE
        self.announced = int(count) if math.isfinite(count) and count > 0 else 0
        self.size = width, height
        return None

    def _pixels(self, capture: Any) -> Any:
        return self._cv2.cvtColor(capture.retrieve()[1], self._cv2.COLOR_BGR2RGB)

    def _missing(self, read: int, time: float) -> str:
        """What the end lacks, "" if nothing."""
        length = self.announced / self.rate
        if read >= self.announced or length - (time + 1 / self.rate) < min(_SHORTFALL, length / 10):
            return ""
        return (
            f"{read:,} frames to {time:.3f} s could be read, but the file announces "
            f"{self.announced:,} frames and {length:.3f} s: damaged or truncated"
        )


def _outside(choice: FrameChoice, time: float) -> UnreadableError:
    span = f"from {choice.start:g} s" + ("" if choice.end is None else f" to {choice.end:g} s")
    return UnreadableError(OUTSIDE, f"wanted {span}, the last frame that was read is at {time:g} s")


def later(time: float, before: float, rate: float) -> float:
    """Returns the time of a frame in seconds, which is that of its container if it has one.

    Args:
        time: as the container says; OpenCV gives 0 where it says nothing.
        before: of the frame before.
        rate: in frames a second; a frame without a time follows that before at this rate.
    """
    known = math.isfinite(time) and time > before
    return round(time if known else before + 1 / rate, 6)
