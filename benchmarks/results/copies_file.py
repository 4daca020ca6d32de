"""Which test images equal a training image, stored with the results.

A report needs no dataset, and a cell that left the copies out of its training cannot tell them from
its own images.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from attention_fer.common.files import write_json
from benchmarks.plan.cell import Target
from benchmarks.plan.copies import TrainingCopies, training_copies
from preprocessing.dataset.folder import Dataset

FOLDER = "copies"
SCHEMA_VERSION = 1


def read(root: Path, target: Target) -> TrainingCopies | None:
    """Return the stored copies of a target; None if they were not stored or are unreadable."""
    try:
        record = json.loads(_path(root, target).read_text(encoding="utf-8"))
        if record["schema_version"] != SCHEMA_VERSION or record["target"] != _facts(target):
            return None
        return TrainingCopies(**{name: tuple(rows) for name, rows in record["copies"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write(root: Path, target: Target, dataset: Dataset) -> None:
    """Find and store the copies of a target, unless they are stored.

    Raises:
        OSError: the file cannot be written.
        ValueError: the dataset lacks the split.
    """
    if read(root, target) is None:
        copies = asdict(training_copies(dataset, target.protocol))
        content = {"schema_version": SCHEMA_VERSION, "target": _facts(target), "copies": copies}
        write_json(_path(root, target), content)


def _facts(target: Target) -> dict[str, object]:
    """What decides which images are copies."""
    names = ("dataset", "fingerprint", "protocol")
    return {**{name: getattr(target, name) for name in names}, "folds": list(target.folds)}


def _path(root: Path, target: Target) -> Path:
    name = f"{target.dataset}-{target.protocol}-{target.fingerprint[:10]}"
    return root / FOLDER / f"{name}.json"
