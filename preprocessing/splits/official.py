"""The division that a dataset's authors published, and one of its test parts alone."""

from __future__ import annotations

import numpy as np

from preprocessing.dataset.folder import Dataset
from preprocessing.sources import SPLITS
from preprocessing.splits.base import LEFT_OUT, InapplicableError, register
from preprocessing.splits.strata import take


@register("official", promise="the parts that the dataset's authors published")
def official(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """The split column; `seed` changes nothing.

    Raises:
        InapplicableError: the dataset lacks one of the parts.
    """
    sides = np.full(len(dataset), LEFT_OUT, np.int64)
    for side, name in enumerate(SPLITS):
        sides[dataset.splits == name] = side
    empty = [name for side, name in enumerate(SPLITS) if not (sides == side).any()]
    if empty:
        raise InapplicableError(
            f"{dataset.name} at {dataset.path} has no official {' and no '.join(empty)} part: "
            "choose another split, or prepare a complete copy of the dataset"
        )
    return sides


@register(
    "test-parts",
    promise="the official validation and test parts divided 60/20/20 class by class, for a copy "
    "whose training part is not comparable; people and copies may be on both sides",
)
def test_parts(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Each class of the official validation and test parts, divided 60/20/20 at random.

    The official training part is not used. For a copy of a dataset whose training images are not
    comparable with the others, see `preprocessing.quality.sharpness`.

    Raises:
        InapplicableError: the dataset has no official validation and test parts.
    """
    rest = np.flatnonzero(np.isin(dataset.splits, ("validation", "test")))
    if not len(rest):
        raise InapplicableError(
            f"{dataset.name} at {dataset.path} has no official validation and test parts to divide"
        )
    train, test = take(dataset.labels, rest, lambda n: n // 5, seed)
    train, validation = take(dataset.labels, train, lambda n: n // 4, seed)
    sides = np.full(len(dataset), LEFT_OUT, np.int64)
    for side, rows in enumerate((train, validation, test)):
        sides[rows] = side
    return sides
