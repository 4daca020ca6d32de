"""EEG recordings of the commonest formats, as topographic maps of labelled windows.

Labels are annotations, events, the names of epochs or conditions, or a table. Signals are not
filtered, referenced or repaired here: do that in MNE, save, and give the result.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from attention_fer.common.checks import one_of
from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.files import Rejected, UnreadableError, as_text, joined, state_of
from preprocessing.sources.base import Notice, Raw, Subjects, register
from preprocessing.sources.eeg.electrodes import good, mne, recorded_warnings, select
from preprocessing.sources.eeg.epochs import SECONDS, Cut, Read, Recording, Segment, notify, plan
from preprocessing.sources.eeg.images import SIZE, features_of, raw_of
from preprocessing.sources.eeg.labels import assign, read_labels

FORMATS = (".fif", ".fif.gz", ".edf", ".bdf", ".gdf", ".vhdr", ".set", ".cnt")
COMPANIONS = (".eeg", ".vmrk", ".fdt")
"""Files that belong to a recording's header and are not read by themselves."""

EXPECTED = (
    "a recording (.fif, .edf, .bdf, .gdf, .vhdr, .set, .cnt), epochs (-epo.fif, .set), evoked "
    "responses (-ave.fif), or a directory of these"
)
_EPOCHS = re.compile(r"[-_]epo(-\d+)?\.fif(\.gz)?$")
_EVOKED = re.compile(r"[-_]ave\.fif(\.gz)?$")
_FIRST = re.compile(r"(.*?)(?:_split-\d+)?([-_]epo)(\.fif(?:\.gz)?)")
_BAD = re.compile(r"bad|edge|boundary$|new segment", re.IGNORECASE)
"""Beginnings of annotations that are no labels: MNE's, EEGLAB's and BrainVision's."""
_JOIN = re.compile(r"boundary$|new segment", re.IGNORECASE)
"""Those that mark where two signals were joined; their duration is that of what is missing."""


def open_file(
    path: Path, name: str, cut: Cut, montage: str | None = None, without: Collection[str] = ()
) -> Recording:
    """Read the header of a recording.

    Args:
        path: the file.
        name: name of the recording.
        cut: places trials around events.
        montage, without: see `electrodes.select`.

    Raises:
        UnreadableError: MNE cannot read the file.
        ValueError: Its electrodes cannot be drawn.
        ImportError: MNE needs another library for this format.
    """
    with recorded_warnings() as texts:
        try:
            found = _read(path)
        except ImportError:
            raise
        except Exception as error:  # each format's reader raises its own
            detail = " ".join(f"{type(error).__name__}: {error}".split())
            raise UnreadableError("unreadable recording", detail) from error
        one = found[0] if isinstance(found, list) else found
        info = select(one.info, montage, without, name)
        raw = isinstance(one, mne().io.BaseRaw)
        trials, bad = _annotated(one, cut) if raw else (_epochs(found, cut), [])
    parts = map(Path, filter(None, getattr(one, "filenames", ()) or _further(path)))
    return Recording(
        name,
        info,
        trials,
        partial(_signal, path, good(info)),
        length=one.n_times if raw else None,
        bad=bad,
        path=path,
        parts=[part for part in parts if part.name != path.name],
        warnings=texts,
        channels=one.ch_names,
    )


def _read(path: Path) -> Any:
    """Return MNE's `Raw` or `Epochs` of a file, not loaded where possible, or list of `Evoked`."""
    if _EVOKED.search(path.name):
        return mne().read_evokeds(path, proj=False)
    if _EPOCHS.search(path.name):
        return mne().read_epochs(path, proj=False, preload=False)
    try:
        return mne().io.read_raw(path, preload=False)
    except TypeError:  # how MNE says that an EEGLAB file holds epochs
        if path.suffix.lower() != ".set":
            raise
        return mne().read_epochs_eeglab(path)


def _signal(path: Path, picks: Sequence[str]) -> Read:
    with mne().use_log_level("error"):
        found = _read(path)
        if isinstance(found, mne().io.BaseRaw):
            return lambda _, start, stop: found.get_data(picks, start, stop)
        if isinstance(found, list):
            data = [one.get_data(picks) for one in found]
        else:
            data = found.get_data(picks)
    return lambda number, start, stop: data[number][:, start:stop]


def _further(path: Path) -> list[Path]:
    """Return the later files of split epochs, which MNE reads with the first but does not list."""
    first = _FIRST.fullmatch(path.name)
    if first is None:  # a later file itself
        return []
    stem, epochs, end = map(re.escape, first.groups())
    later = re.compile(rf"{stem}(?:{epochs}-\d+|_split-(?!0*1_)\d+{epochs}){end}")
    return [one for one in path.parent.iterdir() if one != path and later.fullmatch(one.name)]


def _annotated(raw: Any, cut: Cut) -> tuple[list[Segment], list[tuple[int, int]]]:
    """Return the trials and bad stretches of a `Raw`, by its annotations or trigger channel."""
    rate, notes = float(raw.info["sfreq"]), raw.annotations
    found, _ = mne().events_from_annotations(raw, lambda text: 1, regexp=None)
    starts = (found[:, 0] - raw.first_samp).tolist()
    lengths = np.rint(notes.duration * rate).astype(int).tolist()
    events, bad = [], []
    for start, length, text in zip(starts, lengths, notes.description, strict=True):
        if _BAD.match(text):
            bad.append((start, start + (0 if _JOIN.match(text) else length)))
        else:  # BrainVision writes markers of no duration as one sample
            events.append((start, start + (length if length > 1 else 0), str(text)))
    if not events and len(mne().pick_types(raw.info, meg=False, stim=True)):
        codes = mne().find_events(raw, shortest_event=1) - [raw.first_samp, 0, 0]
        events = [(start, start, str(code)) for start, _, code in codes.tolist()]
    trials = [
        Segment(number, *cut.extent(start, start, stop, rate), raw.n_times, label)
        for number, (start, stop, label) in enumerate(events)
    ]
    return trials, bad


def _epochs(found: Any, cut: Cut) -> list[Segment]:
    """Return the trials of MNE's `Epochs`, or of a list of `Evoked`."""
    rate = float((found[0] if isinstance(found, list) else found).info["sfreq"])
    if isinstance(found, list):
        blocks = [(one.comment or "", one.times) for one in found]
        offsets = np.arange(len(found)) * max(len(times) for _, times in blocks)
    else:
        names = {code: name for name, code in found.event_id.items()}
        blocks = [(names[code], found.times) for code in found.events[:, 2].tolist()]
        offsets = found.events[:, 0]
        if (np.diff(offsets) == 1).all():  # made from an array: 0, 1, 2 are not times
            offsets = np.arange(len(offsets)) * len(found.times)
    trials = []
    for number, (label, times) in enumerate(blocks):
        span = cut.extent(-round(float(times[0]) * rate), 0, len(times), rate)
        trials.append(Segment(number, *span, len(times), label, offset=int(offsets[number])))
    return trials


BIDS = r"(?:^|[/_])sub-([A-Za-z0-9]+)"
"""Subjects in names of BIDS; the default pattern if all recordings have it."""

UNLABELLED = "recording without a label"


@register("eeg", needs_path=EXPECTED, names_dataset=False, kind="maps")
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
        features, slices, value_range, size: see `images.features_of`.
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
        raise ValueError("events have no effect with a table of labels: give only one of them.")
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
