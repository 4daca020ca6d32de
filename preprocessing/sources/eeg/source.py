"""EEG recordings of the commonest formats, as topographic maps of labelled windows.

Labels are annotations, events, the names of epochs or conditions, or a table. Nothing is filtered,
referenced or repaired here: do that in MNE, save, and give the result.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.errors import Rejected, UnreadableError
from preprocessing.raw_files.files import as_text, joined, state_of
from preprocessing.sources.base import Notice, Raw, Source, register
from preprocessing.sources.eeg.features import features as features_of
from preprocessing.sources.eeg.files import EXPECTED, FORMATS, Opened, open_file, suffix
from preprocessing.sources.eeg.images import SIZE, Look, raw_of
from preprocessing.sources.eeg.labels import assign, read_labels
from preprocessing.sources.eeg.plan import Plan, marked, plan, tell
from preprocessing.sources.eeg.recording import Recording
from preprocessing.sources.eeg.windows import Cut, Trial
from preprocessing.sources.subjects import Subjects

BIDS = r"(?:^|[/_])sub-([A-Za-z0-9]+)"
"""Where BIDS writes the subject: looked for unasked, and used if all recordings have it."""

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

    Only EEG channels are drawn. Those that the recording marks bad are left out of the map, which
    is interpolated over their place.

    Args:
        path: the recording or directory, see `files.EXPECTED`.
        labels: table of labels, see `labels.EXPECTED`; None for the recordings' own annotations
            (without those named BAD..., EDGE..., boundary and New Segment) or else the codes of
            their trigger channel, the names of epochs, the comments of evoked responses.
        events: names of the annotations or events that are labels; None for all.
        subject_pattern: regular expression that finds the subject in a recording's path, see
            `folder.open_folder`; None for BIDS's sub-..., if all have it. A subject in the table
            goes before it.
        montage: name of a montage of MNE, or a file of positions; None for those in the file.
        drop_channels: names of channels to leave out of all recordings.
        window, step, tmin, tmax: see `windows.Cut`.
        features, slices, value_range: see `features.features`.
        size: side of the images in pixels.
        notice: called with what MNE warns of, bad electrodes, and unknown subjects.

    Returns:
        Samples of (size, size, channels) images, by recording, trial and time.

    Raises:
        FileNotFoundError: nothing at `path`, or no table.
        ValueError: no recording, one that cannot be read or drawn, a table that does not fit, or
            an option out of range.
        ImportError: MNE, or what it needs for a format, is missing.
    """
    look = Look(features_of(features, slices, value_range), size)
    cut = Cut(window, step, tmin, tmax)
    table = None if labels is None else read_labels(labels)
    if table is not None and events is not None:
        raise ValueError("got events beside a table of labels, where they have no effect")
    found = _open_all(_find(Path(path), table.path if table else None), montage, drop_channels)
    for text in found.warned:
        notice(text)
    if table is None:
        _check_events(found.recordings, events)
        trials = {one.name: marked(one, cut, events) for one in found.recordings}
    else:
        trials = assign(table, found.recordings, cut)
    plans = _plans(found.recordings, trials, cut, subject_pattern)
    tell(plans, notice)
    return raw_of(
        [one for one in plans if one.items],
        look,
        _words(found.recordings, cut),
        joined([found.identity, *([state_of([("", table.path)])] if table else ())]),
        [*_unlabelled(plans), *found.problems],
    )


@dataclass(frozen=True, eq=False)
class _Place:
    """Where recordings lie: their paths by name, and what else is there."""

    files: DirectoryFiles
    paths: dict[str, Path]
    problems: list[Rejected]


@dataclass(frozen=True, eq=False)
class _Found:
    """All recordings, opened."""

    recordings: list[Recording]
    warned: list[str]
    problems: list[Rejected]
    identity: str


def _find(path: Path, table: Path | None) -> _Place:
    if not path.exists():
        raise FileNotFoundError(f"no file or directory at {path}: give {EXPECTED}")
    files = DirectoryFiles(path) if path.is_dir() else DirectoryFiles(path.parent, [path.name])
    root = Path(files.root)
    names = files.names()
    paths = {as_text(name): root / name for name in names if suffix(name) in FORMATS}
    if not paths:
        shown = ", ".join(map(as_text, names[:5])) or "nothing"
        raise ValueError(f"no recording at {path}: expected {EXPECTED}; found {shown}")
    others = [name for name in names if not suffix(name) and not _same(root / name, table)]
    strange = [Rejected(as_text(name), "not a recording", Path(name).suffix) for name in others]
    return _Place(files, paths, [*strange, *files.problems()])


