"""Splits by the official parts of a dataset, and the random one of the published experiments."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.model_selection import train_test_split

from preprocessing.dataset.folder import Dataset
from preprocessing.sources import SPLITS
from preprocessing.splits.base import LEFT_OUT, InapplicableError, register


@register("official", promise="the parts that the dataset's authors published")
def official(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Splits by the split column; `seed` has no effect.

    Raises:
        InapplicableError: the dataset lacks one of the parts.
    """
    sides = np.full(len(dataset), LEFT_OUT, np.int64)
    for side, name in enumerate(SPLITS):
        sides[dataset.splits == name] = side
    empty = [name for side, name in enumerate(SPLITS) if not (sides == side).any()]
    if empty:
        raise InapplicableError(
            f"{dataset.name} at {dataset.path} has no official {' and no '.join(empty)} part. "
            "Choose another split, or prepare a complete copy of the dataset."
        )
    return sides


@register(
    "test-parts",
    promise="the official validation and test parts divided 60/20/20 class by class, for a copy "
    "whose training part is not comparable; people and copies may be on both sides",
)
def test_parts(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Splits each class of the official validation and test parts 60/20/20 at random.

    The official training part is not used. For copies of a dataset whose training images are not
    comparable with the others, see `preprocessing.quality.sharpness`.

    Raises:
        InapplicableError: the dataset has no official validation and test parts.
    """
    rest = np.flatnonzero(np.isin(dataset.splits, ("validation", "test")))
    if not len(rest):
        raise InapplicableError(
            f"{dataset.name} at {dataset.path} has no official validation and test parts to "
            "divide. Choose another split."
        )
    train, test = _take(dataset.labels, rest, lambda n: n // 5, seed)
    train, validation = _take(dataset.labels, train, lambda n: n // 4, seed)
    sides = np.full(len(dataset), LEFT_OUT, np.int64)
    for side, rows in enumerate((train, validation, test)):
        sides[rows] = side
    return sides


@register(
    "published",
    promise="the published sizes, 80/20 and 30 % of each class of train as validation; people, "
    "frames of one sequence and copies are on both sides: its figures are too good",
)
def published(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Splits as the published experiments did, with 30 % of each class of train as validation.

    Test is the official validation and test parts, or a random 20 % of each class if an image has
    no official part. Sizes are rounded class by class as in the published code: 20,099 / 8,610 /
    7,178 images for FER2013, 45 test images for JAFFE. Subjects, sequences and copies may be on
    both sides.
    """
    if (dataset.splits != "").all():
        inside = dataset.splits == "train"
        train, test = np.flatnonzero(inside), np.flatnonzero(~inside)
    else:
        everything = np.arange(len(dataset))
        train, test = _take(dataset.labels, everything, lambda n: -(-n // 5), seed)
    _, validation = _take(dataset.labels, train, lambda n: n * 3 // 10, seed)
    sides = np.zeros(len(dataset), np.int64)
    sides[validation], sides[test] = 1, 2
    return sides


def _take(
    labels: np.ndarray, rows: np.ndarray, count: Callable[[int], int], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Takes random rows of each class, `count(class size)` of them. Returns (rest, taken)."""
    taken = [rows[:0]]
    for label in np.unique(labels[rows]):
        members = rows[labels[rows] == label]
        size = count(len(members))
        if 0 < size < len(members):
            taken.append(train_test_split(members, test_size=size, random_state=seed)[1])
    chosen = np.sort(np.concatenate(taken))
    return np.setdiff1d(rows, chosen), chosen
