"""Results on disk: a folder a cell, there whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cells import Cell

SCHEMA_VERSION = 1
RESULT, PREDICTIONS, PARTIAL = "result.json", "predictions.npz", ".partial"


@dataclass(frozen=True)
class Result:
    """A stored cell, done or failed.

    Attributes:
        cell: what was trained.
        status: "done" or "failed".
        path: its folder.
        record: content of its `result.json`.
    """

    cell: Cell
    status: str
    path: Path
    record: dict[str, Any]

    @property
    def done(self) -> bool:
        return self.status == "done"

    def correct(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the prepared dataset, sorted, and whether each was predicted rightly."""
        with np.load(self.path / PREDICTIONS, allow_pickle=False) as file:
            order = np.argsort(file["sample"], kind="stable")
            right = file["probabilities"].argmax(axis=1) == file["labels"]
            return file["sample"][order], right[order]

    def majority(self) -> float:
        """Share of the most frequent class among the test images: what guessing it would score."""
        with np.load(self.path / PREDICTIONS, allow_pickle=False) as file:
            return float(np.bincount(file["labels"]).max() / len(file["labels"]))


class Store:
    """The folder of one table's results."""

    def __init__(self, root: str | Path):
        self.root = Path(root)

    def read(self, cell: Cell) -> Result | None:
        """The stored result of a cell; None where there is none that can be read."""
        return _read(self.root / cell.slug)

    def results(self) -> Iterator[Result]:
        """All stored results, by folder name."""
        for folder in sorted(self.root.glob(f"*/{RESULT}")):
            if not folder.parent.name.endswith(PARTIAL):
                result = _read(folder.parent)
                if result is not None:
                    yield result

    def begin(self, cell: Cell) -> Path:
        """A fresh working folder for a cell, beside its final place."""
        partial = self.root / f"{cell.slug}{PARTIAL}"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        return partial

    def commit(self, cell: Cell, partial: Path, record: dict[str, Any]) -> None:
        """Puts a working folder in its final place, unless a finished cell is there already."""
        write_json(partial / RESULT, {"schema_version": SCHEMA_VERSION, **record})
        final = self.root / cell.slug
        stored = self.read(cell)
        if stored is not None and stored.done:
            shutil.rmtree(partial)
            return
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(final)
        os.replace(partial, final)
        _sync(self.root)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file whole or not at all. NaN is refused: it is no JSON."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=1, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def write_predictions(folder: Path, probabilities: Any, labels: Any, sample: Any) -> None:
    """Stores a cell's test predictions: (n, classes), (n,) and rows of the prepared dataset."""
    with open(folder / PREDICTIONS, "wb") as file:
        np.savez_compressed(
            file,
            probabilities=np.asarray(probabilities, "float32"),
            labels=np.asarray(labels, "int64"),
            sample=np.asarray(sample, "int64"),
        )
        file.flush()
        os.fsync(file.fileno())


def _read(folder: Path) -> Result | None:
    try:
        record = json.loads((folder / RESULT).read_text(encoding="utf-8"))
        if record["schema_version"] != SCHEMA_VERSION:
            return None
        cell = Cell.from_spec(record["spec"])
        # A result that was moved here, or made by an older recipe, is not this cell's.
        if cell.slug != folder.name:
            return None
        # A zip file's directory is at its end: a truncated one is none.
        if record["status"] == "done" and not zipfile.is_zipfile(folder / PREDICTIONS):
            return None
        return Result(cell, record["status"], folder, record)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _sync(folder: Path) -> None:
    # Makes the rename itself survive a crash; not every system can open a folder.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
