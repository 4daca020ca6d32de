"""Splits, the schemes that make them, their registry, and the file that stores them.

`splits.csv` can be read without this package: it has a row per image, in the order of the index,
and a column per scheme. A hold-out says "train", "validation", "test" or, for an unused image, "".
A scheme with folds gives the fold that tests the image, counted from 0. When fold i tests, fold
i + 1 validates (fold 0 if i is the last) and the others train.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import numpy as np

from attention_fer.common.registry import Registry
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.index import REPAIR_HINT, read_cells
from preprocessing.dataset.manifest import SPLITS as FILE
from preprocessing.sources import SPLITS

LEFT_OUT = -1

Split = dict[str, np.ndarray]
"""`{"train": rows, "validation": rows, "test": rows}`: sorted int64 row numbers without repeats."""

Divide = Callable[[Dataset, int], np.ndarray]
"""Maps a dataset and a seed to the side of each row, int (n,): its position in `SPLITS`, or the
number of the fold that tests it; `LEFT_OUT` for a row that the scheme does not use."""


class InapplicableError(ValueError):
    """A dataset cannot be divided this way; the message says why and what to do instead."""


@dataclass(frozen=True)
class Scheme:
    """One way to divide a dataset, by its index alone. Call it to compute the splits.

    Attributes:
        name: its name on the command line.
        divide: computes the side of each row.
        folds: whether it makes several splits, each row being tested in one of them.
        grouped: whether it guarantees that no subject, sequence or photograph is on two sides.
        promise: what users may rely on, in one sentence.
    """

    name: str
    divide: Divide
    folds: bool
    grouped: bool
    promise: str

    def __call__(self, dataset: Dataset, seed: int = 0) -> Sequence[Split]:
        """Computes the splits: one for a hold-out, one per fold for the others.

        Raises:
            InapplicableError: the dataset cannot be divided this way.
        """
        return expand(self.sides(dataset, seed), self.folds)

    def sides(self, dataset: Dataset, seed: int = 0) -> np.ndarray:
        """Computes the side of each row, see `Divide`.

        Raises:
            InapplicableError: the dataset cannot be divided this way, or a part would be empty.
        """
        sides = self.divide(dataset, seed)
        if missing := empty(sides, self.folds):
            raise InapplicableError(
                f"{self.name} leaves {dataset.name} at {dataset.path} without {missing}: too few "
                "images. Choose another split."
            )
        return sides

    def why_not(self, dataset: Dataset) -> str:
        """Returns why the dataset cannot be divided this way; "" if it can."""
        try:
            self.sides(dataset)
        except InapplicableError as error:
            return str(error)
        return ""


@dataclass(frozen=True, eq=False)
class Folds(Sequence[Split]):
    """Splits computed from fold numbers on access.

    In split i, fold i is the test part and fold i + 1 the validation part; the last fold is
    followed by the first. Stored as rows, the splits of many subjects would take gigabytes.

    Attributes:
        sides: fold of each row, int (n,).
        number: number of folds.
    """

    sides: np.ndarray
    number: int

    def __len__(self) -> int:
        return self.number

    @overload
    def __getitem__(self, fold: int) -> Split: ...
    @overload
    def __getitem__(self, fold: slice) -> Sequence[Split]: ...
    def __getitem__(self, fold: int | slice) -> Split | Sequence[Split]:
        if isinstance(fold, slice):
            return [self[one] for one in range(self.number)[fold]]
        test = range(self.number)[fold]
        validation = (test + 1) % self.number
        used = self.sides != LEFT_OUT
        train = used & (self.sides != test) & (self.sides != validation)
        masks = (train, self.sides == validation, self.sides == test)
        return {name: np.flatnonzero(mask) for name, mask in zip(SPLITS, masks, strict=True)}


def expand(sides: np.ndarray, folds: bool) -> Sequence[Split]:
    """Converts the side of each row to splits."""
    if folds:
        return Folds(sides, int(sides.max()) + 1)
    return [{name: np.flatnonzero(sides == side) for side, name in enumerate(SPLITS)}]


def empty(sides: np.ndarray, folds: bool) -> str:
    """Names the first part or fold without a row; "" if every one has rows."""
    count = max(int(sides.max(initial=0)) + 1, len(SPLITS))
    for side in np.flatnonzero(np.bincount(sides[sides != LEFT_OUT], minlength=count) == 0):
        return f"fold {side}" if folds else f"a {SPLITS[side]} part"
    return ""


SCHEMES: Registry[Scheme] = Registry("split")
get = SCHEMES.get


def register(
    name: str, *, promise: str, folds: bool = False, grouped: bool = False
) -> Callable[[Divide], Scheme]:
    """Decorator that registers a function as a `Scheme`; see there for the arguments.

    Raises:
        ValueError: the name is taken.
    """

    def decorate(divide: Divide) -> Scheme:
        return SCHEMES.add(name, Scheme(name, divide, folds, grouped, promise))

    return decorate


def names() -> list[str]:
    """Returns the names of all schemes, sorted."""
    return sorted(SCHEMES)


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
        raise ValueError(f"{path}: {name} lacks {missing}. {REPAIR_HINT}")
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
