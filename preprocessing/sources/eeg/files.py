"""Recordings in the formats that MNE reads: continuous, in epochs, or averaged."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.raw_files.errors import UnreadableError
from preprocessing.sources.eeg.electrodes import good, select
from preprocessing.sources.eeg.epochs import Cut, Read, Recording, Segment
from preprocessing.sources.eeg.mne_import import mne, recorded_warnings

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
