"""FER2013 as CSV files, with the pixels of a row as a string of 2,304 integers."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import numpy as np

from preprocessing.raw_files.files import Files, Rejected, UnreadableError, read_lines
from preprocessing.sources.base import BASIC, Notice, Sample

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


def find(files: Files, names: list[str]) -> list[Distribution]:
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


def rows(files: Files, name: str) -> Iterator[tuple[int, list[str] | UnreadableError]]:
    """Yields the number and cells of each non-blank line below the header.

    Lines are parsed one by one, so that a stray quote in a junk line cannot swallow those after it.
    An error takes the place of the cells of a line that is too long.

    Raises:
        UnreadableError: the rest of the file cannot be read.
    """
    for number, line in enumerate(read_lines(files, name), start=1):
        if number == 1:
            continue
        if isinstance(line, UnreadableError):
            yield number, line
        elif line.strip():
            yield number, _cells(line)


def items(files: Files, name: str) -> Iterator[Sample | Rejected]:
    """Yields one item per row, and a final one if the rest of the file cannot be read."""
    where, columns = files.source(name), header(files, name)
    try:
        for number, cells in rows(files, name):
            yield _row(f"{where}:{number}", columns, cells)
    except UnreadableError as error:
        yield Rejected(where, error.reason, str(error))


def _row(source: str, columns: list[str], cells: list[str] | UnreadableError) -> Sample | Rejected:
    if isinstance(cells, UnreadableError):
        return Rejected(source, cells.reason, str(cells))
    if len(cells) != len(columns):
        detail = f"{len(cells)} cells, expected {len(columns)}"
        return Rejected(source, "wrong number of columns", detail)
    row = dict(zip(columns, cells, strict=True))
    try:
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
