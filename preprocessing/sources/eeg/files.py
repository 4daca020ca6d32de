"""Recordings in the commonest of the formats that MNE reads: continuous, in epochs, averaged."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.raw_files.errors import UnreadableError
from preprocessing.sources.eeg.electrodes import electrodes, good
from preprocessing.sources.eeg.mne_import import mne, told
from preprocessing.sources.eeg.recording import Mark, Read, Recording

FORMATS = (".fif", ".fif.gz", ".edf", ".bdf", ".gdf", ".vhdr", ".set", ".cnt")
COMPANIONS = (".eeg", ".vmrk", ".fdt")
"""Parts of a recording that its header names; nothing by themselves."""

EXPECTED = (
    "a recording (.fif, .edf, .bdf, .gdf, .vhdr, .set, .cnt), epochs (-epo.fif, .set), evoked "
    "responses (-ave.fif), or a directory of these"
)
_EPOCHS = re.compile(r"[-_]epo(-\d+)?\.fif(\.gz)?$")
_EVOKED = re.compile(r"[-_]ave\.fif(\.gz)?$")
_FIRST = re.compile(r"(.*?)(?:_split-\d+)?([-_]epo)(\.fif(?:\.gz)?)")
_BAD = re.compile(r"bad|edge|boundary$|new segment", re.IGNORECASE)
"""How the names of annotations begin that label nothing: MNE's, EEGLAB's and BrainVision's."""
_JOIN = re.compile(r"boundary$|new segment", re.IGNORECASE)
"""Those of them that stand where two pieces of signal were joined, whatever length they have."""


@dataclass(frozen=True, eq=False)
class Opened:
    """A recording's header.

    Attributes:
        recording: itself.
        parts: further files that belong to it.
        warned: what MNE warns of.
        channels: names of all channels, also of those that are not drawn.
    """

    recording: Recording
    parts: list[Path]
    warned: list[str]
    channels: list[str]


def open_file(path: Path, name: str, montage: str | None, without: Collection[str]) -> Opened:
    """Read a recording's header.

    Args:
        path: the file.
        name: what it is called.
        montage, without: see `electrodes.electrodes`.

    Raises:
        UnreadableError: MNE cannot read it.
        ValueError: its electrodes cannot be drawn.
        ImportError: MNE needs a further library for this format.
    """
    with told() as warned:
        kind = _kind(path)
        try:
            found = kind(path)
        except ImportError:
            raise
        except Exception as error:  # each format's reader raises its own
            raise UnreadableError("unreadable recording", _told(error)) from error
        inst = found[0] if isinstance(found, list) else found
        info = electrodes(inst.info, montage, without, name)
        recording = _DESCRIBED[kind](found, path, name, info)
    filenames = getattr(inst, "filenames", None) or (_further(path) if kind is _epochs else ())
    parts = [Path(part) for part in filenames if part is not None]
    others = [part for part in parts if part.name != path.name]
    return Opened(recording, others, warned, list(inst.ch_names))


def suffix(name: str) -> str:
    """The ending of a file's name that says its format; "" where none is known."""
    return next((end for end in (*FORMATS, *COMPANIONS) if name.lower().endswith(end)), "")


