"""Labelled stretches of a recording, and the windows cut out of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from preprocessing.sources.eeg.recording import Mark, Recording

SECONDS = 2.0
"""Length of a window of a continuous recording where none is given."""


@dataclass(frozen=True)
class Trial:
    """One labelled stretch of a recording.

    Attributes:
        number: its place among the recording's labels, counted from 0.
        block: in which block of the recording it lies, see `recording.Recording`.
        start, stop: first sample, and first sample behind it.
        label: class name.
        subject: whose it is; "" where unknown.
    """

    number: int
    block: int
    start: int
    stop: int
    label: str
    subject: str = ""


@dataclass(frozen=True)
class Cut:
    """How trials are found around events, and cut into windows.

    Attributes:
        length: of a window in seconds; None for `SECONDS` of a continuous recording, and for the
            whole epoch or response of others.
        step: from one window to the next in seconds; None for `length`.
        tmin, tmax: where trials begin and end, in seconds from their event; None for the extent
            that the event has, and a window's length where it has none.

    Raises:
        ValueError: a number out of range, or a step without a length.
    """

    length: float | None = None
    step: float | None = None
    tmin: float | None = None
    tmax: float | None = None

    def __post_init__(self) -> None:
        if self.length is None and self.step is not None:
            raise ValueError(f"got step={self.step} without a window's length: give --window too")
        for name, value in (("window", self.length), ("step", self.step)):
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"got {name}={value}: expected seconds above 0")
        if self.tmin is not None and self.tmax is not None and not self.tmin < self.tmax:
            raise ValueError(f"got tmin={self.tmin}, tmax={self.tmax}: expected tmin before tmax")

    def of(self, recording: Recording) -> Cut:
        """With the length that holds for a recording."""
        if self.length is None and recording.continuous:
            return replace(self, length=SECONDS)
        return self

    def around(self, mark: Mark, rate: float) -> tuple[int, int]:
        """Start and stop of the trial of a mark, which may lie outside its recording."""
        start = mark.start if self.tmin is None else mark.zero + round(self.tmin * rate)
        if self.tmax is not None:
            return start, mark.zero + round(self.tmax * rate)
        if mark.stop > mark.start:
            return start, mark.stop
        return start, start + samples(self.length or SECONDS, rate)

    def spans(self, trial: Trial, rate: float) -> Iterator[tuple[int, int]]:
        """Start and stop of each window that lies wholly in a trial; none if it is too short."""
        whole = trial.stop - trial.start
        if whole < 1:
            return
        length = whole if self.length is None else samples(self.length, rate)
        step = length if self.step is None else samples(self.step, rate)
        for start in range(trial.start, trial.stop - length + 1, max(step, 1)):
            yield start, start + length


def samples(seconds: float, rate: float) -> int:
    """A length in samples, at least 1."""
    return max(1, round(seconds * rate))


def overlaps(trials: Sequence[Trial], begins: Sequence[int] = ()) -> list[list[Trial]]:
    """Groups of trials that share samples, directly or through others, in order of time.

    Args:
        trials: of one recording.
        begins: of its blocks, see `recording.Recording`; without them blocks share nothing.
    """

    def extent(trial: Trial) -> tuple[int, int, int]:
        if begins:
            return 0, begins[trial.block] + trial.start, begins[trial.block] + trial.stop
        return trial.block, trial.start, trial.stop

    found: list[list[Trial]] = []
    end = (-1, 0)
    for trial in sorted(trials, key=lambda one: (*extent(one)[:2], one.number)):
        block, start, stop = extent(trial)
        if found and block == end[0] and start < end[1]:
            found[-1].append(trial)
            end = (block, max(end[1], stop))
        else:
            found.append([trial])
            end = (block, stop)
    return found
