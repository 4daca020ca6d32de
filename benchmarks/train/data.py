"""From prepared datasets to the arrays of a cell, and the order of an epoch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.plan.copies import image_hash
from benchmarks.plan.settings import Settings
from preprocessing.dataset.folder import Dataset
from preprocessing.splits import Split


@dataclass(frozen=True, eq=False)
class DataPart:
    """One part of a split: uint8 images (n, height, width, channels), labels and rows (n,)."""

    images: np.ndarray
    labels: np.ndarray
    sample: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def load_part(dataset: Dataset, rows_of: Split, name: str, settings: Settings) -> DataPart:
    """Return the train, validation or test part of a split, cut to the size of the settings.

    Copies are dropped before the cut, if the settings say so. The cut does not depend on the seed
    of a cell: every cell of a table sees the same images.
    """
    most = settings.train_samples if name == "train" else settings.eval_samples
    drop = name == "train" and settings.drop_copies
    rows = _cut(_without_copies(dataset, rows_of) if drop else rows_of[name], most)
    return DataPart(np.asarray(dataset.images[rows]), dataset.labels[rows], rows)


def duplicates(test: DataPart, *seen: DataPart) -> np.ndarray:
    """Return which test images equal a seen image or an earlier test image, bool (n,)."""
    known = {image_hash(image) for part in seen for image in part.images}
    found = np.zeros(len(test), bool)
    for i, image in enumerate(test.images):
        content = image_hash(image)
        found[i] = content in known
        known.add(content)
    return found


def epoch_order(n: int, seed: int, epoch: int) -> np.ndarray:
    """Return the order of `n` training images in an epoch; it depends on the arguments alone."""
    return np.random.default_rng([seed, epoch]).permutation(n)


def _without_copies(dataset: Dataset, rows_of: Split) -> np.ndarray:
    """The training rows whose images are in no other part and not among the rows before."""
    others = np.concatenate([rows_of["validation"], rows_of["test"]])
    known = {image_hash(image) for image in dataset.images[others]}
    kept = []
    for row in rows_of["train"]:
        content = image_hash(dataset.images[row])
        if content not in known:
            known.add(content)
            kept.append(row)
    return np.array(kept, np.int64)


def _cut(rows: np.ndarray, most: int | None) -> np.ndarray:
    if most is None or most >= len(rows):
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
