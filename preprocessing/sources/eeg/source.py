"""EEG recordings of the commonest formats, as topographic maps of labelled windows.

Labels are annotations, events, the names of epochs or conditions, or a table. Signals are not
filtered, referenced or repaired here: do that in MNE, save, and give the result.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.errors import Rejected, UnreadableError
from preprocessing.raw_files.files import as_text, joined, state_of
from preprocessing.sources.base import Notice, Raw, Rejected, Source, UnreadableError, register
from preprocessing.sources.eeg.epochs import SECONDS, Cut, Recording, Trial, notify, plan
from preprocessing.sources.eeg.features import features as features_of
from preprocessing.sources.eeg.files import COMPANIONS, EXPECTED, FORMATS, open_file
from preprocessing.sources.eeg.images import OPTIONS, SIZE, Look, raw_of
from preprocessing.sources.eeg.labels import assign, read_labels
from preprocessing.sources.subjects import Subjects

BIDS = r"(?:^|[/_])sub-([A-Za-z0-9]+)"
"""Subjects in names of BIDS; the default pattern if all recordings have it."""

UNLABELLED = "recording without a label"


def open_eeg(
    path: str | Path,
    *,
    labels: str | Path | None = None,
    events: Sequence[str] | None = None,
    subject_pattern: str | None = None,
    montage: str | None = None,
    drop_channels: Collection[str] = (),
    window: float | None = None,
    step: float | None = None,
    tmin: float | None = None,
    tmax: float | None = None,
    features: str = "bands",
    slices: int | None = None,
    value_range: Sequence[float] | None = None,
    size: int = SIZE,
    notice: Notice = warnings.warn,
) -> Raw:
    """Plan the windows of one recording, or of all below a directory.

    Only EEG channels are drawn. Those marked bad are left out; the map is interpolated over their
    place.

    Args:
        path: the recording or directory, see `files.EXPECTED`.
        labels: table of labels, see `labels.EXPECTED`; None for the recordings' own annotations
            (except those named BAD..., EDGE..., boundary and New Segment) or, without any, the codes
            of their trigger channel, the names of epochs, the comments of evoked responses.
        events: names of the annotations or events that are labels; None for all.
        subject_pattern: regular expression that finds the subject in a recording's path, see
            `folder.open_folder`; None for the sub-... of BIDS if all recordings have it. Subjects
            in the table take precedence.
        montage: name of a montage of MNE, or a file of positions; None for those in the file.
        drop_channels: names of channels to leave out of all recordings.
        window, step, tmin, tmax: see `epochs.Cut`.
        features, slices, value_range: see `features.features`.
        size: side of the images in pixels.
        notice: called with MNE's warnings, bad electrodes, and unknown subjects.

    Returns:
        Samples of (size, size, channels) images, by recording, trial and time.

    Raises:
        FileNotFoundError: Nothing is at `path`, or there is no table.
        ValueError: There is no recording, none can be read, one cannot be drawn, the table does not
            fit, or an option is out of range.
        ImportError: MNE, or what it needs for a format, is missing.
    """
    look = Look(features_of(features, slices, value_range), size)
    cut = Cut(window, step, tmin, tmax)
    table = None if labels is None else read_labels(labels)
    if table is not None and events is not None:
        raise ValueError("events have no effect beside a table of labels: give one of them.")
    beside = () if table is None else (table.path.resolve(),)
    recordings, problems, identity = _open_all(Path(path), beside, cut, montage, drop_channels)
    for one in recordings:
        for text in one.warnings:
            notice(f"{one.name}: {text}")
    if table is not None:
        identity = joined([identity, state_of([("", table.path)])])
        trials = assign(table, recordings, cut)
    else:
        trials = _named(recordings, events)
    trials = _with_subjects(trials, subject_pattern)
    alone = len(recordings) == 1
    plans = [plan(one, trials[one.name], cut, alone) for one in recordings]
    notify(plans, notice)
    empty = [Rejected(one.recording.name, UNLABELLED) for one in plans if not one.items]
    kept = [one for one in plans if one.items]
    return raw_of(kept, look, _words(recordings, window), identity, [*empty, *problems])


def _open_all(
    path: Path, beside: Collection[Path], cut: Cut, montage: str | None, without: Collection[str]
) -> tuple[list[Recording], list[Rejected], str]:
    """Open every recording that is not a further part of another.

    Returns the recordings, the rejected files, and the identity of all.
    """
    if not path.exists():
        raise FileNotFoundError(f"No file or directory at {path}: give {EXPECTED}.")
    files = DirectoryFiles(path) if path.is_dir() else DirectoryFiles(path.parent, [path.name])
    opened: list[Recording] = []
    problems = files.problems()
    for name in files.names():
        place, shown = Path(files.root, name), as_text(name)
        if name.lower().endswith(COMPANIONS) or place.resolve() in beside:
            continue
        try:
            if not name.lower().endswith(FORMATS):
                raise UnreadableError("not a recording", place.suffix)
            opened.append(open_file(place, shown, cut, montage, without))
        except UnreadableError as error:
            problems.append(Rejected(shown, error.reason, str(error)))
    if not opened:
        found = "; ".join(
            f"{one.source}: {one.reason} {one.detail}".strip() for one in problems[:5]
        )
        raise ValueError(f"{path} must be {EXPECTED}, got no recording: {found or 'nothing'}.")
    known = {name for one in opened for name in one.channels}
    for name in sorted(set(without) - known):
        raise ValueError(f"drop_channels must be among {', '.join(sorted(known))}, got {name!r}.")
    parts = sorted({part.resolve() for one in opened for part in one.parts})
    identity = joined([files.identity(), state_of((part.name, part) for part in parts)])
    return [one for one in opened if one.path.resolve() not in parts], problems, identity


def _named(recordings: Sequence[Recording], events: Sequence[str] | None) -> dict[str, list[Trial]]:
    """Return the trials that recordings label themselves. Raises ValueError if a name is missing."""
    names = sorted({trial.label for one in recordings for trial in one.trials})
    if not names:
        raise ValueError(
            f"{recordings[0].name} has no annotation, event or epoch: give a table of --labels."
        )
    for event in events or ():
        if event not in names:
            raise ValueError(f"events must be among {', '.join(names[:20])}, got {event!r}.")
    for one in recordings:
        if number := sum(not trial.label.strip() for trial in one.trials):
            raise ValueError(
                f"{one.name}: {number} of {len(one.trials)} annotations, events or responses have "
                "no name that could be a label: give a table of --labels."
            )
    return {
        one.name: [trial for trial in one.trials if events is None or trial.label in events]
        for one in recordings
    }


def _with_subjects(trials: dict[str, list[Trial]], pattern: str | None) -> dict[str, list[Trial]]:
    """Fill in the subjects of trials from the names of their recordings."""
    names = list(trials)
    if pattern is None and all(re.search(BIDS, name) for name in names):
        pattern = BIDS
    subjects = Subjects(pattern, names)
    lost = [n for n in names if subjects.of(n) is None and not all(t.subject for t in trials[n])]
    if lost:
        raise ValueError(
            f"subject_pattern must find a subject in every recording, got {pattern!r}, which finds "
            f"none in {len(lost)} of {len(names)}, such as {lost[0]}."
        )
    return {
        name: [replace(one, subject=one.subject or subjects.of(name) or "") for one in found]
        for name, found in trials.items()
    }


def _words(recordings: Sequence[Recording], window: float | None) -> str:
    rates = ", ".join(sorted({f"{one.rate:g} Hz" for one in recordings}))
    lengths = sorted(
        {
            f"{window or SECONDS:g} s" if window or one.length is not None else "the whole trial"
            for one in recordings
        }
    )
    return f"EEG recordings: {len(recordings):,} at {rates}, windows of {' or '.join(lengths)}"


SOURCE = register(
    Source(
        name="eeg",
        open=open_eeg,
        options=frozenset(
            {
                *("labels", "events", "subject_pattern", "montage", "drop_channels"),
                *("tmin", "tmax", *OPTIONS),
            }
        ),
        needs_path=EXPECTED,
        names_dataset=False,
        faces=True,
        maps=True,
    )
)
