"""What a recording is to give: its windows with their labels, planned before any signal is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from preprocessing.raw_files.errors import Rejected
from preprocessing.raw_files.files import as_text
from preprocessing.sources.base import Notice
from preprocessing.sources.eeg.recording import Recording
from preprocessing.sources.eeg.windows import Cut, Trial, overlaps

SHORT, BEYOND, BAD = "shorter than a window", "outside the recording", "in a stretch marked bad"


@dataclass(frozen=True)
class Window:
    """One window, still to be read."""

    trial: Trial
    start: int
    stop: int
    sequence: str
    source: str


@dataclass(frozen=True, eq=False)
class Plan:
    """A recording and its windows, and what of it cannot become any, in order."""

    recording: Recording
    items: tuple[Window | Rejected, ...]


def marked(recording: Recording, cut: Cut, events: Sequence[str] | None) -> list[Trial]:
    """The trials that a recording names itself, by its annotations, events or conditions.

    Args:
        recording: of which.
        cut: where the trial of an event begins and ends.
        events: names of those that count; None for all.
    """
    chosen = [mark for mark in recording.marks if events is None or mark.name in events]
    return [
        Trial(number, mark.block, *cut.of(recording).around(mark, recording.rate), mark.name)
        for number, mark in enumerate(chosen)
    ]


def plan(
    recording: Recording, trials: Sequence[Trial], cut: Cut, subject: str, alone: bool
) -> Plan:
    """Cut the trials of a recording into windows.

    A window's sequence is what must not be divided where its subject is unknown: the recording,
    which is most likely one person's; or, if it is the only one, the trial, with those that share
    samples with it.

    Args:
        recording: of which.
        trials: its labelled stretches.
        cut: how.
        subject: whose it is, where the trial does not say; "" where unknown.
        alone: whether there is no other recording.

    Raises:
        ValueError: two trials of different labels are the same stretch.
    """
    _check_same(recording, trials)
    groups = overlaps(trials, recording.begins)
    together = {one.number: group[0].number for group in groups for one in group}
    items: list[Window | Rejected] = []
    for trial in trials:
        owned = Trial(**{**vars(trial), "subject": trial.subject or subject})
        part = f"/trial {together[trial.number]}" if owned.subject or alone else ""
        items += _windows(recording, owned, cut, as_text(recording.name + part))
    return Plan(recording, tuple(items))


def _windows(
    recording: Recording, trial: Trial, cut: Cut, sequence: str
) -> Iterator[Window | Rejected]:
    rate, cut = recording.rate, cut.of(recording)
    name = as_text(f"{recording.name}/trial {trial.number}")
    length = recording.lengths[trial.block]
    if trial.start < 0 or trial.stop > length:
        detail = f"{_seconds(trial.start, trial.stop, rate)} of {length / rate:g} s"
        yield Rejected(name, BEYOND, detail, trial.label)
        return
    spans = list(cut.spans(trial, rate))
    if not spans:
        needed = "needs a sample" if cut.length is None else f"is {cut.length:g} s"
        detail = f"{(trial.stop - trial.start) / rate:g} s, a window {needed}"
        yield Rejected(name, SHORT, detail, trial.label)
    for start, stop in spans:
        source = f"{name}/{_seconds(start, stop, rate)}"
        if any(block == trial.block and a < stop and start < b for block, a, b in recording.bad):
            yield Rejected(source, BAD, "", trial.label)
        else:
            yield Window(trial, start, stop, sequence, source)


def _seconds(start: int, stop: int, rate: float) -> str:
    return f"{start / rate:.3f}-{stop / rate:.3f} s"


def _check_same(recording: Recording, trials: Sequence[Trial]) -> None:
    seen: dict[tuple[int, int, int], Trial] = {}
    for trial in trials:
        first = seen.setdefault((trial.block, trial.start, trial.stop), trial)
        if first.label != trial.label:
            raise ValueError(
                f"{recording.name}: {_seconds(trial.start, trial.stop, recording.rate)} is both "
                f"{first.label!r} and {trial.label!r}: say with --events which annotations are "
                "labels"
            )


def tell(plans: Sequence[Plan], notice: Notice) -> None:
    """Say what of the plans a person should know: bad electrodes, and unknown subjects."""
    for one in plans:
        if bads := one.recording.info["bads"]:
            notice(
                f"{one.recording.name}: electrodes marked bad are left out, the others are "
                f"interpolated over their place: {', '.join(bads)}"
            )
    windows = [item for one in plans for item in one.items if isinstance(item, Window)]
    if all(window.trial.subject for window in windows):
        return
    if len(plans) == 1:
        notice(
            "the subject is not known, and there is one recording: its trials are divided, and a "
            "result says nothing about other people"
        )
    else:
        notice(
            "subjects are not known: each recording is taken for one person and kept whole; if "
            "somebody has several, say who with --subject-pattern or a column subject"
        )
