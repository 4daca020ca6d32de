"""Divide a prepared dataset into train, validation and test by its index alone.

Each function returns ``{"train": rows, "validation": rows, "test": rows}`` of sorted int64 row
numbers without overlap.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

import numpy as np
from sklearn.model_selection import train_test_split

from .dataset import Dataset
from .sources import SPLITS

Splits = dict[str, np.ndarray]
Splitter = Callable[[Dataset, int], Splits]


def official(dataset: Dataset, seed: int = 0) -> Splits:
    """The split that the dataset's authors published; `seed` changes nothing.

    Raises:
        ValueError: the dataset has none.
    """
    rows = {name: np.flatnonzero(dataset.splits == name) for name in SPLITS}
    empty = [name for name, found in rows.items() if not len(found)]
    if empty:
        raise ValueError(
            f"{dataset.name} at {dataset.path} has no official {' and no '.join(empty)} part: "
            "choose another split, or prepare a complete copy of the dataset"
        )
    return rows


def published(dataset: Dataset, seed: int = 0) -> Splits:
    """The split of the published experiments: 30 % of each class of train as validation.

    Test is all of the official validation and test parts or, where the dataset has no official
    split, a random 20 % of each class. The sizes are those of the published code, which rounds
    class by class: 20,099 / 8,610 / 7,178 for FER2013, 45 test images for JAFFE. Subjects and
    copies of an image may lie on both sides.
    """
    train, test = _train_and_test(dataset, seed)
    train, validation = _divide(dataset, train, lambda n: n * 3 // 10, seed)
    return {"train": train, "validation": validation, "test": test}


def test_parts(dataset: Dataset, seed: int = 0) -> Splits:
    """Each class of the official validation and test parts, divided 60/20/20 at random.

    The official training part is not used. For a copy of a dataset whose training images are not
    comparable with the others, see `preprocessing.sharpness`. Copies of an image may lie on both
    sides unless the dataset was prepared with them dropped.

    Raises:
        ValueError: the dataset has no official validation and test parts.
    """
    rest = np.flatnonzero(np.isin(dataset.splits, ("validation", "test")))
    if not len(rest):
        raise ValueError(
            f"{dataset.name} at {dataset.path} has no official validation and test parts to divide"
        )
    train, test = _divide(dataset, rest, lambda n: n // 5, seed)
    train, validation = _divide(dataset, train, lambda n: n // 4, seed)
    return {"train": train, "validation": validation, "test": test}


def _train_and_test(dataset: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if (dataset.splits != "").all():
        inside = dataset.splits == "train"
        return np.flatnonzero(inside), np.flatnonzero(~inside)
    return _divide(dataset, np.arange(len(dataset)), lambda n: -(-n // 5), seed)


def _divide(
    dataset: Dataset, rows: np.ndarray, count: Callable[[int], int], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Take `count` (of the class's size) random rows out of each class: (rest, taken)."""
    taken = [rows[:0]]
    for label in np.unique(dataset.labels[rows]):
        members = rows[dataset.labels[rows] == label]
        size = count(len(members))
        if 0 < size < len(members):
            taken.append(train_test_split(members, test_size=size, random_state=seed)[1])
    chosen = np.sort(np.concatenate(taken))
    return np.setdiff1d(rows, chosen), chosen


_registry: dict[str, Splitter] = {
    "official": official,
    "published": published,
    "test-parts": test_parts,
}


def names() -> list[str]:
    """Names of all splits, sorted."""
    return sorted(_registry)


def get(name: str) -> Splitter:
    """The function ``(dataset, seed) -> rows`` of that name.

    Raises:
        ValueError: unknown name; the message gives the nearest known one.
    """
    if name in _registry:
        return _registry[name]
    near = difflib.get_close_matches(name.lower(), names(), n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"unknown split {name!r}: {hint}known are {', '.join(names())}")