def _same(path: Path, other: Path | None) -> bool:
    return other is not None and path.resolve() == other.resolve()


def _open_all(place: _Place, montage: str | None, without: Collection[str]) -> _Found:
    """Open every file that is not a further part of another."""
    opened: dict[str, Opened] = {}
    problems = list(place.problems)
    for name, path in place.paths.items():
        try:
            opened[name] = open_file(path, name, montage, without)
        except UnreadableError as error:
            problems.append(Rejected(name, error.reason, str(error)))
    if not opened:
        raise ValueError(f"MNE can read no recording: {problems[-1].source}: {problems[-1].detail}")
    _check_dropped(opened.values(), without)
    parts = sorted({part.resolve() for one in opened.values() for part in one.parts})
    kept = {n: one for n, one in opened.items() if place.paths[n].resolve() not in parts}
    warned = [f"{name}: {text}" for name, one in kept.items() for text in one.warned]
    state = joined([place.files.identity(), state_of((part.name, part) for part in parts)])
    return _Found([one.recording for one in kept.values()], warned, problems, state)


def _check_dropped(opened: Collection[Opened], without: Collection[str]) -> None:
    known = {name for one in opened for name in one.channels}
    for name in sorted(set(without) - known):
        raise ValueError(
            f"no recording has a channel {name!r} to leave out: there are "
            f"{', '.join(sorted(known))}"
        )


def _check_events(recordings: Sequence[Recording], events: Sequence[str] | None) -> None:
    """Refuse labels that are none: names that no recording has, or no name at all."""
    names = {mark.name for one in recordings for mark in one.marks}
    for event in events or ():
        if event not in names:
            shown = ", ".join(sorted(names)[:20]) or "none"
            raise ValueError(f"no annotation or event is named {event!r}: there are {shown}")
    if not names:
        raise ValueError(
            f"{recordings[0].name} has no annotation, event or epoch: give a table of --labels"
        )
    for one in recordings:
        if number := sum(not mark.name.strip() for mark in one.marks):
            raise ValueError(
                f"{one.name}: {number} of {len(one.marks)} annotations, events or responses have "
                "no name that could be a label: give a table of --labels"
            )


def _plans(
    recordings: Sequence[Recording], trials: dict[str, list[Trial]], cut: Cut, pattern: str | None
) -> list[Plan]:
    names = [one.name for one in recordings]
    if pattern is None and all(re.search(BIDS, name) for name in names):
        pattern = BIDS
    subjects = Subjects(pattern, names)
    lost = [n for n in names if subjects.of(n) is None and not all(t.subject for t in trials[n])]
    if lost:
        raise ValueError(
            f"subject_pattern {pattern!r} finds no subject in {len(lost)} of {len(names)} "
            f"recordings, such as {lost[0]}"
        )
    alone = len(recordings) == 1
    return [
        plan(one, trials[one.name], cut, subjects.of(one.name) or "", alone) for one in recordings
    ]


def _unlabelled(plans: Sequence[Plan]) -> list[Rejected]:
    return [Rejected(as_text(one.recording.name), UNLABELLED) for one in plans if not one.items]


def _words(recordings: Sequence[Recording], cut: Cut) -> str:
    rates = ", ".join(sorted({f"{one.rate:g} Hz" for one in recordings}))
    lengths = {cut.of(one).length for one in recordings}
    shown = " or ".join("the whole trial" if n is None else f"{n:g} s" for n in lengths)
    return f"EEG recordings: {len(recordings):,} at {rates}, windows of {shown}"


SOURCE = register(
    Source(
        name="eeg",
        open=open_eeg,
        options=frozenset(
            {
                *("labels", "events", "subject_pattern", "montage", "drop_channels", "window"),
                *("step", "tmin", "tmax", "features", "slices", "value_range", "size"),
            }
        ),
        needs_path=EXPECTED,
        names_dataset=False,
        faces=True,
        maps=True,
    )
)
