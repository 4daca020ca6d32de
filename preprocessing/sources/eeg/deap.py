"""DEAP: EEG of 32 people who watched 40 music videos each and rated them.

Koelstra et al., "DEAP: A Database for Emotion Analysis using Physiological Signals", 2012,
https://doi.org/10.1109/T-AFFC.2011.15. Available on request for research; nothing is downloaded
here. Reads the preprocessed files for MATLAB, s01.mat to s32.mat. Tested on files made after the
documented layout, not on the real ones.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from attention_fer.common.checks import one_of
from preprocessing.raw_files.containers import containers
from preprocessing.raw_files.files import (
    MOST_BYTES,
    Files,
    Rejected,
    UnreadableError,
    joined,
    read_bytes,
)
from preprocessing.sources.base import Notice, Raw, register
from preprocessing.sources.eeg.electrodes import mne
from preprocessing.sources.eeg.epochs import SECONDS, Cut, Read, Recording, Segment, plan
from preprocessing.sources.eeg.images import SIZE, features_of, raw_of

ELECTRODES = (
    *("Fp1", "AF3", "F3", "F7", "FC5", "FC1", "C3", "T7", "CP5", "CP1", "P3", "P7", "PO3", "O1"),
    *("Oz", "Pz", "Fp2", "AF4", "Fz", "F4", "F8", "FC6", "FC2", "Cz", "C4", "T8", "CP6", "CP2"),
    *("P4", "P8", "PO4", "O2"),
)
"""The first 32 channels of a file; eight channels of other signals follow."""

SUBJECTS, VIDEOS = 32, 40
RATE, BASELINE = 128.0, 3.0
DIMENSIONS = ("valence", "arousal", "dominance", "liking")
CLASSES = ("low", "high")
THRESHOLD = 5.0
"""Ratings are from 1 to 9; those above this are high."""

EXPECTED = "the directory or .zip that holds s01.mat to s32.mat, or one of them"
VARIABLES = "data (videos, 40, samples) and labels (videos, 4), floating point"
FOREIGN, FLOATS = "not a file of DEAP", ("double", "single")
_NAME = re.compile(r"(?:.*/)?(s\d{2})\.(mat|dat)", re.IGNORECASE | re.DOTALL)


@register("deap", needs_path=EXPECTED, kind="maps")
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
    """Plan the windows of all videos, without the three seconds before each.

    Args:
        path: see `EXPECTED`.
        dimension: the rating that makes the classes, one of `DIMENSIONS`.
        window, step: see `epochs.Cut`.
        features, slices, value_range, size: see `images.features_of`. Signals are microvolts.
        notice: called with missing subjects and files without forty videos.

    Returns:
        Samples of (size, size, channels) images by subject, video and time; all other files are
        rejected.

    Raises:
        FileNotFoundError: Nothing is at `path`.
        ValueError: No file at `path` is one of DEAP, or an option is out of range.
        ImportError: MNE is missing.
    """
    look, cut = features_of(features, slices, value_range, size), Cut(window, step)
    column = DIMENSIONS.index(one_of("dimension", dimension, DIMENSIONS))
    places = containers(path, EXPECTED)
    info = info_of(RATE)
    of: dict[str, Recording] = {}  # by subject
    problems = [problem for files in places for problem in files.problems()]
    named = [(files, name) for files in places for name in files.names()]
    for files, name in named:
        try:
            subject = _subject(name)
            if subject in of:
                detail = f"{of[subject].name} was used instead"
                raise UnreadableError("second file of one subject", detail)
            of[subject] = plan(_recording(files, name, subject, column, info), cut)
        except UnreadableError as error:
            problems.append(Rejected(files.source(name), error.reason, str(error)))
    found = [of[subject] for subject in sorted(of)]
    if not found:
        kinds = {(one.reason, one.detail): one.source for one in reversed(problems)}
        why = "; ".join(f"{one}: {reason} ({text})" for (reason, text), one in kinds.items())
        raise ValueError(f"{path} must be {EXPECTED}, got none of them: {why or 'no file'}.")
    there = {one.trials[0].subject for one in found}
    names = [f"s{number:02d}" for number in range(1, SUBJECTS + 1)]
    if lost := [name for name in names if name not in there]:
        notice(f"DEAP has {SUBJECTS} subjects, {len(lost)} are missing: {', '.join(lost)}")
    if short := [one.name for one in found if len(one.trials) != VIDEOS]:
        notice(f"the number of videos is not {VIDEOS}, as published, in: {', '.join(short)}")
    words = f"preprocessed files for MATLAB, {dimension} above {THRESHOLD:g} is high"
    identity = joined(files.identity() for files in places)
    return raw_of(found, look, words, identity, problems)


def info_of(rate: float) -> Any:
    """Return an `mne.Info` of DEAP's electrodes at their places on its cap of 32."""
    made = mne().create_info(list(ELECTRODES), rate, "eeg", verbose="error")
    return made.set_montage("biosemi32")


def _subject(name: str) -> str:
    """Returns the subject of a file, e.g. "s01". Raises `UnreadableError` for any other file."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise UnreadableError(FOREIGN, "expected s01.mat to s32.mat")
    if match[2].lower() == "dat":
        raise UnreadableError(
            "pickle, not opened",
            "pickles can run code; DEAP's page offers the same data as .mat files in "
            "data_preprocessed_matlab.zip",
        )
    return match[1].lower()


def _recording(files: Files, name: str, subject: str, column: int, info: Any) -> Recording:
    data, ratings = read(files, name)
    start, length = round(BASELINE * RATE), data.shape[-1]
    labels = [CLASSES[int(rating > THRESHOLD)] for rating in ratings[:, column]]
    trials = [
        Segment(video, start, length, length, label, subject, offset=video * length)
        for video, label in enumerate(labels)
    ]
    return Recording(files.source(name), info, trials, partial(_open, files, name))


def _open(files: Files, name: str) -> Read:
    data, _ = read(files, name)
    return lambda video, start, stop: 1e-6 * data[video, : len(ELECTRODES), start:stop]


def read(files: Files, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return microvolts (videos, 40, samples) and ratings (videos, 4) of one subject's file.

    Raises:
        UnreadableError: The file is too large, no MATLAB file, or of another layout.
    """
    from scipy.io import loadmat, whosmat

    stream = io.BytesIO(read_bytes(files, name, most=MOST_BYTES))
    try:
        # The first of several variables of one name is the one that loadmat reads.
        listed = {key: shape for key, shape, kind in reversed(whosmat(stream)) if kind in FLOATS}
        if not _fits(listed):
            raise UnreadableError(FOREIGN, f"it has {listed}, expected {VARIABLES}")
        found = loadmat(stream, variable_names=["data", "labels"])
        data, ratings = (found[key].astype(np.float64) for key in ("data", "labels"))
    except UnreadableError:
        raise
    except Exception as error:  # damaged files raise nearly anything
        raise UnreadableError("not a MATLAB file", str(error)) from error
    if not ((ratings >= 1) & (ratings <= 9)).all():
        raise UnreadableError(FOREIGN, "ratings outside 1 to 9")
    return data, ratings


def _fits(shapes: dict[str, tuple[int, ...]]) -> bool:
    match shapes:
        case {"data": (videos, 40, samples), "labels": (rated, 4)}:
            fits = videos == rated > 0 and samples > BASELINE * RATE
            return fits and 8 * videos * 40 * samples <= MOST_BYTES
    return False
