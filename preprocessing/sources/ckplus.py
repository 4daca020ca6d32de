"""CK+: 593 sequences of 123 people from a neutral face to the peak of an expression.

Lucey et al., "The Extended Cohn-Kanade Dataset (CK+)", 2010,
https://doi.org/10.1109/CVPRW.2010.5543262. Its licence is personal: ask the University of
Pittsburgh for a copy, nothing is fetched here. The cropped frames that go round as "CK+48" have no
sequences; `folder` reads them.
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
from preprocessing.sources.ckplus_files import Sequence, Tree, scan
from preprocessing.sources.ckplus_labels import CLASSES, label_of

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
_SHORTEST = 4  # frames that every sequence has; where more are asked for, some give fewer

EXPECTED = (
    "the directory that holds extended-cohn-kanade-images.zip (or cohn-kanade-images) and "
    "Emotion_labels.zip (or Emotion), packed or unpacked"
)
_LICENCE = "CK+ comes from the University of Pittsburgh on request, under a personal licence"


def open_ckplus(
    path: str | Path, *, frames: int = 3, neutral: bool = True, notice: Notice = warnings.warn
) -> Raw:
    """Find the labelled sequences of CK+ and choose frames of each.

    Files are recognised by their paths, ``S005/001/S005_001_00000011.png`` and
    ``S005/001/S005_001_00000011_emotion.txt``, whatever lies around them.

    Args:
        path: a directory or .zip, see `EXPECTED`.
        frames: how many frames at the end of a sequence show its expression.
        neutral: take the first frame of each labelled sequence as neutral, unless it is among
            those at the end.
        notice: called with a sentence on each: sequences without a label, sequences that are not
            whole, and copies that are ignored.

    Returns:
        Samples by subject, sequence and frame, with the column ``sequence``, as in "S005/001".
        A sequence without a usable label is rejected once, its frames are not listed.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: an option out of range, or the images or the labels are not there.
    """
    if isinstance(frames, bool) or not isinstance(frames, int) or frames < 1:
        raise ValueError(f"got frames={frames!r}: expected a whole number of at least 1")
    places = containers(path, EXPECTED)
    tree = scan(places)
    if not tree.sequences or not tree.labels:
        raise ValueError(f"{_missing(tree)} at {path}; found {listing(places)}. {_LICENCE}")
    groups = [_sequence(tree, key, frames, neutral) for key in sorted(tree.sequences)]
    orphans = [
        Rejected(label.source, "label without frames", "no image of its sequence")
        for key in sorted(tree.labels.keys() - tree.sequences.keys())
        for label in tree.labels[key]
    ]
    problems = [*orphans, *tree.rejected, *(p for files in places for p in files.problems())]
    _tell(tree, notice)
    short = sum(
        len(tree.sequences[key].names) <= frames
        for key in tree.labels.keys() & tree.sequences.keys()
    )
    if short:
        notice(
            f"{short} labelled sequences have {frames} frames or fewer: all of them count as the "
            "expression, the first too, which is nearly neutral"
        )
    return Raw(
        CLASSES,
        chain(chain.from_iterable(groups), problems),
        _expected(frames, neutral),
        sum(map(len, groups)) + len(problems),
        ("sequence",),
        f"images in {tree.images_in}, labels in {tree.labels_in}",
        joined(files.identity() for files in places),
    )


def _sequence(
    tree: Tree, key: tuple[str, str], frames: int, neutral: bool
) -> list[Sample | Rejected]:
    """The frames chosen of one sequence, or why there are none."""
    sequence = tree.sequences[key]
    labels = tree.labels.get(key, [])
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


def _missing(tree: Tree) -> str:
    if tree.labels:
        return (
            "the images of CK+ are missing: put extended-cohn-kanade-images.zip, packed or "
            "unpacked, beside the labels and give the directory that holds both; only labels are"
        )
    if tree.sequences:
        return (
            "the labels of CK+ are missing: put Emotion_labels.zip, packed or unpacked, beside the "
            "images and give the directory that holds both; only images are"
        )
    if tree.loose:
        return (
            f"{tree.loose:,} frames of CK+ without folders of sequences, as in CK+48: "
            "the dataset 'folder' reads those; no sequence of CK+ is"
        )
    return f"no CK+: give {EXPECTED}; nothing of it is"


def _tell(tree: Tree, notice: Notice) -> None:
    total, without = len(tree.sequences), len(tree.sequences.keys() - tree.labels.keys())
    whole = (total, total - without) == (SEQUENCES, LABELLED)
    wanted = "" if whole else f"; a complete copy has {SEQUENCES} with {LABELLED} labels"
    if without or not whole:
        notice(f"{without} of {total} sequences have no label{wanted}")
    late = sum(sequence.first > 1 for sequence in tree.sequences.values())
    if late:
        notice(f"{late} sequences do not begin with frame 1, which is the neutral one")
    early = sum(
        max(label.frame for label in labels) > tree.sequences[key].last
        for key, labels in tree.labels.items()
        if key in tree.sequences
    )
    if early:
        notice(f"{early} sequences end before the frame of their label, which is the peak")
    for text in tree.ignored:
        notice(text)


SOURCE = register(
    Source(
        name="ckplus",
        open=open_ckplus,
        options=frozenset({"frames", "neutral"}),
        needs_path=EXPECTED,
    )
)
