"""Groups rows that belong together and distributes whole groups to the parts of a split."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np

from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.index import INDEX, read_rows

UNKNOWN = -1
KINDS = {"subject": "subject", "sequence": "sequence", "source": "photograph"}
"""Column of the index -> what rows with equal cells share."""

_SCALE = 2**52


def codes(cells: Iterable[str]) -> np.ndarray:
    """Encodes texts as ranks in sorted order, int64 (n,); `UNKNOWN` for ""."""
    numbers: dict[str, int] = {}
    found = array("q")
    for cell in cells:
        found.append(numbers.setdefault(cell, len(numbers)) if cell else UNKNOWN)
    ranks = np.empty(len(numbers) + 1, np.int64)
    ranks[[numbers[cell] for cell in sorted(numbers)]] = np.arange(len(numbers))
    ranks[UNKNOWN] = UNKNOWN  # index -1, which is no text's
    return ranks[np.array(found, np.int64)]


def shared(dataset: Dataset, column: str) -> np.ndarray:
    """Encodes a column of `KINDS`, see `codes`; all `UNKNOWN` if the dataset lacks it."""
    if column == "subject":
        return codes(dataset.subjects)
    if column not in dataset.columns:
        return np.full(len(dataset), UNKNOWN, np.int64)
    return codes(cell for (cell,) in read_rows(dataset.path / INDEX, (column,)))


def groups(dataset: Dataset) -> np.ndarray:
    """Returns the group of each row, int64 (n,), numbered from 0.

    Rows of one subject, one sequence or one photograph form one group, transitively: two people in
    one photograph join all their other photographs. If every subject is known and no photograph
    shows two, the groups are the subjects in sorted order. An image without any of the three is a
    group by itself. Copies of an image under several names are not detected here.
    """
    keys = [shared(dataset, column) for column in KINDS]
    first = keys[0]
    label = np.where(first != UNKNOWN, first, len(dataset) + np.arange(len(dataset)))
    while True:
        before = label.copy()
        for key in keys:
            label = _joined(label, key)
        if np.array_equal(label, before):
            return np.unique(label, return_inverse=True)[1].ravel()


def _joined(label: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Gives all rows of one key the smallest label among them."""
    known = key != UNKNOWN
    if not known.any():
        return label
    least = np.full(int(key.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, key[known], label[known])
    result = label.copy()
    result[known] = least[key[known]]
    return result


def deal(groups: np.ndarray, labels: np.ndarray, shares: Sequence[int], seed: int) -> np.ndarray:
    """Distributes whole groups to parts so that each part gets its share of every class.

    Groups are dealt by descending size, each to the part that so far has the least of the group's
    classes relative to its share; ties go to the smallest part. With at least as many groups as
    parts, no part is empty. `sklearn.model_selection.StratifiedGroupKFold` has the same aim, but
    only equal shares, refuses rare classes, and its results depend on its version. This function
    computes in whole numbers and shuffles with a generator that NumPy guarantees not to change.

    Args:
        groups: group of each row, (n,), numbered from 0.
        labels: class of each row, (n,).
        shares: relative size of each part.
        seed: decides the order of groups of equal size.

    Returns:
        The part of each row, int64 (n,).
    """
    sizes = np.bincount(groups)
    members = labels[np.argsort(groups, kind="stable")]
    ends = np.cumsum(sizes)
    totals = np.bincount(labels)
    weights = _SCALE // np.maximum(totals, 1) ** 2
    inverse = np.lcm.reduce(np.array(shares)) // np.array(shares)
    loads = np.zeros((len(shares), len(totals)), np.int64)
    part = np.empty(len(sizes), np.int64)
    for group in _largest_first(sizes, seed):
        own = members[ends[group] - sizes[group] : ends[group]]
        counts = np.bincount(own, minlength=len(totals))
        crowding = loads @ (counts * weights) * inverse
        part[group] = chosen = np.lexsort((loads.sum(axis=1) * inverse, crowding))[0]
        loads[chosen] += counts
    return part[groups]


def _largest_first(sizes: np.ndarray, seed: int) -> np.ndarray:
    shuffled = np.random.RandomState(seed).permutation(len(sizes))
    return shuffled[np.argsort(-sizes[shuffled], kind="stable")]
