"""FER2013: 35,887 grey 48x48 photographs of seven expressions, in any of its distributions.

Source: Goodfellow et al., "Challenges in Representation Learning", 2013,
https://arxiv.org/abs/1307.0414
"""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from pathlib import Path, PurePosixPath

import numpy as np

from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Files, Rejected, UnreadableError, read_bytes, read_lines
from preprocessing.raw_files.images import decode_grey
from preprocessing.sources.base import BASIC, SPLITS, Notice, Raw, Sample, first_of, register

CLASSES = BASIC
SIDE = 48
USAGES = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}

NO_LABELS = (
    "{} holds no labels, so the test parts are left out: "
    "use icml_face_data.csv or fer2013.csv to include them."
)


@dataclass(frozen=True, eq=False)
class Distribution:
    """One copy of FER2013.

    Attributes:
        files, names: where it is.
        title: what it is, for messages.
        splits: number of splits, of three, that it has labels for.
        preference: its rank among copies with equally many splits; the smallest is read.
        length: number of its items; of CSV files, the rows of a complete copy, because counting
            them would require reading all.
        read: yields its items; called with a `Notice`.
    """

    files: Files
    names: tuple[str, ...]
    title: str
    splits: int
    preference: int
    length: int
    read: Callable[[Notice], Iterator[Sample | Rejected]]


def find_csv(files: Files, names: list[str]) -> list[Distribution]:
    """Finds CSV distributions by their headers, whatever the files are called."""
    by_kind: dict[tuple[str, frozenset], list[str]] = {}
    for name in names:
        if name.lower().endswith(".csv"):
            key = (str(PurePosixPath(name).parent), frozenset(header(files, name)))
            by_kind.setdefault(key, []).append(name)
    found: list[tuple[tuple[str, ...], int, int]] = []  # names, splits, preference
    for (folder, columns), same in by_kind.items():
        if {"emotion", "pixels", "usage"} <= columns:
            found += [((name,), 3, int("icml" in name)) for name in same]
        elif {"emotion", "pixels"} <= columns:
            unlabelled = by_kind.get((folder, frozenset({"pixels"})), [])
            found += [((name, *unlabelled), 1, 3) for name in same]
        elif "pixels" in columns and (folder, frozenset({"emotion", "pixels"})) not in by_kind:
            found += [((name,), 0, 4) for name in same]
    return [
        Distribution(files, csvs, title, splits, preference, 35_887, partial(_read, files, csvs))
        for csvs, splits, preference in found
        for title in [files.source(" with ".join(csvs))]
    ]


def _read(files: Files, names: tuple[str, ...], notice: Notice) -> Iterator[Sample | Rejected]:
    """Yields one item per row, skipping blank lines."""
    for name in names:
        if "emotion" not in header(files, name):
            notice(NO_LABELS.format(files.source(name)))
        yield from items(files, name)


def header(files: Files, name: str) -> list[str]:
    """Returns the column names, lower-case and stripped; empty if unreadable."""
    try:
        line = next(read_lines(files, name), "")
    except UnreadableError:
        return []
    if isinstance(line, UnreadableError):
        return []
    return [cell.strip().lower() for cell in _cells(line)]


def _cells(line: str) -> list[str]:
    """Splits one line; empty if it is not CSV."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:  # a junk line longer than the module's limit for one cell
        return []


Cells = dict[str, str]


def rows(files: Files, name: str) -> Iterator[tuple[int, Cells | UnreadableError]]:
    """Yields the number and cells, by column, of each non-blank line below the header.

    Lines are parsed one by one, so that a stray quote in a junk line cannot swallow those after it.
    An error takes the place of the cells of a line that is too long or has another number of them.

    Raises:
        UnreadableError: the rest of the file cannot be read.
    """
    columns = header(files, name)
    for number, line in enumerate(read_lines(files, name), start=1):
        if number == 1:
            continue
        if isinstance(line, UnreadableError):
            yield number, line
        elif line.strip():
            cells = _cells(line)
            wrong = f"{len(cells)} cells, expected {len(columns)}"
            row = dict(zip(columns, cells, strict=False))
            fits = len(cells) == len(columns)
            yield number, row if fits else UnreadableError("wrong number of columns", wrong)


def items(files: Files, name: str) -> Iterator[Sample | Rejected]:
    """Yields one item per row, and a final one if the rest of the file cannot be read."""
    where = files.source(name)
    try:
        for number, cells in rows(files, name):
            yield _row(f"{where}:{number}", cells)
    except UnreadableError as error:
        yield Rejected(where, error.reason, str(error))


def _row(source: str, row: Cells | UnreadableError) -> Sample | Rejected:
    try:
        if isinstance(row, UnreadableError):
            raise row
        label = _label(row)
        split = _split(row.get("usage", "Training"))
        return Sample(partial(_image, row["pixels"]), label, "", split, source)
    except UnreadableError as error:
        return Rejected(source, error.reason, str(error))


def _label(row: dict[str, str]) -> str:
    if "emotion" not in row:
        raise UnreadableError("no label", "the file has no emotion column")
    text = row["emotion"].strip()
    if text not in map(str, range(len(CLASSES))):
        raise UnreadableError("label out of range", f"{text[:40]!r}, expected 0 to 6")
    return CLASSES[int(text)]


def _split(usage: str) -> str:
    try:
        return USAGES[usage.strip()]
    except KeyError:
        detail = f"{usage[:40]!r}, expected {', '.join(USAGES)}"
        raise UnreadableError("unknown Usage", detail) from None


def _image(text: str) -> np.ndarray:
    try:
        values = bytes(map(int, text.split()))  # raises for anything but integers in 0..255
    except ValueError as error:
        raise UnreadableError("pixels not integers in 0..255", str(error)[:80]) from None
    if len(values) != SIDE * SIDE:
        raise UnreadableError("wrong number of pixels", f"{len(values)}, expected {SIDE * SIDE}")
    return np.frombuffer(values, np.uint8).reshape(SIDE, SIDE)


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
        found = [*find_csv(files, names), *find_folders(files, names)]
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
