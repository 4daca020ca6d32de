"""FER2013: 35,887 grey 48x48 photographs of seven expressions, in any of its distributions.

Source: Goodfellow et al., "Challenges in Representation Learning", 2013,
https://arxiv.org/abs/1307.0414
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from pathlib import Path, PurePosixPath

import numpy as np

from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Files, Rejected, read_bytes
from preprocessing.raw_files.images import decode_grey
from preprocessing.sources import fer2013_csv
from preprocessing.sources.base import SPLITS, Notice, Raw, Sample, Source, register
from preprocessing.sources.fer2013_csv import CLASSES, SIDE, USAGES, CsvDistribution

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

SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class FolderDistribution:
    """The files below one directory that contains train/ or test/.

    Attributes:
        root: that directory.
        names: the files.
        splits: number of splits, of three, that it contains.
        preference: its rank among copies with equally many splits; the smallest is read.
    """

    root: str
    names: tuple[str, ...]
    splits: int
    preference: int = 2

    @property
    def title(self) -> str:
        return f"folders in {self.root or '.'}"

    @property
    def length(self) -> int:
        return len(self.names)

    def read(self, files: Files, notice: Notice) -> Iterator[Sample | Rejected]:
        """Yields one item per file, by split, class and the number in the file name."""
        depth = len(PurePosixPath(self.root).parts)
        located = [(_locate(PurePosixPath(name).parts[depth:]), name) for name in self.names]
        for location, name in sorted(located, key=_order):
            yield _item(files, name, location)


@dataclass(frozen=True)
class _Location:
    """Split and label of a file from its path, or the reason and detail why it has none."""

    split: str = ""
    label: str = ""
    problem: tuple[str, str] | None = None


def find_folders(files: Files, names: list[str]) -> list[FolderDistribution]:
    """Finds folder distributions, also below directories that enclose train/ and test/."""
    roots = {root for root in map(_root, names) if root is not None}
    return [_distribution(root, names) for root in sorted(roots)]


def _root(name: str) -> str | None:
    """Returns the directory above train/<emotion>/ or test/<emotion>/, if the path has one."""
    parts = PurePosixPath(name).parts
    for depth, (folder, emotion) in enumerate(pairwise(parts[:-1])):
        if folder.lower() in ("train", "test") and emotion.lower() in CLASSES:
            return "/".join(parts[:depth])
    return None


def _distribution(root: str, names: list[str]) -> FolderDistribution:
    inside = [name for name in names if _belongs(name, root)]
    depth = len(PurePosixPath(root).parts)
    splits = {_locate(PurePosixPath(name).parts[depth:]).split for name in inside} - {""}
    return FolderDistribution(root, tuple(inside), len(splits))


def _belongs(name: str, root: str) -> bool:
    """Whether a file is an image below the root, or any file in its train/ or test/."""
    if root and not name.startswith(root + "/"):
        return False
    top = name[len(root) + 1 if root else 0 :].lower()
    return top.startswith(("train/", "test/")) or top.endswith(SUFFIXES)


def _locate(parts: tuple[str, ...]) -> _Location:
    """Parses the path of a file below the root."""
    if len(parts) != 3 or parts[0].lower() not in ("train", "test"):
        return _Location(problem=("not in train/<emotion> or test/<emotion>", "/".join(parts[:-1])))
    folder, emotion, file = parts
    if not file.lower().endswith(SUFFIXES):
        return _Location(problem=("not a .jpg or .png file", file))
    if emotion.lower() not in CLASSES:
        return _Location(problem=("unknown class folder", emotion))
    split = USAGES.get(file.split("_")[0], "")
    if folder.lower() == "train" and split in ("", "train"):
        return _Location("train", emotion.lower())
    if folder.lower() == "test" and split in ("validation", "test"):
        return _Location(split, emotion.lower())
    if folder.lower() == "test":
        return _Location(problem=("test file named neither PublicTest_ nor PrivateTest_", file))
    return _Location(problem=("test file in the train folder", file))


def _order(item: tuple[_Location, str]) -> tuple:
    location, name = item
    if location.problem:
        return (len(SPLITS), 0, 0, name)
    digits = re.findall(r"\d+", PurePosixPath(name).name)
    number = int(digits[-1]) if digits else 0
    return (SPLITS.index(location.split), CLASSES.index(location.label), number, name)


def _item(files: Files, name: str, location: _Location) -> Sample | Rejected:
    source = files.source(name)
    if location.problem:
        return Rejected(source, *location.problem)
    load = partial(_load, files, name)
    return Sample(load, location.label, "", location.split, source)


def _load(files: Files, name: str) -> np.ndarray:
    return decode_grey(read_bytes(files, name), size=(SIDE, SIDE))


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
            *find_folders(files, names),
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
