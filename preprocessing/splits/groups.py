"""Which rows belong together, and how whole groups are dealt out to the parts of a split."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np

from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.index import INDEX, read_rows

UNKNOWN = -1
KINDS = {"subject": "subject", "sequence": "sequence", "source": "photograph"}
"""Column of the index -> what two rows with the same cell share."""

_SCALE = 2**52


def codes(cells: Iterable[str]) -> np.ndarray:
    """Numbers instead of text, int64 (n,), in the order of the sorted texts; `UNKNOWN` for ""."""
    numbers: dict[str, int] = {}
    found = array("q")
    for cell in cells:
        found.append(numbers.setdefault(cell, len(numbers)) if cell else UNKNOWN)
    ranks = np.empty(len(numbers) + 1, np.int64)
    ranks[[numbers[cell] for cell in sorted(numbers)]] = np.arange(len(numbers))
    ranks[UNKNOWN] = UNKNOWN  # the last place, which is no text's
    return ranks[np.array(found, np.int64)]


def shared(dataset: Dataset, column: str) -> np.ndarray:
    """Which rows agree in a column of `KINDS`, as `codes`; all unknown where there is none."""
    if column == "subject":
        return codes(dataset.subjects)
    if column not in dataset.columns:
        return np.full(len(dataset), UNKNOWN, np.int64)
    return codes(cell for (cell,) in read_rows(dataset.path / INDEX, (column,)))


def groups(dataset: Dataset) -> np.ndarray:
    """The group of each row, int64 (n,), numbered from 0.

    Rows of one subject, one sequence or one photograph are one group, and so is whatever these
    join: two people in one photograph take all their other photographs with them. Where every
    subject is known and no photograph shows two, the groups are the subjects in sorted order. An
    image that is known by neither is a group of its own. Copies of an image under several names
    are not seen here.
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
    """Give all rows of one key the smallest label among them."""
    known = key != UNKNOWN
    if not known.any():
        return label
    least = np.full(int(key.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(least, key[known], label[known])
    result = label.copy()
    result[known] = least[key[known]]
    return result


def deal(groups: np.ndarray, labels: np.ndarray, shares: Sequence[int], seed: int) -> np.ndarray:
    """Deal whole groups to parts so that each part gets its share of every class.

    The largest group goes first, to the part that has least, relative to its share, of the classes
    in it; among equals to the smallest part. With as many groups as parts no part is empty.
    ``sklearn.model_selection.StratifiedGroupKFold`` aims at the same. It has no unequal shares,
    refuses rare classes, and its result is another in another version: this one reckons in whole
    numbers and takes its order from a generator that NumPy keeps as it is.

    Args:
        groups: group of each row, (n,), numbered from 0.
        labels: class of each row, (n,).
        shares: the relative size of each part.
        seed: decides the order of groups of one size.

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
