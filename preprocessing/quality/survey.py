"""Sharpness, flat images and byte-identical copies, found in one pass or dropped.

A copy of a dataset may have been blurred or recompressed in one part only. Training on that part
and testing on another mostly measures the difference in sharpness.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import cv2
import numpy as np

from attention_fer.common.progress import Track
from preprocessing.dataset.folder import Dataset, fingerprint, stream
from preprocessing.dataset.index import INDEX, IndexRow, read_some
from preprocessing.dataset.manifest import IMAGES
from preprocessing.sources import SPLITS, Rejected

# Parts of one dataset differ by a few per cent; a visible blur changes the measure tenfold.
NOTABLE_RATIO = 4.0


def sharpness(image: np.ndarray) -> float:
    """Variance of the Laplacian of a uint8 image (height, width, channels), over the channels.

    Pech-Pacheco et al. 2000, https://doi.org/10.1109/ICPR.2000.903548. It depends on the image's
    size, so compare images of one size only.
    """
    return float(cv2.Laplacian(image, cv2.CV_64F).var())


def by_split(values: np.ndarray, splits: np.ndarray) -> dict[str, float]:
    """Median sharpness of each part; "" stands for images without one.

    Args:
        values: sharpness of each image, (n,).
        splits: its part, str (n,).
    """
    return {
        str(part): round(float(np.median(values[splits == part])), 2) for part in np.unique(splits)
    }


def blur_warning(medians: Mapping[str, float]) -> str | None:
    """A warning if one part is much blurrier than another, None otherwise."""
    if len(medians) < 2:
        return None
    blurry, sharp = min(medians, key=medians.__getitem__), max(medians, key=medians.__getitem__)
    if medians[sharp] < NOTABLE_RATIO * max(medians[blurry], 1.0):
        return None
    return (
        f"{f'{blurry} is' if blurry else 'Images without a split are'} much blurrier than "
        f"{sharp or 'images without a split'}: median variance of the Laplacian "
        f"{medians[blurry]:,.1f} against {medians[sharp]:,.1f}. Training on one and testing on the "
        "other measures that difference too."
    )


FLAT_BELOW = 1.0  # standard deviation in grey levels
MOST_EXAMPLES = 20
FLAT, COPY = "flat image", "duplicate of an earlier image"
_DIGEST = 16  # bytes


def is_flat(image: np.ndarray) -> bool:
    """Whether a uint8 image has a standard deviation below one grey level."""
    return bool(image.std() < FLAT_BELOW)


def digest(image: np.ndarray) -> bytes:
    """16 bytes that two images share only if their pixels are equal."""
    return hashlib.blake2b(image.tobytes(), digest_size=_DIGEST).digest()


class Filter:
    """Turns flat images, or all later copies of an image, into `Rejected`.

    The first of a group of copies stays, with its own label and split. To drop copies, it keeps 16
    bytes and the source of every image in memory.
    """

    def __init__(self, *, flat: bool = False, duplicates: bool = False):
        self._flat, self._duplicates = flat, duplicates
        self._first: dict[bytes, str] = {}

    def known(self, image: np.ndarray, source: str) -> None:
        """Adds an image that was kept before an interruption."""
        if self._duplicates:
            self._first.setdefault(digest(image), source)

    def apply(self, row: IndexRow) -> IndexRow | Rejected:
        """The row, or a `Rejected` in its place."""
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
    """Measures the images one by one, in order, and then reports on all of them.

    It keeps 25 bytes per image in memory.
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
        """Measures one image, uint8 (height, width, channels)."""
        self._digests += digest(image)
        self._flat.append(is_flat(image))
        self._sharpness.append(sharpness(image))

    def measured(self, images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """The images, each measured before it is passed on."""
        for image in images:
            self.add(image)
            yield image

    def copies(self) -> list[np.ndarray]:
        """Groups of rows whose images are byte-identical, in order of their first rows."""
        return same(np.frombuffer(self._digests, "<u8").reshape(-1, 2))

    def flat(self) -> np.ndarray:
        """Rows of the flat images."""
        return np.flatnonzero(np.frombuffer(self._flat, np.uint8))

    def report(self, dataset: Dataset) -> dict[str, Any]:
        """The findings for the manifest: numbers, each with up to 20 examples by source.

        `surplus` is the number of images to remove to keep one of each group of copies.

        Args:
            dataset: the dataset whose images were all measured. Its images are not read again.

        Raises:
            ValueError: the dataset has another number of images.
        """
        if len(self) != len(dataset):
            raise ValueError(
                f"The survey must cover all {len(dataset):,} images, got {len(self):,}."
            )
        flat, copies = self.flat(), self.copies()
        mixed = [rows for rows in copies if len(np.unique(dataset.labels[rows])) > 1]
        spanning = _spanning(copies, dataset.splits)
        groups = ([flat], copies, mixed, *spanning.values())
        shown = {row for found in groups for rows in _first(found) for row in rows}
        sources = read_some(dataset.path / INDEX, "source", shown)  # all would take much memory

        def listed(groups: Sequence[np.ndarray]) -> dict[str, Any]:
            examples = [
                [f"{sources[row]} ({dataset.classes[dataset.labels[row]]})" for row in rows]
                for rows in _first(groups)
            ]
            return {"groups": len(groups), "examples": examples}

        return {
            "flat": {
                "images": len(flat),
                "examples": [sources[row] for rows in _first([flat]) for row in rows],
            },
            "duplicates": {**listed(copies), "surplus": sum(len(rows) - 1 for rows in copies)},
            "conflicting_labels": listed(mixed),
            "spanning_splits": {border: listed(rows) for border, rows in spanning.items()},
            "sharpness": by_split(np.frombuffer(self._sharpness, np.float64), dataset.splits),
        }


def survey_images(dataset: Dataset, track: Track) -> tuple[Survey, str]:
    """Reads all images of a dataset once. Returns their survey and the dataset's fingerprint."""
    survey = Survey()
    images = track(stream(dataset.path / IMAGES), "checking", len(dataset), 0)
    return survey, fingerprint(dataset.path, dataset.classes, survey.measured(images))


def same(keys: np.ndarray) -> list[np.ndarray]:
    """Groups of rows of (n, 2) that are equal, each sorted, in order of their first rows."""
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    equal = (keys[order[1:]] == keys[order[:-1]]).all(axis=1)
    edges = np.diff(np.concatenate(([False], equal, [False])).astype(np.int8))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    found = [np.sort(order[start : end + 1]) for start, end in zip(starts, ends, strict=True)]
    return sorted(found, key=lambda rows: int(rows[0]))


def _first(groups: Sequence[np.ndarray]) -> list[list[int]]:
    """The first rows of the first groups."""
    return [rows[:MOST_EXAMPLES].tolist() for rows in groups[:MOST_EXAMPLES]]


def _spanning(groups: list[np.ndarray], splits: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Groups with images on both sides of a border between splits, one entry per border."""
    present = [split for split in SPLITS if (splits == split).any()]
    borders = {f"{a}+{b}": ({a}, {b}) for a, b in combinations(present, 2)}
    if "train" in present and len(present) == 3:
        borders["train+(validation or test)"] = ({"train"}, {"validation", "test"})
    sides = [(rows, set(splits[rows].tolist())) for rows in groups]
    return {
        border: [rows for rows, found in sides if found & left and found & right]
        for border, (left, right) in borders.items()
    }
