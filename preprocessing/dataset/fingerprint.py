"""The identity of a prepared dataset: a hash of what a model can see of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

import numpy as np


class Fingerprint:
    """SHA-256 over the class list, the images and the label, subject, split and more of each.

    It depends on content and order only: not on paths, versions, time or what was dropped.
    """

    def __init__(self, classes: Sequence[str]):
        self._classes = list(classes)
        self._shape: list[int] = []
        self._images = hashlib.sha256()
        self._rows = hashlib.sha256()

    def add(self, image: np.ndarray, label: str, subject: str, split: str, *more: str) -> None:
        """Take in one image, uint8 (height, width, channels), and its row.

        `more` are the cells of the dataset's further columns, as text.
        """
        self._shape = list(image.shape)
        self._images.update(np.ascontiguousarray(image).data)
        self._rows.update(json.dumps([label, subject, split, *more]).encode() + b"\n")

    def hexdigest(self) -> str:
        """64 hexadecimal digits."""
        parts = {
            "classes": self._classes,
            "image_shape": self._shape,
            "images": self._images.hexdigest(),
            "rows": self._rows.hexdigest(),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
