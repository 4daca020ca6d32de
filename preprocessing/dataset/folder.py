"""Read a prepared dataset folder.

The folder is readable without this package: `images.npy` is a uint8 array (n, height, width,
channels), `index.csv` has a row per image, `dropped.csv` one per item left out, `splits.csv`
says on which side of each split a row lies, and `manifest.json` says what the folder holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.dataset.index import (
    COLUMNS,
    INDEX,
    REPAIR_HINT,
    Index,
    OnProblem,
    column_names,
    raise_problem,
    read_column,
    read_index,
    read_rows,
)
from preprocessing.dataset.manifest import IMAGES, MANIFEST, read_manifest

_BLOCK = 16 * 2**20  # bytes read at once


def fingerprint(
    folder: Path, classes: Sequence[str], images: Iterable[np.ndarray] | None = None
) -> str:
    """SHA-256 over the classes, the images, and each image's label, subject, split and more.

    It depends on content and order only: not on paths, versions, time or what was dropped.

    Args:
        folder: a prepared folder.
        classes: its class names.
        images: its images, if the caller already iterates over them; None to read them here.

    Returns:
        64 hexadecimal digits.

    Raises:
        ValueError: the index is damaged or has a different number of rows.
    """
    further = [name for name in column_names(folder / INDEX) if name not in COLUMNS]
    rows = read_rows(folder / INDEX, [*COLUMNS[:3], *further])
    images = stream(folder / IMAGES) if images is None else images
    shape: list[int] = []
    pixels, texts = hashlib.sha256(), hashlib.sha256()
    for image, cells in zip(images, rows, strict=True):
        shape = list(image.shape)
        pixels.update(np.ascontiguousarray(image).data)
        texts.update(json.dumps(cells).encode() + b"\n")
    parts = {
        "classes": list(classes),
        "image_shape": shape,
        "images": pixels.hexdigest(),
        "rows": texts.hexdigest(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


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


@dataclass(frozen=True, eq=False)
class Dataset:
    """A prepared dataset of n images.

    Attributes:
        path: the folder.
        images: uint8 (n, height, width, channels), memory-mapped read-only.
        labels: int64 (n,), positions in `classes`.
        splits: object (n,) of str: "train", "validation", "test" or "", as divided by the authors.
        subjects: object (n,) of str, "" if unknown.
        manifest: content of `manifest.json`.
    """

    path: Path
    images: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    subjects: np.ndarray
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> Dataset:
        """Opens a prepared folder without reading its images into memory.

        Raises:
            FileNotFoundError: the folder or one of its files is missing.
            ValueError: another schema version, or a file is damaged or contradicts another one.
        """
        dataset = read_folder(Path(path)).dataset()
        assert dataset is not None  # a folder without problems is one
        return dataset

    @classmethod
    def unfinished(cls, path: Path, name: str, classes: Sequence[str]) -> Dataset:
        """A folder of which only the index is read; it may still be moved with its images."""
        manifest = {"dataset": name, "classes": list(classes)}
        index = read_index(path / INDEX, classes)
        assert index is not None and index.labels is not None
        images = np.empty((len(index), 0, 0, 0), np.uint8)
        return cls(path, images, index.labels, index.splits, index.subjects, manifest)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def name(self) -> str:
        return self.manifest["dataset"]

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names; the position is the integer label."""
        return tuple(self.manifest["classes"])

    @property
    def fingerprint(self) -> str:
        """Recorded hash of the content, 64 hexadecimal digits; `verify` recomputes it."""
        return self.manifest["fingerprint"]

    @property
    def synthetic(self) -> bool:
        """Whether the images are generated rather than photographed."""
        return bool(self.manifest.get("synthetic", False))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of all columns of the index."""
        return column_names(self.path / INDEX)

    @property
    def sources(self) -> np.ndarray:
        """Where each image came from, object (n,) of str; read from disk each time."""
        return self.column("source")

    def column(self, name: str) -> np.ndarray:
        """A column of the index, object (n,) of str. Raises ValueError for an unknown name."""
        return read_column(self.path / INDEX, name)

    def numbers(self, prefix: str) -> np.ndarray:
        """The columns whose names begin with `prefix`, as whole numbers, int64 (n, columns).

        The votes of FER+, for example: `dataset.numbers("votes_")`.

        Raises:
            ValueError: no column begins with `prefix`, or one holds something else.
        """
        names = [name for name in self.columns if name.startswith(prefix)]
        if not names:
            raise ValueError(f"No column begins with {prefix!r}: there are {self.columns}.")
        return np.stack([self.column(name).astype(np.int64) for name in names], axis=1)

    def verify(self) -> None:
        """Recomputes the fingerprint from all images. Raises ValueError if it has changed."""
        found = fingerprint(self.path, self.classes)
        if found != self.fingerprint:
            raise ValueError(
                f"{self.path} has changed since it was prepared: its content hashes to {found}, "
                f"its manifest says {self.fingerprint}. {REPAIR_HINT}"
            )


@dataclass(frozen=True, eq=False)
class Contents:
    """What could be read of a prepared folder.

    Attributes:
        path: the folder.
        manifest: the valid keys of `manifest.json`.
        images: uint8 (n, height, width, channels), memory-mapped; None if damaged.
        index: None if damaged.
    """

    path: Path
    manifest: dict[str, Any]
    images: np.ndarray | None
    index: Index | None

    def dataset(self) -> Dataset | None:
        """The dataset, or None if images, index and classes do not fit together."""
        images, index = self.images, self.index
        if images is None or index is None or index.labels is None or len(images) != len(index):
            return None
        manifest = {"dataset": "unnamed", "fingerprint": "", **self.manifest}
        return Dataset(self.path, images, index.labels, index.splits, index.subjects, manifest)


def read_folder(path: Path, on_problem: OnProblem = raise_problem) -> Contents:
    """Reads manifest, images and index of a prepared folder and compares their numbers.

    Args:
        path: the folder.
        on_problem: receives each problem, a FileNotFoundError or ValueError.
    """
    manifest = read_manifest(path, on_problem)
    images, index = None, None
    if (path / IMAGES).is_file():
        images = _map_images(path / IMAGES, on_problem)
    if (path / INDEX).is_file():
        index = read_index(path / INDEX, manifest.get("classes"), on_problem)
    counts = {
        MANIFEST: manifest.get("used"),
        IMAGES: None if images is None else len(images),
        INDEX: None if index is None else len(index),
    }
    given = {name: number for name, number in counts.items() if number is not None}
    if len(set(given.values())) > 1:
        listed = ", ".join(f"{name} {number:,}" for name, number in given.items())
        text = f"{path / IMAGES}: the number of images differs: {listed}"
        on_problem(ValueError(f"{text}. {REPAIR_HINT}"))
    return Contents(path, manifest, images, index)


def _map_images(path: Path, on_problem: OnProblem) -> np.ndarray | None:
    try:
        images = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # NumPy raises many kinds for a damaged header
        on_problem(ValueError(f"{path} is not a readable array ({error}). {REPAIR_HINT}"))
        return None
    surplus = path.stat().st_size - images.offset - images.nbytes
    if images.dtype != np.uint8 or images.ndim != 4 or not images.flags.c_contiguous:
        text = (
            "must be uint8 (n, height, width, channels) in C order, "
            f"got {images.dtype} with {images.ndim} axes"
        )
    elif surplus:
        text = f"has {surplus:,} bytes after its {len(images):,} images"
    elif not images.size:
        text = f"must hold at least one image, got the shape {images.shape}"
    else:
        return images
    on_problem(ValueError(f"{path} {text}. {REPAIR_HINT}"))
    return None
