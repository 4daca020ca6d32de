"""Find flat images and byte-identical copies in one pass, and drop them on request."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.index import INDEX, read_some
from preprocessing.dataset.row import Row
from preprocessing.quality.sharpness import by_split, sharpness
from preprocessing.sources import SPLITS, Rejected

FLAT_BELOW = 1.0  # standard deviation in grey levels
MOST_EXAMPLES = 20
FLAT, COPY = "flat image", "duplicate of an earlier image"
_DIGEST = 16  # bytes


def is_flat(image: np.ndarray) -> bool:
    """Whether a uint8 image has a standard deviation under one grey level."""
    return bool(image.std() < FLAT_BELOW)


def digest(image: np.ndarray) -> bytes:
    """16 bytes that two images share only if their pixels do."""
    return hashlib.blake2b(image.tobytes(), digest_size=_DIGEST).digest()


class Filter:
    """Turns flat images or all later copies of an image into `Rejected`.

    Of a group of copies the first stays, with its own label and split. It holds 16 bytes and the
    source of every image that stays, and only if copies are to go.
    """

    def __init__(self, *, flat: bool = False, duplicates: bool = False):
        self._flat, self._duplicates = flat, duplicates
        self._first: dict[bytes, str] = {}

    def known(self, image: np.ndarray, source: str) -> None:
        """Take in an image that stayed earlier, when going on after an interruption."""
        if self._duplicates:
            self._first.setdefault(digest(image), source)

    def apply(self, row: Row) -> Row | Rejected:
        """The row, if its image may stay."""
        if self._flat and is_flat(row.image):
            found = f"standard deviation {row.image.std():.2f}"
            return Rejected(row.source, FLAT, found, row.label)
        if self._duplicates:
            key = digest(row.image)
            if key in self._first:
                return Rejected(row.source, COPY, self._first[key], row.label)
            self._first[key] = row.source
        return row


class Survey:
    """Takes in the images one by one, in order, and then reports on all of them.

    It holds 25 bytes for each image.
    """

    def __init__(self, images: Iterable[np.ndarray] = ()):
        self._digests = bytearray()
        self._flat = bytearray()
        self._sharpness = array("d")
        for image in images:
            self.add(image)

    def __len__(self) -> int:
        return len(self._flat)

    def add(self, image: np.ndarray) -> None:
        """Take in one image, uint8 (height, width, channels)."""
        self._digests += digest(image)
        self._flat.append(is_flat(image))
        self._sharpness.append(sharpness(image))

    def copies(self) -> list[np.ndarray]:
        """Groups of rows whose images are byte-identical, in order of their first rows."""
        return same(np.frombuffer(self._digests, "<u8").reshape(-1, 2))

    def flat(self) -> np.ndarray:
        """Rows of the flat images."""
        return np.flatnonzero(np.frombuffer(self._flat, np.uint8))

    def report(self, dataset: Dataset) -> dict[str, Any]:
        """What goes into the manifest: numbers, each with up to 20 examples by source.

        ``surplus`` is how many images would go if one of each group of copies stayed.

        Args:
            dataset: whose images were taken in, all of them. Its images are not read again.

        Raises:
            ValueError: it has another number of images.
        """
        if len(self) != len(dataset):
            raise ValueError(
                f"{len(self):,} images were surveyed, the dataset has {len(dataset):,}"
            )
        flat, copies = self.flat(), self.copies()
        mixed = [rows for rows in copies if len(np.unique(dataset.labels[rows])) > 1]
        spanning = _spanning(copies, dataset.splits)
        names = _Names(dataset, [flat], copies, mixed, *spanning.values())
        return {
            "flat": {"images": len(flat), "examples": names.sources(flat)},
            "duplicates": {
                **names.report(copies),
                "surplus": sum(len(rows) - 1 for rows in copies),
            },
            "conflicting_labels": names.report(mixed),
            "spanning_splits": {border: names.report(rows) for border, rows in spanning.items()},
            "sharpness": by_split(np.frombuffer(self._sharpness, np.float64), dataset.splits),
        }


def same(keys: np.ndarray) -> list[np.ndarray]:
    """Groups of rows of (n, 2) that are equal, each sorted, in order of their first rows."""
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    equal = (keys[order[1:]] == keys[order[:-1]]).all(axis=1)
    edges = np.diff(np.concatenate(([False], equal, [False])).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    found = [np.sort(order[start : end + 1]) for start, end in zip(starts, ends, strict=True)]
    return sorted(found, key=lambda rows: int(rows[0]))


class _Names:
    """Names images for a person. Of the index it holds only the rows that are shown."""

    def __init__(self, dataset: Dataset, *findings: Sequence[np.ndarray]):
        shown = [rows for groups in findings for rows in _shown(groups)]
        self._sources = read_some(
            dataset.path / INDEX, "source", {row for rows in shown for row in rows}
        )
        self._labels, self._classes = dataset.labels, dataset.classes

    def sources(self, rows: np.ndarray) -> list[str]:
        """Where the first of these rows came from."""
        return [self._sources[row] for row in rows[:MOST_EXAMPLES].tolist()]

    def report(self, groups: Sequence[np.ndarray]) -> dict[str, Any]:
        """How many groups, and the first of them."""
        examples = [
            [f"{self._sources[row]} ({self._classes[self._labels[row]]})" for row in rows]
            for rows in _shown(groups)
        ]
        return {"groups": len(groups), "examples": examples}


def _shown(groups: Sequence[np.ndarray]) -> list[list[int]]:
    """The first rows of the first groups."""
    return [rows[:MOST_EXAMPLES].tolist() for rows in groups[:MOST_EXAMPLES]]


def _spanning(groups: list[np.ndarray], splits: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Groups that lie on both sides of a border between splits, one entry per border."""
    present = [split for split in SPLITS if (splits == split).any()]
    borders = {f"{a}+{b}": ({a}, {b}) for a, b in combinations(present, 2)}
    if "train" in present and len(present) == 3:
        borders["train+validation or test"] = ({"train"}, {"validation", "test"})
    sides = [(rows, set(splits[rows].tolist())) for rows in groups]
    return {
        border: [rows for rows, found in sides if found & left and found & right]
        for border, (left, right) in borders.items()
    }
