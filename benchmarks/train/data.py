"""From prepared datasets to the arrays of a cell, and batches in an order that a seed decides."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.plan.settings import Settings
from preprocessing import splits
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.manifest import MANIFEST
from preprocessing.splits.stored import stored_names

# The usual protocols of datasets whose people are known; the official split for all others.
CUSTOM = {"ckplus": "subject-10fold", "jaffe": "loso"}


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a split: uint8 images (n, height, width, channels), labels and rows (n,)."""

    images: np.ndarray
    labels: np.ndarray
    sample: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def find(root: str | Path) -> list[Path]:
    """The prepared datasets below a folder, by name."""
    found = (path.parent for path in Path(root).glob(f"*/{MANIFEST}"))
    return sorted(path for path in found if not path.name.startswith("."))


def default_protocol(dataset: Dataset) -> str:
    """The split that a dataset is usually measured on: by subject where that is the custom.

    Raises:
        ValueError: the dataset was prepared without its splits, or is too small for any.
    """
    there = stored_names(dataset.path)
    usual = (CUSTOM.get(dataset.name, "official"), "official", "hold-out")
    for protocol in usual:
        if protocol in there:
            return protocol
    raise ValueError(
        f"{dataset.path} has none of the splits {', '.join(dict.fromkeys(usual))}: it has "
        f"{', '.join(there) or 'none'}. Name one with --protocol."
    )


def split(dataset: Dataset, protocol: str, fold: int = 0) -> splits.Split:
    """The rows of train, validation and test, as stored when the dataset was prepared.

    Raises:
        ValueError: the dataset has no such split, or not that many.
    """
    found = splits.stored(dataset, protocol)
    if not 0 <= fold < len(found):
        raise ValueError(
            f"{protocol} divides {dataset.name} in {len(found)} ways, fold {fold} is none of them: "
            f"they are numbered from 0 to {len(found) - 1}."
        )
    return found[fold]


def digests(dataset: Dataset, protocol: str) -> tuple[str, ...]:
    """For each split of a protocol, ten hexadecimal digits that stand for its rows.

    Raises:
        ValueError: the dataset has no such split.
    """
    return tuple(map(_digest, splits.stored(dataset, protocol)))


def digest(dataset: Dataset, protocol: str, fold: int = 0) -> str:
    """That of one split. Raises as `split`."""
    return _digest(split(dataset, protocol, fold))


def part(dataset: Dataset, rows_of: splits.Split, name: str, settings: Settings) -> Part:
    """The train, validation or test part of a split, cut to the size of the settings.

    The cut does not depend on a cell's seed: every cell of a table sees the same.
    """
    most = settings.train_samples if name == "train" else settings.eval_samples
    rows = _cut(rows_of[name], most)
    return Part(np.asarray(dataset.images[rows]), dataset.labels[rows], rows)


def copies(test: Part, *seen: Part) -> np.ndarray:
    """Bool (n,): which test images equal one that was seen, or an earlier test image."""
    known = {_content(image) for part in seen for image in part.images}
    found = np.zeros(len(test), bool)
    for i, image in enumerate(test.images):
        content = _content(image)
        found[i] = content in known
        known.add(content)
    return found


def order(n: int, seed: int, epoch: int) -> np.ndarray:
    """The order of the training images in an epoch, a function of its arguments alone."""
    return np.random.default_rng([seed, epoch]).permutation(n)


def _content(image: np.ndarray) -> bytes:
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def _cut(rows: np.ndarray, most: int | None) -> np.ndarray:
    if most is None or most >= len(rows):
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def _digest(rows_of: splits.Split) -> str:
    found = hashlib.sha256()
    for name, rows in rows_of.items():
        found.update(f"{name} {len(rows)} ".encode() + rows.astype("<i8").tobytes())
    return found.hexdigest()[:10]
