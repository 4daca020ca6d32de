"""Test images that have the same pixels as an image of another part."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from preprocessing import splits
from preprocessing.dataset.folder import Dataset


@dataclass(frozen=True)
class TrainingCopies:
    """The test images that equal an image of the training part of their fold, pixel for pixel.

    The training part is that of the split, whatever a cell left out of it; `training_copies` may
    count other parts with it.

    Attributes:
        rows: their rows of the prepared dataset, in ascending order.
        same_label: those with the label of one of these images.
    """

    rows: tuple[int, ...] = ()
    same_label: tuple[int, ...] = ()


def image_hash(image: np.ndarray) -> bytes:
    """Return a hash that is the same for images with the same pixels."""
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def training_copies(
    dataset: Dataset, protocol: str, seen: Sequence[str] = ("train",)
) -> TrainingCopies:
    """Find the copies of a split, over all its folds.

    Args:
        dataset: the prepared dataset.
        protocol: name of the split.
        seen: the parts that test images are compared with.

    Raises:
        ValueError: the dataset has no such split.
    """
    contents = [image_hash(image) for image in dataset.images]
    rows, same_label = set(), set()
    for fold in splits.stored(dataset, protocol):
        labels = defaultdict(set)
        for row in np.concatenate([fold[part] for part in seen]).tolist():
            labels[contents[row]].add(int(dataset.labels[row]))
        for row in fold["test"].tolist():
            if contents[row] in labels:
                rows.add(row)
                if int(dataset.labels[row]) in labels[contents[row]]:
                    same_label.add(row)
    return TrainingCopies(tuple(sorted(rows)), tuple(sorted(same_label)))
