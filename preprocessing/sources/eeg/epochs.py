"""Labelled trials of a recording and the windows cut from them, before any signal is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.raw_files.files import as_text
from preprocessing.sources.base import Notice, Rejected

SECONDS = 2.0
"""Default length of a window of a continuous recording."""

SHORT, BEYOND, BAD = "shorter than a window", "outside the recording", "in a stretch marked bad"

Read = Callable[[int, int, int], np.ndarray]
"""`read(number, start, stop)` returns volts, (electrodes, samples), see `Trial`."""


@dataclass(frozen=True)
class Trial:
    """A labelled stretch of a recording.

    Attributes:
        number: index of the annotation, event, epoch or response in its file, or of the row in a
            table of times.
        start, stop: first sample and the one after the last, counted from the start of a
            continuous recording, or of the trial's own epoch or response.
        limit: number of samples of that recording, epoch or response.
        label: class name.
        subject: who was recorded; "" where unknown.
        offset: sample of the measurement that `start` counts from.
    """

    number: int
    start: int
    stop: int
    limit: int
    label: str
    subject: str = ""
    offset: int = 0


@dataclass(frozen=True, eq=False)
class Recording:
    """A recording of which only the header has been read.

    Attributes:
        name: path of its file below the given directory.
        info: the `mne.Info` of its electrodes, all with positions, the bad ones marked.
        rate: samples per second.
        trials: what the file itself labels, in its order.
        open: opens the signal of the electrodes that are not marked bad.
        length: number of samples of a continuous recording; None for epochs and responses.
        bad: start and stop of stretches marked bad, in samples; a join of two signals is a stretch
            of no length.
        path, parts: its file, and further files that belong to it.
        warnings: what MNE warned about.
        channels: names of all its channels, also of those that are not drawn.
    """

    name: str
    info: Any
    rate: float
    trials: Sequence[Trial]
    open: Callable[[], Read]
    length: int | None = None
    bad: Sequence[tuple[int, int]] = ()
    path: Path = Path()
    parts: Sequence[Path] = ()
    warnings: Sequence[str] = ()
    channels: Sequence[str] = ()


class Reader:
    """Reads pieces of one recording; opens it at the first piece and is safe between threads."""

    def __init__(self, recording: Recording):
        self._open = recording.open
        self._read: Read | None = None
        self._lock = threading.Lock()

    def __call__(self, number: int, start: int, stop: int) -> np.ndarray:
        """Return one piece in volts, float64 (electrodes, samples)."""
        with self._lock:
            if self._read is None:
                self._read = self._open()
            return np.asarray(self._read(number, start, stop), np.float64)


@dataclass(frozen=True)
class Cut:
    """How trials are placed around events and cut into windows.

    Attributes:
        length: seconds of a window; None for `SECONDS` of a continuous recording and for the whole
            epoch or response otherwise.
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
        """Return start and stop of the trial of an event at sample `event`.

        `start` and `stop` are those of its annotation or epoch; they are equal if it has no length.
        """
        extended = stop > start
        if self.tmin is not None:
            start = event + round(self.tmin * rate)
        if self.tmax is not None:
            stop = event + round(self.tmax * rate)
        elif not extended:
            stop = start + self._samples(SECONDS, rate)
        return start, stop

    def windows(self, trial: Trial, recording: Recording) -> list[tuple[int, int]]:
        """Return start and stop of each window that lies wholly in a trial."""
        whole = trial.stop - trial.start
        default = SECONDS if recording.length is not None else whole / recording.rate
        length = self._samples(default, recording.rate)
        step = length if self.step is None else max(1, round(self.step * recording.rate))
        starts = range(trial.start, trial.stop - length + 1, step) if whole > 0 else ()
        return [(start, start + length) for start in starts]

    def _samples(self, default: float, rate: float) -> int:
        return max(1, round((self.length or default) * rate))


