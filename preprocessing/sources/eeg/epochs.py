"""Labelled trials of a recording and the windows cut from them, before any signal is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.raw_files.files import Rejected
from preprocessing.sources.base import Notice

SECONDS = 2.0
"""Default length of a window of a continuous recording."""

SHORT, BEYOND, BAD = "shorter than a window", "outside the recording", "in a stretch marked bad"

Read = Callable[[int, int, int], np.ndarray]
"""`read(number, start, stop)` returns volts, (electrodes, samples), see `Segment`."""


@dataclass(frozen=True)
class Segment:
    """A labelled stretch of a recording: a trial, or one of its windows.

    Attributes:
        number: index of its event or epoch in the file, or of its row in a table of times.
        start, stop: samples from the start of the continuous recording, or of the epoch.
        limit: number of samples of that recording or epoch.
        label, subject: class name, and who was recorded; "" where unknown.
        offset: sample of the measurement at which the epoch starts.
        source, sequence: for windows, their name, and the name of the unit that no split divides.
    """

    number: int
    start: int
    stop: int
    limit: int
    label: str
    subject: str = ""
    offset: int = 0
    source: str = ""
    sequence: str = ""


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording of which only the header has been read.

    Attributes:
        name: path of its file below the given directory.
        info: the `mne.Info` of its electrodes, all with positions, the bad ones marked.
        trials: what the file or a table labels, in its order.
        open: opens the signal of the electrodes that are not marked bad.
        length: number of samples of a continuous recording; None for epochs.
        bad: start and stop of stretches marked bad, in samples; equal at a join of two signals.
        path, parts: its file, and further files that belong to it.
        warnings: what MNE warned about.
        channels: names of all its channels, also of those that are not drawn.
        items: the windows and rejected trials, in order, once planned.
    """

    name: str
    info: Any
    trials: Sequence[Segment]
    open: Callable[[], Read]
    length: int | None = None
    bad: Sequence[tuple[int, int]] = ()
    path: Path = Path()
    parts: Sequence[Path] = ()
    warnings: Sequence[str] = ()
    channels: Sequence[str] = ()
    items: Sequence[Segment | Rejected] = ()

    @property
    def rate(self) -> float:
        """Samples per second."""
        return float(self.info["sfreq"])


class Reader:
    """Reads pieces of one recording, which it opens at the first; safe between threads."""

    def __init__(self, recording: Recording):
        self._opened = cache(recording.open)
        self._lock = threading.Lock()

    def __call__(self, number: int, start: int, stop: int) -> np.ndarray:
        """Return one piece in volts, float64 (electrodes, samples)."""
        with self._lock:
            return np.asarray(self._opened()(number, start, stop), np.float64)


@dataclass(frozen=True)
class Cut:
    """How trials are placed around events and cut into windows.

    Attributes:
        length: seconds of a window; None for 2 in a continuous recording, else the whole epoch.
        step: seconds from one window to the next; None for `length`.
        tmin, tmax: where a trial begins and ends, in seconds from its event; None for the extent of
            the annotation or epoch, or one window where it has none.

    Raises:
        ValueError: A number is out of range, or a step is given without a length.
    """

    length: float | None = None
    step: float | None = None
    tmin: float | None = None
    tmax: float | None = None

    def __post_init__(self) -> None:
        if self.length is None and self.step is not None:
            raise ValueError(f"step={self.step} needs the length of a window: give --window too.")
        for name, value in (("window", self.length), ("step", self.step)):
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0 seconds, got {value}.")
        if self.tmin is not None and self.tmax is not None and not self.tmin < self.tmax:
            raise ValueError(f"tmin must be below tmax, got tmin={self.tmin}, tmax={self.tmax}.")

    def extent(self, event: int, start: int, stop: int, rate: float) -> tuple[int, int]:
        """Return start and stop of a trial, all in samples.

        Args:
            event: the event; `tmin` and `tmax` count from here.
            start, stop: of its annotation or epoch; equal if it has no length.
            rate: samples per second.
        """
        extended = stop > start
        if self.tmin is not None:
            start = event + round(self.tmin * rate)
        if self.tmax is not None:
            stop = event + round(self.tmax * rate)
        elif not extended:
            stop = start + max(1, round((self.length or SECONDS) * rate))
        return start, stop

    def windows(self, trial: Segment, recording: Recording) -> list[tuple[int, int]]:
        """Return start and stop of each window that fits into a trial, in samples."""
        length = trial.stop - trial.start
        if self.length is not None or recording.length is not None:
            length = max(1, round((self.length or SECONDS) * recording.rate))
        step = length if self.step is None else max(1, round(self.step * recording.rate))
        if not 0 < length <= trial.stop - trial.start:
            return []
        starts = range(trial.start, trial.stop - length + 1, step)
        return [(start, start + length) for start in starts]


