"""FER2013 as CSV files: pixels as a string of 2,304 integers per row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from .base import Notice, Rejected, Sample
from .files import Files, UnreadableError, read_lines

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SIDE = 48
USAGES = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}

NO_LABELS = (
    "{} holds no labels, so the test parts are left out: "
    "icml_face_data.csv or fer2013.csv would mend it"
)


@dataclass(frozen=True)
class CsvDistribution:
    """CSV files that make up one copy; `splits` is how many of the three splits it labels."""

    names: tuple[str, ...]
    splits: int
    preference: int

    @property
    def title(self) -> str:
        return " with ".join(self.names)

    def read(self, files: Files, notice: Notice) -> Iterator[Sample | Rejected]:
        """Yield one item per row; blank lines are no rows."""
        for name in self.names:
            columns = _columns(files, name)
            if "emotion" not in columns:
                notice(NO_LABELS.format(files.prefix + name))
            yield from _rows(files, name, columns)


def find(files: Files, names: list[str]) -> list[CsvDistribution]:
    """Recognise CSV distributions by their header, whatever the files are called."""
    by_kind: dict[tuple[str, frozenset], list[str]] = {}
    for name in names:
        if name.lower().endswith(".csv"):
            key = (str(PurePosixPath(name).parent), frozenset(_columns(files, name)))
            by_kind.setdefault(key, []).append(name)
    found = []
    for (folder, columns), same in by_kind.items():
        if {"emotion", "pixels", "usage"} <= columns:
            found += [CsvDistribution((name,), 3, int("icml" in name)) for name in same]
        elif {"emotion", "pixels"} <= columns:
            unlabelled = by_kind.get((folder, frozenset({"pixels"})), [])
            found += [CsvDistribution((name, *unlabelled), 1, 3) for name in same]
        elif "pixels" in columns and (folder, frozenset({"emotion", "pixels"})) not in by_kind:
            found += [CsvDistribution((name,), 0, 4) for name in same]
    return found


def _columns(files: Files, name: str) -> list[str]:
    """Column names in lower case without blanks around them; empty if unreadable."""
    try:
        return [cell.strip().lower() for cell in _cells(next(read_lines(files, name), ""))]
    except UnreadableError:
        return []


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:  # a junk line longer than the module's limit for one cell
        return []


def _rows(files: Files, name: str, columns: list[str]) -> Iterator[Sample | Rejected]:
    # One line at a time: a stray quote in a junk line must not swallow the lines after it.
    where = files.prefix + name
    try:
        for number, line in enumerate(read_lines(files, name), start=1):
            if number > 1 and line.strip():
                yield _row(f"{where}:{number}", columns, _cells(line))
    except UnreadableError as error:
        yield Rejected(where, error.reason, str(error))


def _row(source: str, columns: list[str], cells: list[str]) -> Sample | Rejected:
    if len(cells) != len(columns):
        detail = f"{len(cells)} cells, expected {len(columns)}"
        return Rejected(source, "wrong number of columns", detail)
    row = dict(zip(columns, cells, strict=True))
    try:
        label = _label(row)
        split = _split(row.get("usage", "Training"))
        return Sample(_image(row["pixels"]), label, "", split, source)
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
        values = bytes(map(int, text.split()))  # refuses what is no integer in 0..255
    except ValueError as error:
        raise UnreadableError("pixels not integers in 0..255", str(error)[:80]) from None
    if len(values) != SIDE * SIDE:
        raise UnreadableError("wrong number of pixels", f"{len(values)}, expected {SIDE * SIDE}")
    return np.frombuffer(values, np.uint8).reshape(SIDE, SIDE)
