"""FER2013: 35,887 grey 48x48 photographs of seven expressions, in any of its distributions.

Source: Goodfellow et al., "Challenges in Representation Learning", 2013,
https://arxiv.org/abs/1307.0414
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Files
from preprocessing.sources import fer2013_csv, fer2013_folders
from preprocessing.sources.base import Notice, Raw, Source, register
from preprocessing.sources.fer2013_csv import CLASSES, CsvDistribution
from preprocessing.sources.fer2013_folders import FolderDistribution

_PUBLISHED = {
    "train": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "validation": (467, 56, 496, 895, 653, 415, 607),
    "test": (491, 55, 528, 879, 594, 416, 626),
}
EXPECTED = {split: dict(zip(CLASSES, counts, strict=True)) for split, counts in _PUBLISHED.items()}

LOOKED_FOR = (
    "fer2013.csv (emotion,pixels,Usage), icml_face_data.csv (emotion, Usage, pixels), "
    "train.csv (emotion,pixels) with test.csv (pixels), folders train/<emotion> and "
    "test/<emotion> of .jpg or .png files, or a .zip of any of these"
)

Distribution = CsvDistribution | FolderDistribution


@dataclass(frozen=True)
class _Copy:
    """One copy of FER2013; the one with the smallest rank is read."""

    rank: tuple
    title: str
    files: Files
    distribution: Distribution


def open_fer2013(path: str | Path, *, notice: Notice = warnings.warn) -> Raw:
    """Finds FER2013 in a CSV, a zip, or a directory with any of its distributions.

    If there are several, the one that covers the most splits is read. Among equals, a CSV with all
    three parts precedes the folders, and the folders precede train.csv.

    Args:
        path: the .csv, the .zip, or a directory.
        notice: receives one sentence on what was chosen or is missing.

    Returns:
        Samples of (48, 48) images without subject, in the order of the rows of a CSV, else by
        split, class and the number in the file name; other, unreadable files come last.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no FER2013 at `path`, or a damaged .zip.
    """
    places = containers(path, LOOKED_FOR)
    copies = sorted(_copies(places), key=lambda copy: copy.rank)
    if not copies:
        raise ValueError(f"No FER2013 at {path}: expected {LOOKED_FOR}; found {listing(places)}.")
    chosen, *others = copies
    if others:
        also = ", ".join(item.title for item in others)
        notice(f"Several distributions found: reading {chosen.title}, ignoring {also}.")
    problems = chosen.files.problems()
    items = chain(chosen.distribution.read(chosen.files, notice), problems)
    length = chosen.distribution.length + len(problems)
    identity = chosen.files.identity(chosen.distribution.names)
    return Raw(CLASSES, items, EXPECTED, length, distribution=chosen.title, identity=identity)


def _copies(places: list[Files]) -> Iterator[_Copy]:
    for place, files in enumerate(places):
        names = files.names()
        found: list[Distribution] = [
            *fer2013_csv.find(files, names),
            *fer2013_folders.find(files, names),
        ]
        for one in found:
            rank = (-one.splits, one.preference, place, one.title)
            yield _Copy(rank, files.source(one.title), files, one)


SOURCE = register(
    Source(
        name="fer2013",
        open=open_fer2013,
        needs_path="fer2013.csv, icml_face_data.csv, archive.zip or the directory holding them",
        kind="faces",
    )
)
