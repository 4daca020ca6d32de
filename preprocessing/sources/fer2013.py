"""FER2013: 35,887 grey 48x48 photographs of seven expressions, in any of its distributions.

Source: Goodfellow et al., "Challenges in Representation Learning", 2013,
https://arxiv.org/abs/1307.0414
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Files
from preprocessing.sources import fer2013_csv, fer2013_folders
from preprocessing.sources.base import Notice, Raw, Source, register
from preprocessing.sources.fer2013_csv import CLASSES

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


Reader = fer2013_csv.CsvDistribution | fer2013_folders.FolderDistribution


@dataclass(frozen=True)
class _Distribution:
    """One copy of FER2013: how complete it is, what it is called, how to read it."""

    rank: tuple
    title: str
    files: Files
    reader: Reader


def open_fer2013(path: str | Path, *, notice: Notice = warnings.warn) -> Raw:
    """Find FER2013 from a CSV, a zip, or a directory holding any of its distributions.

    Where several are found, the one that covers most splits is read; among those a CSV with all
    three parts comes before the folders, and the folders before train.csv.

    Args:
        path: the .csv, the .zip, or a directory.
        notice: called with a sentence on what was chosen or is missing.

    Returns:
        Samples of (48, 48) images without subject. Order: that of the rows in a CSV, else by
        split, class and the number in the file name; what else lies there and cannot be read
        comes last.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: nothing known at `path`, or a .zip that is none.
    """
    places = containers(path, LOOKED_FOR)
    found = sorted(_distributions(places), key=lambda item: item.rank)
    if not found:
        raise ValueError(f"no FER2013 at {path}: looked for {LOOKED_FOR}; found {listing(places)}")
    chosen, *others = found
    if others:
        also = ", ".join(item.title for item in others)
        notice(f"several distributions found: reading {chosen.title}, ignoring {also}")
    problems = chosen.files.problems()
    items = chain(chosen.reader.read(chosen.files, notice), problems)
    length = chosen.reader.length + len(problems)
    identity = chosen.files.identity(chosen.reader.names)
    return Raw(CLASSES, items, EXPECTED, length, distribution=chosen.title, identity=identity)


def _distributions(places: list[Files]) -> list[_Distribution]:
    found = []
    for place, files in enumerate(places):
        names = files.names()
        readers: list[Reader] = [
            *fer2013_csv.find(files, names),
            *fer2013_folders.find(files, names),
        ]
        for reader in readers:
            rank = (-reader.splits, reader.preference, place, reader.title)
            found.append(_Distribution(rank, files.source(reader.title), files, reader))
    return found


SOURCE = register(
    Source(
        name="fer2013",
        open=open_fer2013,
        needs_path="fer2013.csv, icml_face_data.csv, archive.zip or the directory holding them",
        faces=True,
    )
)
