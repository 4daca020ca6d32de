"""Test images that have the same pixels as a training image."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from preprocessing import splits
from preprocessing.dataset.folder import Dataset


@dataclass(frozen=True)
class TrainingCopies:
    """The test images that equal a training image of their fold, pixel for pixel.

    The training part is that of the split, whatever a cell left out of it.

    Attributes:
        rows: their rows of the prepared dataset, in ascending order.
        same_label: those with the label of one of these training images.
    """

    rows: tuple[int, ...] = ()
    same_label: tuple[int, ...] = ()


def image_hash(image: np.ndarray) -> bytes:
    """Return a hash that is the same for images with the same pixels."""
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def training_copies(dataset: Dataset, protocol: str) -> TrainingCopies:
    """Find the copies of a split, over all its folds.

    Raises:
        ValueError: the dataset has no such split.
    """
    contents = [image_hash(image) for image in dataset.images]
    rows, same_label = set(), set()
    for fold in splits.stored(dataset, protocol):
        labels = defaultdict(set)
        for row in fold["train"].tolist():
            labels[contents[row]].add(int(dataset.labels[row]))
        for row in fold["test"].tolist():
            if contents[row] in labels:
                rows.add(row)
                if int(dataset.labels[row]) in labels[contents[row]]:
                    same_label.add(row)
    return TrainingCopies(tuple(sorted(rows)), tuple(sorted(same_label)))
