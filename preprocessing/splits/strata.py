"""Random rows of every class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sklearn.model_selection import train_test_split


def take(
    labels: np.ndarray, rows: np.ndarray, count: Callable[[int], int], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Take `count` (of the class's size) random rows out of each class: (rest, taken)."""
    taken = [rows[:0]]
    for label in np.unique(labels[rows]):
        members = rows[labels[rows] == label]
        size = count(len(members))
        if 0 < size < len(members):
            taken.append(train_test_split(members, test_size=size, random_state=seed)[1])
    chosen = np.sort(np.concatenate(taken))
    return np.setdiff1d(rows, chosen), chosen
