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

from attention_fer.common.checks import one_of
from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.errors import Rejected, UnreadableError
from preprocessing.raw_files.files import as_text, joined, state_of
from preprocessing.sources.base import Notice, Raw, Source, register
from preprocessing.sources.eeg.epochs import SECONDS, Cut, Recording, notify, plan
from preprocessing.sources.eeg.features import SIZE
from preprocessing.sources.eeg.features import features as features_of
from preprocessing.sources.eeg.files import COMPANIONS, EXPECTED, FORMATS, open_file
from preprocessing.sources.eeg.images import OPTIONS, raw_of
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
            (except those named BAD..., EDGE..., boundary and New Segment) or, without any, the
            codes of their trigger channel, the names of epochs, the comments of evoked responses.
        events: names of the annotations or events that are labels; None for all.
        subject_pattern: regular expression that finds the subject in a recording's path, see
            `folder.open_folder`; None for the sub-... of BIDS if all recordings have it. Subjects
            in the table take precedence.
        montage: name of a montage of MNE, or a file of positions; None for those in the file.
        drop_channels: names of channels to leave out of all recordings.
        window, step, tmin, tmax: see `epochs.Cut`.
        features, slices, value_range, size: see `features.features`.
        notice: called with MNE's warnings, bad electrodes, and unknown subjects.

    Returns:
        Samples of (size, size, channels) images, by recording, trial and time.

    Raises:
        FileNotFoundError: Nothing is at `path`, or there is no table.
        ValueError: There is no recording, none can be read, one cannot be drawn, the table does not
            fit, or an option is out of range.
        ImportError: MNE, or what it needs for a format, is missing.
    """
    look = features_of(features, slices, value_range, size)
    cut = Cut(window, step, tmin, tmax)
    table = None if labels is None else read_labels(labels)
    if table is not None and events is not None:
        raise ValueError("events have no effect beside a table of labels: give one of them.")
    beside = [table.path.resolve()] if table else []
    recordings, problems, identity = _open_all(Path(path), beside, cut, montage, drop_channels)
    for one in recordings:
        for text in one.warnings:
            notice(f"{one.name}: {text}")
    labelled = assign(table, recordings, cut) if table else _named(recordings, events)
    labelled = _with_subjects(labelled, subject_pattern)
    planned = [plan(one, cut, alone=len(recordings) == 1) for one in labelled]
    notify(planned, notice)
    problems = [Rejected(one.name, UNLABELLED) for one in planned if not one.items] + problems
    if table:
        identity = joined([identity, state_of([("", table.path)])])
    rates = ", ".join(sorted({f"{one.rate:g} Hz" for one in recordings}))
    lengths = {window or (SECONDS if one.length else 0) for one in recordings}
    shown = " or ".join(
        f"{length:g} s" if length else "the whole trial" for length in sorted(lengths)
    )
    words = f"EEG recordings: {len(recordings):,} at {rates}, windows of {shown}"
    return raw_of([one for one in planned if one.items], look, words, identity, problems)


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
    known = sorted({name for one in opened for name in one.channels})
    for name in without:
        one_of("drop_channels", name, known)
    parts = sorted({part.resolve() for one in opened for part in one.parts})
    identity = joined([files.identity(), state_of((part.name, part) for part in parts)])
    return [one for one in opened if one.path.resolve() not in parts], problems, identity


def _named(recordings: Sequence[Recording], events: Sequence[str] | None) -> list[Recording]:
    """Return the recordings with those of their own trials that are labels."""
    names = {trial.label for one in recordings for trial in one.trials}
    if not all(name.strip() for name in names or [""]):
        raise ValueError(
            "Recordings must name all their annotations, events or epochs, got "
            f"{'an empty name' if names else 'none of them'}: give a table of --labels."
        )
    chosen = names if events is None else {one_of("events", name, sorted(names)) for name in events}
    return [
        replace(one, trials=[trial for trial in one.trials if trial.label in chosen])
        for one in recordings
    ]


def _with_subjects(recordings: Sequence[Recording], pattern: str | None) -> list[Recording]:
    """Fill in subjects from the names of recordings."""
    names = [one.name for one in recordings]
    if pattern is None and all(re.search(BIDS, name) for name in names):
        pattern = BIDS
    subjects, filled = Subjects(pattern, names), []
    for one in recordings:
        subject = subjects.of(one.name)
        if subject is None and not all(trial.subject for trial in one.trials):
            raise ValueError(
                f"subject_pattern must find a subject in every recording, got {pattern!r}, which "
                f"finds none in {one.name}."
            )
        trials = [replace(trial, subject=trial.subject or subject or "") for trial in one.trials]
        filled.append(replace(one, trials=trials))
    return filled


SOURCE = register(
    Source(
        name="eeg",
        open=open_eeg,
        options=frozenset(
            ["labels", "events", "subject_pattern", "montage", "drop_channels", "tmin", "tmax"]
        ).union(OPTIONS),
        needs_path=EXPECTED,
        names_dataset=False,
        kind="maps",
    )
)
