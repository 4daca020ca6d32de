"""CK+: 593 sequences of 123 subjects from a neutral face to the peak of an expression.

Lucey et al., "The Extended Cohn-Kanade Dataset (CK+)", 2010,
https://doi.org/10.1109/CVPRW.2010.5543262. Its licence is personal: request a copy from the
University of Pittsburgh; nothing is downloaded here. The cropped frames that circulate as "CK+48"
have no sequences; `folder` reads them.
"""

from __future__ import annotations

import warnings
from functools import partial
from itertools import chain
from pathlib import Path

from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.errors import Rejected
from preprocessing.raw_files.files import joined
from preprocessing.raw_files.photographs import load_photograph
from preprocessing.sources.base import Notice, Raw, Sample, Source, register
from preprocessing.sources.ckplus_files import CLASSES, Scan, Sequence, label_of, scan

SEQUENCES, LABELLED = 593, 327
_PUBLISHED = {
    "angry": 45,
    "disgust": 59,
    "fear": 25,
    "happy": 69,
    "sad": 28,
    "surprise": 83,
    "contempt": 18,
}
_SHORTEST = 4  # length of the shortest sequence; beyond it, some give fewer frames than asked for

EXPECTED = (
    "the directory that holds extended-cohn-kanade-images.zip (or cohn-kanade-images) and "
    "Emotion_labels.zip (or Emotion), packed or unpacked"
)
_LICENCE = "CK+ is available from the University of Pittsburgh on request, for personal use."


def open_ckplus(
    path: str | Path, *, frames: int = 3, neutral: bool = True, notice: Notice = warnings.warn
) -> Raw:
    """Finds the labelled sequences of CK+ and selects frames of each.

    Files are recognised by their paths, `S005/001/S005_001_00000011.png` and
    `S005/001/S005_001_00000011_emotion.txt`, in whatever folders.

    Args:
        path: a directory or .zip, see `EXPECTED`.
        frames: number of frames at the end of a sequence that show its expression.
        neutral: use the first frame of each labelled sequence as neutral, unless it is among
            those at the end.
        notice: receives one sentence each on sequences without a label, incomplete sequences, and
            ignored copies.

    Returns:
        Samples by subject, sequence and frame, with the column `sequence`, e.g. "S005/001". A
        sequence without a usable label is rejected once, not frame by frame.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: an option out of range, or missing images or labels.
    """
    if isinstance(frames, bool) or not isinstance(frames, int) or frames < 1:
        raise ValueError(f"frames must be an integer of at least 1, got {frames!r}.")
    places = containers(path, EXPECTED)
    found = scan(places)
    if not found.sequences or not found.labels:
        raise ValueError(f"{_missing(found)} Found at {path}: {listing(places)}. {_LICENCE}")
    groups = [_sequence(found, key, frames, neutral) for key in sorted(found.sequences)]
    orphans = [
        Rejected(label.source, "label without frames", "no image of its sequence")
        for key in sorted(found.labels.keys() - found.sequences.keys())
        for label in found.labels[key]
    ]
    problems = [*orphans, *found.rejected, *(p for files in places for p in files.problems())]
    _notify(found, notice)
    short = sum(
        len(found.sequences[key].names) <= frames
        for key in found.labels.keys() & found.sequences.keys()
    )
    if short:
        notice(
            f"{short} labelled sequences have {frames} frames or fewer: all of them count as the "
            "expression, even the first, which is almost neutral."
        )
    return Raw(
        CLASSES,
        chain(chain.from_iterable(groups), problems),
        _expected(frames, neutral),
        sum(map(len, groups)) + len(problems),
        ("sequence",),
        f"images in {found.images_in}, labels in {found.labels_in}",
        joined(files.identity() for files in places),
    )


def _sequence(
    found: Scan, key: tuple[str, str], frames: int, neutral: bool
) -> list[Sample | Rejected]:
    """Returns the selected frames of one sequence, or why there are none."""
    sequence = found.sequences[key]
    labels = found.labels.get(key, [])
    if not labels:
        return [Rejected(sequence.source, "sequence without label", "no emotion file")]
    label = label_of(labels)
    if isinstance(label, Rejected):
        return [label]
    chosen = [(name, label) for name in sequence.names[-frames:]]
    if neutral and len(sequence.names) > frames:
        chosen.insert(0, (sequence.names[0], "neutral"))
    return [_sample(sequence, name, shown) for name, shown in chosen]


def _sample(sequence: Sequence, name: str, label: str) -> Sample:
    load = partial(load_photograph, sequence.files, name)
    source = sequence.files.source(name)
    return Sample(load, label, sequence.subject, "", source, {"sequence": sequence.title})


def _expected(frames: int, neutral: bool) -> dict[str, dict[str, int]] | None:
    if frames >= _SHORTEST:
        return None
    counts = {name: frames * _PUBLISHED.get(name, 0) for name in CLASSES}
    return {"": {**counts, "neutral": LABELLED if neutral else 0}}


def _missing(found: Scan) -> str:
    """Explains which part of CK+ is missing and what to do."""
    if found.labels:
        return (
            "The images of CK+ are missing: put extended-cohn-kanade-images.zip, packed or "
            "unpacked, beside the labels and give the directory that holds both."
        )
    if found.sequences:
        return (
            "The labels of CK+ are missing: put Emotion_labels.zip, packed or unpacked, beside the "
            "images and give the directory that holds both."
        )
    if found.loose:
        return (
            f"{found.loose:,} frames of CK+ are not in folders of sequences, as in CK+48: "
            "use the dataset 'folder' for those."
        )
    return f"No CK+ found: give {EXPECTED}."


def _notify(found: Scan, notice: Notice) -> None:
    """Reports what is missing, incomplete or ignored."""
    total, without = len(found.sequences), len(found.sequences.keys() - found.labels.keys())
    whole = (total, total - without) == (SEQUENCES, LABELLED)
    wanted = "" if whole else f"; a complete copy has {SEQUENCES} with {LABELLED} labels"
    if without or not whole:
        notice(f"{without} of {total} sequences have no label{wanted}.")
    late = sum(sequence.first > 1 for sequence in found.sequences.values())
    if late:
        notice(f"{late} sequences do not begin with frame 1, which is the neutral one.")
    early = sum(
        max(label.frame for label in labels) > found.sequences[key].last
        for key, labels in found.labels.items()
        if key in found.sequences
    )
    if early:
        notice(f"{early} sequences end before the frame of their label, which is the peak.")
    for text in found.ignored:
        notice(text)


SOURCE = register(
    Source(
        name="ckplus",
        open=open_ckplus,
        options=frozenset({"frames", "neutral"}),
        needs_path=EXPECTED,
    )
)