def overlapping(trials: Sequence[Segment]) -> list[list[Segment]]:
    """Group trials that share samples, directly or through others, in order of time."""
    groups: list[list[Segment]] = []
    end = float("-inf")
    for trial in sorted(trials, key=lambda one: (one.offset + one.start, one.number)):
        if trial.offset + trial.start >= end:
            groups.append([])
        groups[-1].append(trial)
        end = max(end, trial.offset + trial.stop)
    return groups


def plan(recording: Recording, cut: Cut, alone: bool = False) -> Recording:
    """Return a recording with its trials cut into windows.

    A window's sequence, which no split divides, is its trial with those that share samples with it;
    but the whole recording, most likely of one person, where the subject is unknown and the
    recording is not `alone`.

    Raises:
        ValueError: Two trials of different labels are the same stretch.
    """
    name, trials = recording.name, recording.trials
    seen: dict[tuple[int, int], str] = {}
    for one in trials:
        place = one.offset + one.start, one.offset + one.stop
        if seen.setdefault(place, one.label) != one.label:
            raise ValueError(
                f"{name}: {_seconds(recording, one.start, one.stop)} is labelled both "
                f"{seen[place]!r} and {one.label!r}. Choose the annotations that are labels with "
                "--events."
            )
    first = {one.number: group[0].number for group in overlapping(trials) for one in group}
    items: list[Segment | Rejected] = []
    for one in trials:
        whole = not one.subject and not alone
        sequence = name if whole else f"{name}/trial {first[one.number]}"
        items += _windows(recording, replace(one, sequence=sequence), cut)
    return replace(recording, items=items)


def _windows(recording: Recording, trial: Segment, cut: Cut) -> Iterator[Segment | Rejected]:
    name, span = f"{recording.name}/trial {trial.number}", (trial.start, trial.stop)
    windows = cut.windows(trial, recording)
    if trial.start < 0 or trial.stop > trial.limit or not windows:
        reason = SHORT if trial.start >= 0 and trial.stop <= trial.limit else BEYOND
        detail = f"{_seconds(recording, *span)} of {trial.limit / recording.rate:g} s"
        yield Rejected(name, reason, detail, trial.label)
        return
    for start, stop in windows:
        source = f"{name}/{_seconds(recording, start, stop)}"
        # As mne.Epochs does by reject_by_annotation, which has to read the signal for it.
        if any(begin < stop and start < end for begin, end in recording.bad):
            yield Rejected(source, BAD, "", trial.label)
        else:
            yield replace(trial, start=start, stop=stop, source=source)


def _seconds(recording: Recording, start: int, stop: int) -> str:
    return f"{start / recording.rate:.3f}-{stop / recording.rate:.3f} s"


def notify(recordings: Sequence[Recording], notice: Notice) -> None:
    """Report electrodes marked bad and unknown subjects of planned recordings."""
    for one in recordings:
        if bads := ", ".join(one.info["bads"]):
            notice(f"{one.name}: electrodes marked bad are left out and interpolated over: {bads}")
    items = [item for one in recordings for item in one.items]
    if all(isinstance(item, Rejected) or item.subject for item in items):
        return
    if len(recordings) == 1:
        notice(
            "the subject is unknown and there is one recording: its trials are divided among the "
            "splits, and a result says nothing about other people"
        )
    else:
        notice(
            "subjects are unknown: each recording is treated as a different person and kept whole; "
            "give --subject-pattern or a column subject if some people have several"
        )
