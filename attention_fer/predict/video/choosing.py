"""Which frames of a video are analysed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from attention_fer.common.checks import positive_int

_FASTEST = 1_000_000  # frames a second
_ROUNDING = 1e-6  # of timestamps, which containers store in milliseconds or finer
_TIME = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d*)?)")


@dataclass(frozen=True)
class FrameChoice:
    """A choice of frames; the default is all.

    Attributes:
        every: every how many frames one is analysed, counted from the first frame of the span.
        fps: at most so many frames a second are analysed: the first of each 1/fps seconds.
        start, end: the span in seconds of the video; `end` itself is outside. None is its end.

    Raises:
        ValueError: a value out of range, or both `every` and `fps`.
    """

    every: int = 1
    fps: float | None = None
    start: float = 0.0
    end: float | None = None

    def __post_init__(self) -> None:
        positive_int("every", self.every)
        if self.fps is not None and not 0 < self.fps <= _FASTEST:
            raise ValueError(f"fps must be above 0 and at most {_FASTEST:,}, got {self.fps}.")
        if self.fps is not None and self.every != 1:
            raise ValueError("every and fps exclude each other. Give only one of them.")
        if not (math.isfinite(self.start) and self.start >= 0):
            raise ValueError(f"start must be at least 0 seconds, got {self.start}.")
        if self.end is not None and not self.start < self.end < math.inf:
            raise ValueError(
                f"end must be after start and finite, got {self.end} and {self.start} seconds."
            )

    def before(self, time: float) -> bool:
        """Whether a time lies before the span."""
        return time < self.start - _ROUNDING

    def after(self, time: float) -> bool:
        """Whether a time lies after the span."""
        return self.end is not None and time >= self.end - _ROUNDING

    def chooser(self) -> Callable[[float], bool]:
        """Returns what says of the time of each frame of the span, in turn, if it is analysed."""
        seen, latest = 0, -1

        def choose(time: float) -> bool:
            nonlocal seen, latest
            if self.fps is None:
                seen += 1
                return (seen - 1) % self.every == 0
            part = math.floor((time - self.start) * self.fps + _ROUNDING)
            chosen, latest = part > latest, max(part, latest)
            return chosen

        return choose


def seconds(what: str, text: str) -> float:
    """Returns a time given as seconds or as h:mm:ss, with decimals if wanted.

    Example:
        >>> seconds("--start", "1:02:03.5")
        3723.5

    Raises:
        ValueError: anything else.
    """
    found = _TIME.fullmatch(text.strip())
    hours, minutes, rest = (float(part or 0) for part in found.groups()) if found else (0, 0, 60)
    if not found or (found[2] and rest >= 60) or (found[1] and minutes >= 60):
        raise ValueError(f"{what} must be seconds or h:mm:ss, such as 90 or 0:01:30, got {text!r}.")
    return hours * 3600 + minutes * 60 + rest
