"""Splits by whole groups, for datasets with and without known subjects."""

from __future__ import annotations

import numpy as np

from preprocessing.dataset.folder import Dataset
from preprocessing.splits.base import InapplicableError, register
from preprocessing.splits.groups import deal, groups

_PROMISE = "no subject where known, no sequence and no photograph is on two sides"


@register("hold-out", grouped=True, promise=f"60/20/20 of every class; {_PROMISE}")
def hold_out(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Splits 60/20/20 into train, validation and test, as closely as whole groups allow.

    Raises:
        InapplicableError: fewer than three groups.
    """
    return deal(_enough(dataset, 3, "hold-out"), dataset.labels, (3, 1, 1), seed)


@register(
    "5-fold",
    folds=True,
    grouped=True,
    promise=f"every image is tested once, every class in every fold alike; {_PROMISE}",
)
def five_fold(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """Makes five folds of equal size and class balance, as closely as whole groups allow.

    Raises:
        InapplicableError: fewer than five groups.
    """
    return deal(_enough(dataset, 5, "5-fold"), dataset.labels, (1,) * 5, seed)


def _enough(dataset: Dataset, least: int, name: str) -> np.ndarray:
    """Returns the group of each row. Raises InapplicableError for fewer than `least` groups."""
    group = groups(dataset)
    count = int(group.max()) + 1
    if count < least:
        raise InapplicableError(
            f"{name} needs at least {least} groups of images that share no subject, sequence or "
            f"photograph; {dataset.name} at {dataset.path} has {count}. "
            "Choose another split, or add images."
        )
    return group
