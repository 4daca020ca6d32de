"""The identity of a prepared dataset: a hash of everything a model can see of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from preprocessing.dataset.index import COLUMNS, INDEX, column_names, read_rows
from preprocessing.dataset.manifest import IMAGES

_BLOCK = 16 * 2**20  # bytes read at once


class Fingerprint:
    """SHA-256 over the classes, the images, and each image's label, subject, split and more.

    It depends on content and order only: not on paths, versions, time or what was dropped.
    """

    def __init__(self, classes: Sequence[str]):
        self._classes = list(classes)
        self._shape: list[int] = []
        self._images = hashlib.sha256()
        self._rows = hashlib.sha256()

    def add(self, image: np.ndarray, label: str, subject: str, split: str, *more: str) -> None:
        """Adds one image, uint8 (height, width, channels), and its row.

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


def fingerprint(
    folder: Path, classes: Sequence[str], images: Iterable[np.ndarray] | None = None
) -> str:
    """The hash of what a folder holds now, 64 hexadecimal digits.

    Args:
        folder: a prepared folder.
        classes: its class names.
        images: its images, if something else looks at them on the way; None to read them here.

    Raises:
        ValueError: the index is damaged or has another number of rows.
    """
    further = [name for name in column_names(folder / INDEX) if name not in COLUMNS]
    rows = read_rows(folder / INDEX, [*COLUMNS[:3], *further])
    found = Fingerprint(classes)
    images = stream(folder / IMAGES) if images is None else images
    for image, cells in zip(images, rows, strict=True):
        found.add(image, *cells)
    return found.hexdigest()


def stream(path: Path) -> Iterator[np.ndarray]:
    """The images of an `images.npy` one by one, without keeping them in memory."""
    with open(path, "rb") as images:
        np.lib.format.read_magic(images)
        shape, _, _ = np.lib.format.read_array_header_1_0(images)
        size = int(np.prod(shape[1:]))
        at_once = max(_BLOCK // size, 1)
        for start in range(0, shape[0], at_once):
            block = images.read(min(at_once, shape[0] - start) * size)
            yield from np.frombuffer(block, np.uint8).reshape(-1, *shape[1:])
