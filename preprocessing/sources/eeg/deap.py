"""DEAP: EEG of 32 people who watched 40 music videos each and rated them.

Koelstra et al., "DEAP: A Database for Emotion Analysis using Physiological Signals", 2012,
https://doi.org/10.1109/T-AFFC.2011.15. On request for research; nothing is fetched here. Read are
the preprocessed files for Python, s01.dat to s32.dat. This was tried on files made up after their
documented layout and not on the real ones.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.raw_files.containers import container, listing
from preprocessing.raw_files.errors import Rejected, UnreadableError
from preprocessing.raw_files.files import MOST_BYTES, Files, read_bytes
from preprocessing.sources.base import Notice, Raw, Source, register
from preprocessing.sources.eeg.features import features as features_of
from preprocessing.sources.eeg.images import SIZE, Look, raw_of
from preprocessing.sources.eeg.mne_import import mne
from preprocessing.sources.eeg.plan import Plan, Window, marked, plan, tell
from preprocessing.sources.eeg.recording import Mark, Read, Recording
from preprocessing.sources.eeg.unpickle import arrays
from preprocessing.sources.eeg.windows import SECONDS, Cut

ELECTRODES = (
    *("Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1"),
    *("Oz", "Pz", "Fp2", "AF4", "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2"),
    *("P4", "P8", "PO4", "O2"),
)
"""The first 32 channels of a file; eight of other signals follow."""

SUBJECTS, VIDEOS = 32, 40
CHANNELS, RATE, BASELINE = 40, 128.0, 3.0
DIMENSIONS = ("valence", "arousal", "dominance", "liking")
CLASSES = ("low", "high")
THRESHOLD = 5.0
"""A rating above it, of 1 to 9, is high."""

EXPECTED = "the directory or .zip that holds s01.dat to s32.dat, or one of them"
_NAME = re.compile(r"(?:.*/)?(s\d{2})\.dat", re.IGNORECASE | re.DOTALL)


def open_deap(
    path: str | Path,
    *,
    dimension: str = "valence",
    window: float | None = SECONDS,
    step: float | None = None,
    features: str = "bands",
    slices: int | None = None,
    value_range: Sequence[float] | None = None,
    size: int = SIZE,
    notice: Notice = warnings.warn,
) -> Raw:
    """Plan the windows of all videos. The three seconds before a video are left out.

    The files are pickles; they are read by `unpickle.arrays`, which runs no code.

    Args:
        path: see `EXPECTED`.
        dimension: the rating that makes the classes, one of `DIMENSIONS`.
        window, step: see `windows.Cut`.
        features, slices, value_range: see `features.features`. The signal is in microvolts.
        size: side of the images in pixels.
        notice: called with subjects that are missing, and files without forty videos.

    Returns:
        Samples of (size, size, channels) images by subject, video and time; what else lies there,
        and a file that is none of DEAP, is rejected.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no file of DEAP at `path`, or an option out of range.
        ImportError: MNE is missing.
    """
    look, cut = Look(features_of(features, slices, value_range), size), Cut(window, step)
    if dimension not in DIMENSIONS:
        raise ValueError(f"got dimension={dimension!r}: expected one of {', '.join(DIMENSIONS)}")
    files = container(path, EXPECTED)
    info = info_of(RATE)
    plans: list[Plan] = []
    problems = files.problems()
    for name in files.names():
        try:
            plans.append(_plan(files, name, DIMENSIONS.index(dimension), info, cut))
        except UnreadableError as error:
            problems.append(Rejected(files.source(name), error.reason, str(error)))
    if not plans:
        why = "; ".join(f"{one.source}: {one.reason} ({one.detail})" for one in problems[:3])
        raise ValueError(
            f"no file of DEAP at {path}: expected {EXPECTED}; {why or listing([files])}"
        )
    _tell_of_gaps(plans, notice)
    tell(plans, notice)
    words = f"preprocessed files for Python, {dimension} above {THRESHOLD:g} is high"
    return raw_of(plans, look, words, files.identity(), problems)


def _tell_of_gaps(plans: Sequence[Plan], notice: Notice) -> None:
    there = {item.trial.subject for one in plans for item in one.items if isinstance(item, Window)}
    names = [f"s{number:02d}" for number in range(1, SUBJECTS + 1)]
    if lost := [name for name in names if name not in there]:
        notice(f"DEAP has {SUBJECTS} subjects, {len(lost)} are missing: {', '.join(lost)}")
    if short := [one.recording.name for one in plans if len(one.recording.lengths) != VIDEOS]:
        notice(f"not {VIDEOS} videos, as the published files have, in: {', '.join(short)}")


def info_of(rate: float) -> Any:
    """An ``mne.Info`` of DEAP's electrodes, where the cap of 32 that it used has them."""
    return (
        mne().create_info(list(ELECTRODES), rate, "eeg", verbose="error").set_montage("biosemi32")
    )


def _plan(files: Files, name: str, column: int, info: Any, cut: Cut) -> Plan:
    match = _NAME.fullmatch(name)
    if match is None:
        raise UnreadableError("not a file of DEAP", "expected s01.dat to s32.dat")
    data, ratings = read(files, name)
    start, length = round(BASELINE * RATE), data.shape[-1]
    marks = tuple(
        Mark(video, start, start, length, CLASSES[int(rating > THRESHOLD)])
        for video, rating in enumerate(ratings[:, column])
    )
    opened = partial(_open, files, name)
    source, lengths = files.source(name), (length,) * len(data)
    found = Recording(source, info, RATE, lengths, marks, (), opened, False)
    return plan(found, marked(found, cut, None), cut, match[1].lower(), alone=False)


def _open(files: Files, name: str) -> Read:
    data, _ = read(files, name)
    return lambda block, start, stop: 1e-6 * data[block, : len(ELECTRODES), start:stop]


def read(files: Files, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Signal in microvolts (videos, 40, samples) and ratings (videos, 4) of one subject.

    Raises:
        UnreadableError: too large, no pickle of arrays alone, or of another layout.
    """
    try:
        found = arrays(read_bytes(files, name, most=MOST_BYTES))
    except ValueError as error:
        raise UnreadableError("not a pickle of arrays", str(error)) from error
    shapes = {key: value.shape for key, value in found.items()}
    data, ratings = found.get("data"), found.get("labels")
    if data is None or ratings is None or not _fits(data.shape, ratings.shape):
        raise UnreadableError(
            "not a file of DEAP",
            f"it has {shapes}, expected data (videos, 40, samples) and labels (videos, 4)",
        )
    if not ((ratings >= 1) & (ratings <= 9)).all():
        raise UnreadableError("not a file of DEAP", "ratings outside 1 to 9")
    return data, ratings


def _fits(data: tuple[int, ...], ratings: tuple[int, ...]) -> bool:
    return (
        len(data) == 3
        and data[1] == CHANNELS
        and data[2] > BASELINE * RATE
        and ratings == (data[0], len(DIMENSIONS))
    )


SOURCE = register(
    Source(
        name="deap",
        open=open_deap,
        options=frozenset(
            {
                *("dimension", "window", "step", "features", "slices", "value_range"),
                "size",
            }
        ),
        needs_path=EXPECTED,
        faces=True,
        maps=True,
    )
)
