"""What a split is, how a scheme of splitting describes itself, and the registry of schemes."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np

from preprocessing.dataset.folder import Dataset
from preprocessing.sources import SPLITS

LEFT_OUT = -1

Split = dict[str, np.ndarray]
"""``{"train": rows, "validation": rows, "test": rows}``: sorted int64 numbers, none twice."""

Divide = Callable[[Dataset, int], np.ndarray]
"""Gives each row, int (n,), its side: its position in `SPLITS`, or the number of the fold in which
it is tested; `LEFT_OUT` for a row that the scheme does not use."""


class InapplicableError(ValueError):
    """A dataset cannot be divided this way; the message says why and what to choose instead."""


@dataclass(frozen=True)
class Scheme:
    """One way to divide a dataset. Calling it divides; it sees the index alone, never an image.

    Attributes:
        name: what the command line calls it.
        divide: the division itself.
        folds: whether it gives several splits, each row being tested in one of them.
        grouped: whether it promises that no subject, sequence or photograph is divided.
        promise: in a sentence, what may be relied on.
    """

    name: str
    divide: Divide
    folds: bool
    grouped: bool
    promise: str

    def __call__(self, dataset: Dataset, seed: int = 0) -> Sequence[Split]:
        """The splits: one of a hold-out, one for each fold of the others.

        Raises:
            InapplicableError: the dataset cannot be divided this way.
        """
        return expand(self.sides(dataset, seed), self.folds)

    def sides(self, dataset: Dataset, seed: int = 0) -> np.ndarray:
        """What `divide` gives, none of whose parts is empty.

        Raises:
            InapplicableError: the dataset cannot be divided this way.
        """
        sides = self.divide(dataset, seed)
        if missing := empty(sides, self.folds):
            raise InapplicableError(
                f"{self.name} leaves {dataset.name} at {dataset.path} without {missing}: it has "
                "too few images, choose another split"
            )
        return sides


@dataclass(frozen=True, eq=False)
class Folds(Sequence[Split]):
    """Splits made out of fold numbers when they are asked for.

    In split i, fold i is the test part and the next one the validation part; the last is followed
    by the first. Held as rows, the splits of many subjects would take gigabytes.
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
    """The splits that the sides of all rows mean."""
    if folds:
        return Folds(sides, int(sides.max()) + 1)
    return [{name: np.flatnonzero(sides == side) for side, name in enumerate(SPLITS)}]


def empty(sides: np.ndarray, folds: bool) -> str:
    """The first part or fold without a row, in words; "" if there is none."""
    count = max(int(sides.max(initial=0)) + 1, len(SPLITS))
    for side in np.flatnonzero(np.bincount(sides[sides != LEFT_OUT], minlength=count) == 0):
        return f"fold {side}" if folds else f"a {SPLITS[side]} part"
    return ""


_registry: dict[str, Scheme] = {}


def register(name: str, *, promise: str, folds: bool = False, grouped: bool = False) -> Callable:
    """Make a division known by a name; the function becomes a `Scheme`.

    Raises:
        ValueError: the name is taken.
    """

    def add(divide: Divide) -> Scheme:
        if name in _registry:
            raise ValueError(f"a split named {name!r} is already registered")
        _registry[name] = Scheme(name, divide, folds, grouped, promise)
        return _registry[name]

    return add


def names() -> list[str]:
    """Names of all schemes, sorted."""
    return sorted(_registry)


def get(name: str) -> Scheme:
    """The scheme of that name.

    Raises:
        ValueError: unknown name; the message gives the nearest known one.
    """
    if name in _registry:
        return _registry[name]
    near = difflib.get_close_matches(name.lower(), names(), n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"unknown split {name!r}: {hint}known are {', '.join(names())}")