@dataclass(frozen=True)
class Window:
    """One window, not yet read: its trial, samples, sequence and source, see `plan`."""

    trial: Trial
    start: int
    stop: int
    sequence: str
    source: str


@dataclass(frozen=True, eq=False)
class Plan:
    """A recording with its windows and rejected trials, in order."""

    recording: Recording
    items: Sequence[Window | Rejected]


def overlapping(trials: Sequence[Trial]) -> list[list[Trial]]:
    """Group trials that share samples, directly or through others, in order of time."""
    groups: list[list[Trial]] = []
    end = float("-inf")
    for trial in sorted(trials, key=lambda one: (one.offset + one.start, one.number)):
        if trial.offset + trial.start >= end:
            groups.append([])
        groups[-1].append(trial)
        end = max(end, trial.offset + trial.stop)
    return groups


def plan(recording: Recording, trials: Sequence[Trial], cut: Cut, alone: bool = False) -> Plan:
    """Cut the trials of a recording into windows.

    A window's sequence is what no split divides: the trial, together with those that share samples
    with it; or the whole recording, most likely of one person, if the subject is unknown and there
    are other recordings.

    Args:
        recording: the recording.
        trials: its labelled stretches.
        cut: how to cut them.
        alone: whether there is no other recording.

    Raises:
        ValueError: Two trials of different labels are the same stretch.
    """
    seen: dict[tuple[int, int], str] = {}
    for one in trials:
        place = one.offset + one.start, one.offset + one.stop
        if seen.setdefault(place, one.label) != one.label:
            raise ValueError(
                f"{recording.name}: {_seconds(one.start, one.stop, recording.rate)} is labelled "
                f"both {seen[place]!r} and {one.label!r}. Choose the annotations that are labels "
                "with --events."
            )
    first = {one.number: group[0].number for group in overlapping(trials) for one in group}
    items: list[Window | Rejected] = []
    for trial in trials:
        part = f"/trial {first[trial.number]}" if trial.subject or alone else ""
        items += _items(recording, trial, cut, as_text(recording.name + part))
    return Plan(recording, items)


def _items(
    recording: Recording, trial: Trial, cut: Cut, sequence: str
) -> Iterator[Window | Rejected]:
    name, rate = as_text(f"{recording.name}/trial {trial.number}"), recording.rate
    if trial.start < 0 or trial.stop > trial.limit:
        detail = f"{_seconds(trial.start, trial.stop, rate)} of {trial.limit / rate:g} s"
        yield Rejected(name, BEYOND, detail, trial.label)
        return
    windows = cut.windows(trial, recording)
    if not windows:
        yield Rejected(name, SHORT, f"{(trial.stop - trial.start) / rate:g} s", trial.label)
    for start, stop in windows:
        source = f"{name}/{_seconds(start, stop, rate)}"
        # The rule of mne.Epochs(reject_by_annotation=True), which would have to read the signal.
        if any(begin < stop and start < end for begin, end in recording.bad):
            yield Rejected(source, BAD, "", trial.label)
        else:
            yield Window(trial, start, stop, sequence, source)


def _seconds(start: int, stop: int, rate: float) -> str:
    return f"{start / rate:.3f}-{stop / rate:.3f} s"


def notify(plans: Sequence[Plan], notice: Notice) -> None:
    """Report electrodes marked bad and unknown subjects."""
    for one in plans:
        if bads := one.recording.info["bads"]:
            notice(
                f"{one.recording.name}: electrodes marked bad are left out and interpolated from "
                f"the others: {', '.join(bads)}"
            )
    windows = [item for one in plans for item in one.items if isinstance(item, Window)]
    if all(window.trial.subject for window in windows):
        return
    if len(plans) == 1:
        notice(
            "the subject is unknown and there is one recording: its trials are divided among the "
            "splits, and a result says nothing about other people"
        )
    else:
        notice(
            "subjects are unknown: each recording is kept whole, as if from a person of its own; "
            "name subjects with --subject-pattern or a column subject if some have several"
        )
