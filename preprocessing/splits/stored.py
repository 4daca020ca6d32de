"""Writes and reads `splits.csv`, the side of each image, which needs no package of ours to read.

It has a row per image, in the order of the index, and a column per scheme. A hold-out says "train",
"validation", "test" or, for an unused image, "". A scheme with folds gives the fold that tests the
image, counted from 0. When fold i tests, fold i + 1 validates (fold 0 if i is the last) and the
others train.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.index import REPAIR_HINT, read_cells
from preprocessing.dataset.manifest import SPLITS as FILE
from preprocessing.sources import SPLITS
from preprocessing.splits.base import (
    LEFT_OUT,
    InapplicableError,
    Scheme,
    Split,
    empty,
    expand,
    get,
    names,
)


def write(dataset: Dataset, folder: str | Path) -> None:
    """Splits a dataset by every scheme that applies, with seed 0, and writes the folder's file."""
    sides = {}
    for name in names():
        scheme = get(name)
        try:
            sides[name] = _texts(scheme, scheme.sides(dataset))
        except InapplicableError:
            continue  # `stored` reports the reason on request
    with open(Path(folder) / FILE, "w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream, lineterminator="\n")
        lines.writerow(sides)
        lines.writerows(zip(*sides.values(), strict=True))


def stored(dataset: Dataset, name: str) -> Sequence[Split]:
    """Returns the splits of that name, computed when the dataset was prepared.

    Raises:
        ValueError: unknown name, a scheme that does not apply, or a damaged file.
    """
    return expand(sides(dataset, name), get(name).folds)


def sides(dataset: Dataset, name: str) -> np.ndarray:
    """Returns the stored side of each row, int64 (n,), see `base.Divide`. Raises like `stored`."""
    scheme = get(name)
    path = dataset.path / FILE
    there = stored_names(dataset.path)
    if name not in there:
        # If nothing applies, the least demanding scheme shows what is missing.
        asked = [scheme] if there else dict.fromkeys((scheme, get("hold-out")))
        new = f"It did not exist when the dataset was prepared. {REPAIR_HINT}"
        reasons = " ".join(one.why_not(dataset) or new for one in asked)
        raise ValueError(
            f"{path} has no split {name!r}. {reasons} Available: {', '.join(there) or 'none'}."
        )
    numbers: dict[str, int] = {}
    found = []
    for line, cell in _column(path, name):
        if cell not in numbers:
            numbers[cell] = _number(path, line, cell, scheme, len(dataset))
        found.append(numbers[cell])
    if len(found) != len(dataset):
        raise ValueError(
            f"{path} has {len(found):,} rows for {len(dataset):,} images. {REPAIR_HINT}"
        )
    result = np.array(found, np.int64)
    if missing := empty(result, scheme.folds):
        raise ValueError(f"{path}: {name} is without {missing}. {REPAIR_HINT}")
    return result


def stored_names(folder: Path) -> list[str]:
    """Returns the names of the splits in the folder's file. Raises ValueError if unreadable."""
    try:
        return next(read_cells(folder / FILE), (0, []))[1]
    except FileNotFoundError:
        raise ValueError(f"{folder} has no {FILE}. {REPAIR_HINT}") from None


def _texts(scheme: Scheme, sides: np.ndarray) -> list[str]:
    """Returns the cells of a column; the last name, at -1, is that of `LEFT_OUT`."""
    names = [*(map(str, range(int(sides.max()) + 1)) if scheme.folds else SPLITS), ""]
    return [names[side] for side in sides.tolist()]


def _column(path: Path, name: str) -> Iterator[tuple[int, str]]:
    lines = read_cells(path)
    _, header = next(lines)
    place = header.index(name)
    return ((line, cells[place]) for line, cells in lines)


def _number(path: Path, line: int, cell: str, scheme: Scheme, rows: int) -> int:
    """Returns the side that a cell names. Every fold tests a row, so a fold is below `rows`."""
    if cell == "":
        return LEFT_OUT
    # A number in a damaged file may be too large for the memory that as many folds need.
    if scheme.folds and cell.isascii() and cell.isdigit() and len(cell) < 10 and int(cell) < rows:
        return int(cell)
    if not scheme.folds and cell in SPLITS:
        return SPLITS.index(cell)
    folds = f"the number of a fold, 0 to {rows - 1},"
    expected = folds if scheme.folds else ", ".join(SPLITS)
    raise ValueError(
        f"{path}, line {line}: {scheme.name} must be {expected} or empty, got {cell!r}. "
        f"{REPAIR_HINT}"
    )
