"""Open a prepared dataset folder.

The folder is readable without this package: ``images.npy`` is a uint8 array (n, height, width,
channels), ``index.csv`` has a row per image, ``dropped.csv`` one per item left out, ``splits.csv``
says on which side of each split a row lies, and ``manifest.json`` says what the folder holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.dataset.fingerprint import Fingerprint
from preprocessing.dataset.index import COLUMNS, INDEX, MEND, column_names, read_columns, read_rows

SCHEMA_VERSION = 2
IMAGES, DROPPED, SPLITS, MANIFEST = "images.npy", "dropped.csv", "splits.csv", "manifest.json"
SHEETS = "sheets"  # a folder of pictures, there only where they were asked for
FILES = (MANIFEST, IMAGES, INDEX, DROPPED, SPLITS)
REQUIRED = ("schema_version", "dataset", "classes", "seen", "used", "dropped", "fingerprint")
_BLOCK = 16 * 2**20  # bytes read at once


@dataclass(frozen=True, eq=False)
class Dataset:
    """A prepared dataset of n images.

    Attributes:
        path: the folder.
        images: uint8 (n, height, width, channels), memory-mapped read-only.
        labels: int64 (n,), positions in `classes`.
        splits: object (n,) of str: "train", "validation", "test" or "", as the authors divided it.
        subjects: object (n,) of str, "" where unknown.
        manifest: content of ``manifest.json``.
    """

    path: Path
    images: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    subjects: np.ndarray
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> Dataset:
        """Open a prepared folder without reading its images into memory.

        Raises:
            FileNotFoundError: the folder or one of its files is missing.
            ValueError: another schema version, or the files contradict each other.
        """
        path = Path(path)
        manifest = read_manifest(path)
        images = _map_images(path)
        column = read_columns(path / INDEX, COLUMNS[:3])
        labels = _labels(path, column["label"], manifest["classes"])
        _check_counts(path, manifest, images, labels)
        return cls(path, images, labels, column["split"], column["subject"], manifest)

    @classmethod
    def unfinished(cls, path: Path, name: str, classes: Sequence[str]) -> Dataset:
        """A folder of which only the index is read; its images may still move with it."""
        column = read_columns(path / INDEX, COLUMNS[:3])
        labels = _labels(path, column["label"], list(classes))
        manifest = {"dataset": name, "classes": list(classes)}
        images = np.empty((len(labels), 0, 0, 0), np.uint8)
        return cls(path, images, labels, column["split"], column["subject"], manifest)

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
        """Where each image came from, object (n,) of str; read from the disk each time."""
        return self.column("source")

    def column(self, name: str) -> np.ndarray:
        """A column of the index, object (n,) of str. Raises ValueError if there is none."""
        return read_columns(self.path / INDEX, (name,))[name]

    def numbers(self, prefix: str) -> np.ndarray:
        """The columns whose names begin so, as whole numbers, int64 (n, columns).

        The votes of FER+, for example: ``dataset.numbers("votes_")``.

        Raises:
            ValueError: no such column, or one of something else.
        """
        names = [name for name in self.columns if name.startswith(prefix)]
        if not names:
            raise ValueError(f"no column begins with {prefix!r}: there are {self.columns}")
        return np.stack([self.column(name).astype(np.int64) for name in names], axis=1)

    def verify(self) -> None:
        """Recompute the fingerprint from all images. Raises ValueError if it has changed."""
        found = fingerprint(self).hexdigest()
        if found != self.fingerprint:
            raise ValueError(
                f"{self.path} has changed since it was prepared: its content hashes to "
                f"{found}, its manifest says {self.fingerprint}; {MEND}"
            )


def fingerprint(dataset: Dataset) -> Fingerprint:
    """The hash of what the folder holds now."""
    found = Fingerprint(dataset.classes)
    for image, cells in zip(stream(dataset.path / IMAGES), identity(dataset), strict=True):
        found.add(image, *cells)
    return found


def identity(dataset: Dataset) -> Iterator[tuple[str, ...]]:
    """The cells of each row that its fingerprint covers: label, subject, split and further ones."""
    further = [name for name in dataset.columns if name not in COLUMNS]
    return map(tuple, read_rows(dataset.path / INDEX, [*COLUMNS[:3], *further]))


def stream(path: Path) -> Iterator[np.ndarray]:
    """The images of an ``images.npy`` one by one, without keeping what was read in memory."""
    with open(path, "rb") as images:
        np.lib.format.read_magic(images)
        shape, _, _ = np.lib.format.read_array_header_1_0(images)
        size = int(np.prod(shape[1:]))
        at_once = max(_BLOCK // size, 1)
        for start in range(0, shape[0], at_once):
            block = images.read(min(at_once, shape[0] - start) * size)
            yield from np.frombuffer(block, np.uint8).reshape(-1, *shape[1:])


def read_manifest(path: Path) -> dict[str, Any]:
    """Content of ``manifest.json``. Raises FileNotFoundError or ValueError as `Dataset.open`."""
    if not path.is_dir():
        raise FileNotFoundError(
            f"no prepared dataset at {path}: make one with "
            f"`python -m preprocessing.run --dataset NAME --source RAW --out {path}`"
        )
    manifest = _load_manifest(path)
    for name in FILES:
        if not (path / name).is_file():
            raise FileNotFoundError(f"{path} is no prepared dataset: {name} is missing; {MEND}")
    return manifest


def _load_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{path} is no prepared dataset: {MANIFEST} is missing; {MEND}"
        ) from None
    except ValueError as error:
        raise ValueError(f"{path / MANIFEST} is not readable JSON ({error}); {MEND}") from error
    _check_manifest(path, manifest)
    return manifest


def _check_manifest(path: Path, manifest: Any) -> None:
    version = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"{path / MANIFEST} has schema_version {version!r}, "
            f"this program reads {SCHEMA_VERSION}; {MEND}"
        )
    missing = [key for key in REQUIRED if key not in manifest]
    if missing:
        raise ValueError(f"{path / MANIFEST} lacks {', '.join(missing)}; {MEND}")


def _map_images(path: Path) -> np.ndarray:
    try:
        images = np.load(path / IMAGES, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path / IMAGES} is not a readable array ({error}); {MEND}") from error
    if images.dtype != np.uint8 or images.ndim != 4:
        raise ValueError(
            f"{path / IMAGES} is {images.dtype} with {images.ndim} axes, "
            f"expected uint8 (n, height, width, channels); {MEND}"
        )
    return images


def _check_counts(path: Path, manifest: dict, images: np.ndarray, labels: np.ndarray) -> None:
    counts = {MANIFEST: manifest["used"], IMAGES: len(images), INDEX: len(labels)}
    if len(set(counts.values())) != 1:
        raise ValueError(f"{path} contradicts itself on its number of images: {counts}; {MEND}")


def _labels(path: Path, names: np.ndarray, classes: list[str]) -> np.ndarray:
    unknown = sorted(set(names.tolist()) - set(classes))
    if unknown:
        raise ValueError(
            f"{path / INDEX} has the label {unknown[0]!r}, expected one of {classes}; {MEND}"
        )
    position = {name: index for index, name in enumerate(classes)}
    return np.array([position[name] for name in names.tolist()], dtype=np.int64)
