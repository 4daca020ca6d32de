"""The split of the published experiments."""

from __future__ import annotations

import numpy as np

from preprocessing.dataset.folder import Dataset
from preprocessing.splits.base import register
from preprocessing.splits.strata import take


@register(
    "published",
    promise="the published sizes, 80/20 and 30 % of each class of train as validation; people, "
    "frames of one sequence and copies are on both sides: its figures are too good",
)
def published(dataset: Dataset, seed: int = 0) -> np.ndarray:
    """30 % of each class of train as validation.

    Test is all of the official validation and test parts or, where not every image has an official
    part, a random 20 % of each class. The sizes are those of the published code, which rounds class
    by class: 20,099 / 8,610 / 7,178 for FER2013, 45 test images for JAFFE. Whoever and whatever is
    shown may lie on both sides.
    """
    train, test = _train_and_test(dataset, seed)
    train, validation = take(dataset.labels, train, lambda n: n * 3 // 10, seed)
    sides = np.zeros(len(dataset), np.int64)
    sides[validation], sides[test] = 1, 2
    return sides


def _train_and_test(dataset: Dataset, seed: int) -> tuple[np.ndarray, np.ndarray]:
    if (dataset.splits != "").all():
        inside = dataset.splits == "train"
        return np.flatnonzero(inside), np.flatnonzero(~inside)
    return take(dataset.labels, np.arange(len(dataset)), lambda n: -(-n // 5), seed)
