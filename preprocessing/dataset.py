"""Open a prepared dataset folder.

The folder is readable without this package: ``images.npy`` is a uint8 array (n, height, width,
channels), ``index.csv`` has a row per image and ``manifest.json`` says what the folder holds.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .fingerprint import Fingerprint

SCHEMA_VERSION = 1
IMAGES, INDEX, MANIFEST = "images.npy", "index.csv", "manifest.json"
COLUMNS = ("label", "subject", "split", "source", "x", "y", "width", "height", "score")
REQUIRED = ("schema_version", "dataset", "classes", "seen", "used", "dropped", "fingerprint")
MEND = "prepare it again with `python -m preprocessing.run ... --overwrite`"


@dataclass(frozen=True, eq=False)
class Dataset:
    """A prepared dataset of n images.

    Attributes:
        path: the folder.
        images: uint8 (n, height, width, channels), memory-mapped read-only.
        labels: int64 (n,), positions in `classes`.
        splits: str (n,), "train", "validation", "test" or "".
        subjects: str (n,), "" where unknown.
        sources: str (n,), where each image came from.
        manifest: content of ``manifest.json``.
    """

    path: Path
    images: np.ndarray
    labels: np.ndarray
    splits: np.ndarray
    subjects: np.ndarray
    sources: np.ndarray
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: str | Path) -> Dataset:
        """Open a prepared folder without reading its images into memory.

        Raises:
            FileNotFoundError: the folder or one of its three files is missing.
            ValueError: another schema version, or the files contradict each other.
        """
        path = Path(path)
        manifest = read_manifest(path)
        images = _map_images(path)
        rows = read_index(path / INDEX)
        _check_counts(path, manifest, images, rows)
        column = {name: np.array([row[name] for row in rows], dtype=str) for name in COLUMNS[:4]}
        labels = _labels(path, column["label"], manifest["classes"])
        return cls(
            path, images, labels, column["split"], column["subject"], column["source"], manifest
        )

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

    def verify(self) -> None:
        """Recompute the fingerprint from all images. Raises ValueError if it has changed."""
        found = Fingerprint(self.classes)
        columns = (self.labels, self.subjects, self.splits)
        for image, label, subject, split in zip(self.images, *columns, strict=True):
            found.add(image, self.classes[label], str(subject), str(split))
        if found.hexdigest() != self.fingerprint:
            raise ValueError(
                f"{self.path} has changed since it was prepared: its content hashes to "
                f"{found.hexdigest()}, its manifest says {self.fingerprint}; {MEND}"
            )


def read_manifest(path: Path) -> dict[str, Any]:
    """Content of ``manifest.json``. Raises FileNotFoundError or ValueError as `Dataset.open`."""
    if not path.is_dir():
        raise FileNotFoundError(
            f"no prepared dataset at {path}: make one with "
            f"`python -m preprocessing.run --dataset NAME --source RAW --out {path}`"
        )
    for name in (MANIFEST, IMAGES, INDEX):
        if not (path / name).is_file():
            raise FileNotFoundError(f"{path} is no prepared dataset: {name} is missing; {MEND}")
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
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


def read_index(path: Path) -> list[dict[str, str]]:
    """Rows of ``index.csv`` as text. Raises ValueError if its columns are others."""
    with open(path, encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ())[: len(COLUMNS)] != COLUMNS:
            raise ValueError(
                f"{path} starts with the columns {reader.fieldnames}, "
                f"expected {', '.join(COLUMNS)}; {MEND}"
            )
        return list(reader)


def _check_counts(path: Path, manifest: dict, images: np.ndarray, rows: list) -> None:
    counts = {MANIFEST: manifest["used"], IMAGES: len(images), INDEX: len(rows)}
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
