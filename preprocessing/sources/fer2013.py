"""FER2013: 35,887 grey 48x48 photographs of seven expressions, in any of its distributions.

Source: Goodfellow et al., "Challenges in Representation Learning", 2013,
https://arxiv.org/abs/1307.0414
"""

from __future__ import annotations

import re
import warnings
from functools import partial
from itertools import chain, pairwise
from pathlib import Path, PurePosixPath

import numpy as np

from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Files, Rejected, read_bytes
from preprocessing.raw_files.images import decode_grey
from preprocessing.sources import fer2013_csv
from preprocessing.sources.base import SPLITS, Notice, Raw, Sample, first_of, register
from preprocessing.sources.fer2013_csv import CLASSES, SIDE, USAGES, Distribution

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


@register(
    "fer2013",
    needs_path="fer2013.csv, icml_face_data.csv, archive.zip or the directory holding them",
    kind="faces",
)
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
    copies: list[Distribution] = []
    for files in places:
        names = files.names()
        found = [*fer2013_csv.find(files, names), *find_folders(files, names)]
        copies += sorted(found, key=lambda copy: copy.title)
    if not copies:
        raise ValueError(f"No FER2013 at {path}: expected {LOOKED_FOR}; found {listing(places)}.")
    copies.sort(key=lambda copy: (-copy.splits, copy.preference))
    chosen = first_of("distributions", copies, lambda copy: copy.title, notice)
    problems = chosen.files.problems()
    items = chain(chosen.read(notice), problems)
    length = chosen.length + len(problems)
    identity = chosen.files.identity(chosen.names)
    return Raw(CLASSES, items, EXPECTED, length, distribution=chosen.title, identity=identity)


def find_folders(files: Files, names: list[str]) -> list[Distribution]:
    """Finds folder distributions, also below directories that enclose train/ and test/."""
    roots = {root for root in map(_root, names) if root is not None}
    return [_distribution(files, root, names) for root in sorted(roots)]


def _root(name: str) -> str | None:
    """Returns the directory above train/<emotion>/ or test/<emotion>/, if the path has one."""
    parts = PurePosixPath(name).parts
    for depth, (folder, emotion) in enumerate(pairwise(parts[:-1])):
        if folder.lower() in ("train", "test") and emotion.lower() in CLASSES:
            return "/".join(parts[:depth])
    return None


def _distribution(files: Files, root: str, names: list[str]) -> Distribution:
    """Takes the images below the root, and any file in its train/ and test/."""
    start = f"{root}/" if root else ""
    inside = {name: name.removeprefix(start) for name in names if name.startswith(start)}
    items = {
        name: _item(files, name, below)
        for name, below in inside.items()
        if below.lower().startswith(("train/", "test/")) or below.lower().endswith(SUFFIXES)
    }
    splits = {item.split for item in items.values() if isinstance(item, Sample)}
    ordered = [items[name] for name in sorted(items, key=lambda name: _order(items[name], name))]
    title = files.source(f"folders in {root or '.'}")
    read = lambda notice: iter(ordered)  # noqa: E731
    return Distribution(files, tuple(items), title, len(splits), 2, len(items), read)


def _item(files: Files, name: str, below: str) -> Sample | Rejected:
    """Returns the sample of a file, by its path below the root."""
    source = files.source(name)
    *folders, file = below.split("/")
    part, label = (folder.lower() for folder in folders) if len(folders) == 2 else ("", "")
    if part not in ("train", "test"):
        return Rejected(source, "not in train/<emotion> or test/<emotion>", "/".join(folders))
    if not file.lower().endswith(SUFFIXES):
        return Rejected(source, "not a .jpg or .png file", file)
    if label not in CLASSES:
        return Rejected(source, "unknown class folder", folders[1])
    split = USAGES.get(file.split("_")[0], "train" if part == "train" else "")
    if part == "train" and split != "train":
        return Rejected(source, "test file in the train folder", file)
    if part == "test" and split in ("", "train"):
        return Rejected(source, "test file named neither PublicTest_ nor PrivateTest_", file)
    return Sample(partial(_load, files, name), label, "", split, source)


def _order(item: Sample | Rejected, name: str) -> tuple[int, int, int, str]:
    if isinstance(item, Rejected):
        return len(SPLITS), 0, 0, name
    digits = re.findall(r"\d+", PurePosixPath(name).name)
    number = int(digits[-1]) if digits else 0
    return SPLITS.index(item.split), CLASSES.index(item.label), number, name


def _load(files: Files, name: str) -> np.ndarray:
    return decode_grey(read_bytes(files, name), size=(SIDE, SIDE))
