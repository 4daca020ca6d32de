"""The stored splits of prepared datasets: which protocol is usual, and which rows it uses."""

from __future__ import annotations

import hashlib
from pathlib import Path

from preprocessing import splits
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.manifest import MANIFEST
from preprocessing.splits.base import stored_names

# The usual protocols of datasets with known subjects; the official split for all others.
CUSTOM = {"ckplus": "subject-10fold", "jaffe": "loso"}


def find(root: str | Path) -> list[Path]:
    """Return the folders of the prepared datasets below `root`, sorted by name."""
    found = (path.parent for path in Path(root).glob(f"*/{MANIFEST}"))
    return sorted(path for path in found if not path.name.startswith("."))


def default_protocol(dataset: Dataset) -> str:
    """Return the protocol a dataset is usually evaluated with: by subject where that is customary.

    Raises:
        ValueError: none of the usual splits is stored with the dataset.
    """
    stored = stored_names(dataset.path)
    usual = list(dict.fromkeys((CUSTOM.get(dataset.name, "official"), "official", "hold-out")))
    for protocol in usual:
        if protocol in stored:
            return protocol
    wanted = f"{dataset.path} has none of the splits {', '.join(usual)}"
    if stored:
        raise ValueError(f"{wanted}, but it has {', '.join(stored)}. Choose one with --protocol.")
    raise ValueError(
        f"{wanted}, nor any other: with {len(dataset)} images it is too small to be split. "
        "Prepare it again with more images, or with more people."
    )


def split(dataset: Dataset, protocol: str, fold: int = 0) -> splits.Split:
    """Return the rows of train, validation and test, as stored when the dataset was prepared.

    Raises:
        ValueError: the dataset has no such split, or not that many folds.
    """
    found = splits.stored(dataset, protocol)
    if not 0 <= fold < len(found):
        raise ValueError(
            f"fold must be from 0 to {len(found) - 1}, as {protocol} divides {dataset.name} into "
            f"{len(found)} folds, got {fold}."
        )
    return found[fold]


def digests(dataset: Dataset, protocol: str) -> tuple[str, ...]:
    """Return ten hexadecimal digits for each fold of a protocol, a hash of its rows.

    Raises:
        ValueError: the dataset has no such split.
    """
    return tuple(map(_digest, splits.stored(dataset, protocol)))


def digest(dataset: Dataset, protocol: str, fold: int = 0) -> str:
    """Return the hash of one fold, see `digests`. Raises as `split`."""
    return _digest(split(dataset, protocol, fold))


def _digest(rows_of: splits.Split) -> str:
    found = hashlib.sha256()
    for name, rows in rows_of.items():
        found.update(f"{name} {len(rows)} ".encode() + rows.astype("<i8").tobytes())
    return found.hexdigest()[:10]