def _told(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _further(path: Path) -> list[Path]:
    """Later parts of split epochs, which MNE reads with the first and does not name."""
    first = _FIRST.fullmatch(path.name)
    if first is None:  # a later part itself: those behind it belong to the first one anyway
        return []
    stem, epochs, end = map(re.escape, first.groups())
    later = re.compile(rf"{stem}(?:{epochs}-\d+|_split-(?!0*1_)\d+{epochs}){end}")
    return [one for one in path.parent.iterdir() if one != path and later.fullmatch(one.name)]


def _kind(path: Path) -> Callable[[Path], Any]:
    if _EVOKED.search(path.name):
        return _evoked
    if _EPOCHS.search(path.name):
        return _epochs
    return _set if path.suffix.lower() == ".set" else _raw


def _raw(path: Path) -> Any:
    return mne().io.read_raw(path, preload=False)


def _epochs(path: Path) -> Any:
    return mne().read_epochs(path, proj=False, preload=False)


def _set(path: Path) -> Any:
    try:
        return _raw(path)
    except TypeError:  # so MNE says that it holds epochs
        return mne().read_epochs_eeglab(path)


def _evoked(path: Path) -> Any:
    return mne().read_evokeds(path, proj=False)


def _continuous(raw: Any, path: Path, name: str, info: Any) -> Recording:
    if not hasattr(raw, "first_samp"):
        return _in_epochs(raw, path, name, info)
    picks, rate = good(info), float(raw.info["sfreq"])

    def start() -> Read:
        with mne().use_log_level("error"):
            again = _raw(path)
        return lambda _, start, stop: again.get_data(picks, start, stop)

    found = [_mark(raw, one, rate) for one in raw.annotations]
    marks = [mark for mark in found if not _BAD.match(mark.name)] or _events(raw)
    bad = tuple((0, *_extent(mark)) for mark in found if _BAD.match(mark.name))
    return Recording(name, info, rate, (raw.n_times,), tuple(marks), bad, start, True)


def _extent(mark: Mark) -> tuple[int, int]:
    """Where no window may lie; a join lies between two samples, and no window across it."""
    return (mark.start, mark.start) if _JOIN.match(mark.name) else (mark.start, mark.stop)


def _mark(raw: Any, annotation: Any, rate: float) -> Mark:
    """An annotation; its time counts from the start of the measurement, of which the file may
    hold a part alone. One of a single sample, as BrainVision writes them, has no length."""
    zero = round(annotation["onset"] * rate) - raw.first_samp
    length = round(annotation["duration"] * rate)
    return Mark(0, zero, zero, zero + (length if length > 1 else 0), str(annotation["description"]))


def _events(raw: Any) -> list[Mark]:
    """Events of the trigger channels, for files without annotations; their names are numbers."""
    if not len(mne().pick_types(raw.info, meg=False, stim=True)):
        return []
    events = mne().find_events(raw, shortest_event=1)
    return [Mark(0, zero, zero, zero, str(code)) for zero, code in _places(events, raw.first_samp)]


def _places(events: np.ndarray, first: int) -> list[tuple[int, int]]:
    return [(int(sample) - first, int(code)) for sample, _, code in events]


def _in_epochs(epochs: Any, path: Path, name: str, info: Any) -> Recording:
    picks, rate = good(info), float(epochs.info["sfreq"])
    names = {code: text for text, code in epochs.event_id.items()}
    length, zero = len(epochs.times), -round(float(epochs.times[0]) * rate)
    marks = tuple(
        Mark(block, zero, 0, length, names[int(code)])
        for block, code in enumerate(epochs.events[:, 2])
    )

    def start() -> Read:
        with mne().use_log_level("error"):
            again = _kind(path)(path)
            data = again.get_data(picks)
        return lambda block, start, stop: data[block, :, start:stop]

    begins = epochs.events[:, 0]
    # Those of epochs that were made of an array are 0, 1, 2 and say nothing of time.
    known = len(begins) > 1 and not (np.diff(begins) == 1).all()
    times = tuple(map(int, begins)) if known else ()
    return Recording(name, info, rate, (length,) * len(marks), marks, (), start, False, times)


def _averaged(evoked: list[Any], path: Path, name: str, info: Any) -> Recording:
    picks, rate = good(info), float(evoked[0].info["sfreq"])
    marks = tuple(
        Mark(block, -round(float(one.times[0]) * rate), 0, len(one.times), one.comment or "")
        for block, one in enumerate(evoked)
    )

    def start() -> Read:
        with mne().use_log_level("error"):
            again = _evoked(path)
        return lambda block, start, stop: again[block].get_data(picks)[:, start:stop]

    lengths = tuple(mark.stop for mark in marks)
    return Recording(name, info, rate, lengths, marks, (), start, False)


_DESCRIBED: dict[Callable[[Path], Any], Callable[..., Recording]] = {
    _raw: _continuous,
    _set: _continuous,
    _epochs: _in_epochs,
    _evoked: _averaged,
}
