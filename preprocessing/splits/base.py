"""Splits, the schemes that make them, and the registry of schemes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from attention_fer.common.registry import Registry
from preprocessing.dataset.folder import Dataset
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

    def __iter__(self) -> Iterator[Split]:
        return (self[fold] for fold in range(self.number))

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
