"""From prepared datasets to the arrays of a cell, and batches in an order that a seed decides."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.settings import Settings
from preprocessing import splits
from preprocessing.dataset import MANIFEST, Dataset


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a split: uint8 images (n, height, width, channels), labels and rows (n,)."""

    images: np.ndarray
    labels: np.ndarray
    sample: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def find(root: str | Path) -> list[Path]:
    """The prepared datasets below a folder, by name."""
    found = (path.parent for path in Path(root).glob(f"*/{MANIFEST}"))
    return sorted(path for path in found if not path.name.startswith("."))


def split(dataset: Dataset, protocol: str) -> splits.Split:
    """The rows of train, validation and test, as stored when the dataset was prepared.

    Raises:
        ValueError: the dataset has no such split, or it has several folds.
    """
    found = splits.stored(dataset, protocol)
    if len(found) > 1:
        raise ValueError(
            f"{protocol} divides {dataset.name} into {len(found)} folds, a cell trains on one "
            "split: choose one that is not made of folds, such as hold-out."
        )
    return found[0]


def digest(dataset: Dataset, protocol: str) -> str:
    """Ten hexadecimal digits that stand for the rows of a split. Raises as `split`."""
    found = hashlib.sha256()
    for name, rows in split(dataset, protocol).items():
        found.update(f"{name} {len(rows)} ".encode() + rows.astype("<i8").tobytes())
    return found.hexdigest()[:10]


def parts(dataset: Dataset, protocol: str, settings: Settings) -> dict[str, Part]:
    """Train, validation and test of a dataset, cut to the sizes of the settings.

    The split and the cut do not depend on a cell's seed: every cell of a table sees the same.
    """
    rows = split(dataset, protocol)
    limits = {"train": settings.train_samples}
    return {
        name: _part(dataset, _cut(chosen, limits.get(name, settings.eval_samples)))
        for name, chosen in rows.items()
    }


def order(n: int, seed: int, epoch: int) -> np.ndarray:
    """The order of the training images in an epoch, a function of its arguments alone."""
    return np.random.default_rng([seed, epoch]).permutation(n)


def _cut(rows: np.ndarray, most: int | None) -> np.ndarray:
    if most is None or most >= len(rows):
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def _part(dataset: Dataset, rows: np.ndarray) -> Part:
    return Part(np.asarray(dataset.images[rows]), dataset.labels[rows], rows)
