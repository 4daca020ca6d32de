"""Results on disk: one folder per cell, which is complete or does not exist.

A folder without a valid result of its cell is never counted and never deleted; `Store.problems`
lists it with the reason.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from attention_fer.common.files import write_json
from benchmarks.plan.cell import Cell
from benchmarks.plan.job import TENSORBOARD
from benchmarks.results.predictions import PREDICTIONS, Predictions, read_predictions
from benchmarks.results.saved_model import is_saved

SCHEMA_VERSION = 1
RESULT, PARTIAL, DAMAGED, LOCKS = "result.json", ".partial", ".damaged-", ".locks"
CHECKPOINTS = ".checkpoints"
# Beside the results; the first three have a module each, and the last is read by TensorBoard.
OTHER_FOLDERS = ("plans", "costs", "copies", TENSORBOARD)
# Keys that a record must have, by its status.
REQUIRED = {"done": ("metrics", "history", "provenance", "timing"), "failed": ("error",)}


@dataclass(frozen=True)
class Result:
    """The stored result of a cell, done or failed.

    Attributes:
        cell: the cell that was trained.
        status: "done" or "failed".
        path: folder of the result.
        record: content of `result.json`.
    """

    cell: Cell
    status: str
    path: Path
    record: dict[str, Any]

    @property
    def done(self) -> bool:
        return self.status == "done"

    @property
    def saved(self) -> bool:
        """Whether the trained network is stored too."""
        return is_saved(self.path)

    def predictions(self) -> Predictions:
        """Return the network's predictions for the test images. Raises as `read_predictions`."""
        return read_predictions(self.path / PREDICTIONS)


class Store:
    """The folder of one table's results."""

    def __init__(self, root: str | Path):
        self.root = Path(root)

    def read(self, cell: Cell) -> Result | None:
        """Return the stored result of a cell; None without a readable result."""
        with contextlib.suppress(ValueError):
            return _read(self.root / cell.slug)
        return None

    def results(self, planned: Iterable[Cell] | None = None) -> Iterator[Result]:
        """Yield the stored results of the planned cells, in order; or all, by folder name."""
        names = self._result_names()
        if planned is not None:
            there = set(names)
            names = [slug for cell in planned if (slug := cell.slug) in there]
        for name in names:
            with contextlib.suppress(ValueError):
                yield _read(self.root / name)

    def problems(self) -> list[tuple[Path, str]]:
        """Return the folders without a valid result, each with the reason."""
        found = []
        for name in self._result_names():
            try:
                _read(self.root / name)
            except ValueError as error:
                found.append((self.root / name, str(error)))
        return found

    def lock(self, cell: Cell) -> Path:
        """Return the lock file of a cell, locked while a run works on it; see `run.locks`."""
        return self.root / LOCKS / f"{cell.slug}.lock"

    def checkpoint(self, cell: Cell) -> Path:
        """Return the file from which a killed training of a cell continues.

        `commit` removes it with the result, unless the cell failed.
        """
        # Short, so that `begin` recognises the drafts of `replacing`, which cuts long names.
        return self.root / CHECKPOINTS / f"{cell.digest}.npz"

    def tensorboard(self, cell: Cell) -> Path:
        """Return the folder of a cell's TensorBoard logs, written while it is trained.

        They lie outside the cell's result, since TensorBoard names a run after its folder.
        """
        return self.root / TENSORBOARD / cell.run_name

    def begin(self, cell: Cell) -> Path:
        """Create a working folder for a cell, next to its final folder, and return it.

        This removes what dead runs left half done and the TensorBoard logs of an earlier training,
        so the caller must hold the cell's lock. The name is new each time, since the process of a
        killed run may still be writing into its own working folder.
        """
        for path in self.root.glob(f"{cell.slug}*{PARTIAL}"):
            shutil.rmtree(path, ignore_errors=True)
        shutil.rmtree(self.tensorboard(cell), ignore_errors=True)
        checkpoint = self.checkpoint(cell)
        for draft in checkpoint.parent.glob(f".{checkpoint.name}.*"):
            draft.unlink(missing_ok=True)
        partial = self.root / f"{cell.slug}.{uuid.uuid4().hex[:8]}{PARTIAL}"
        partial.mkdir(parents=True)
        return partial

    def abandon(self, cell: Cell, partial: Path) -> None:
        """Remove the working folder and the TensorBoard logs of a cell that was interrupted."""
        for folder in (partial, self.tensorboard(cell)):
            shutil.rmtree(folder, ignore_errors=True)

    def move_damaged(self, cell: Cell) -> tuple[Path, str] | None:
        """Move aside a folder that has a cell's name but not a valid result of the cell.

        Returns:
            The new path and the reason; None if there was nothing to move.
        """
        final = self.root / cell.slug
        if not os.path.lexists(final):
            return None
        try:
            _read(final)
            return None
        except ValueError as error:
            number = 1
            while os.path.lexists(aside := self.root / f"{cell.slug}{DAMAGED}{number}"):
                number += 1
            os.rename(final, aside)
            return aside, str(error)

    def commit(self, cell: Cell, partial: Path, record: dict[str, Any]) -> None:
        """Move a working folder to its final place, unless a finished result is already there."""
        self._move_logs(cell, partial)
        content = {"schema_version": SCHEMA_VERSION, **record}
        if record["status"] == "done":
            content["files"] = {PREDICTIONS: _checksum(partial / PREDICTIONS)}
        write_json(partial / RESULT, content)
        if record["status"] == "done":
            self._remove_checkpoint(cell)
        self.move_damaged(cell)
        stored = self.read(cell)
        if stored is not None and stored.done and (is_saved(stored.path) or not is_saved(partial)):
            shutil.rmtree(partial)
            return
        final = self.root / cell.slug
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(final)
        os.replace(partial, final)
        _sync_folder(self.root)

    def _move_logs(self, cell: Cell, partial: Path) -> None:
        """Move the TensorBoard logs that came back from a node."""
        if (partial / TENSORBOARD).is_dir():
            self.tensorboard(cell).parent.mkdir(parents=True, exist_ok=True)
            os.replace(partial / TENSORBOARD, self.tensorboard(cell))

    def _remove_checkpoint(self, cell: Cell) -> None:
        self.checkpoint(cell).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # Not there, or with checkpoints of other cells.
            self.checkpoint(cell).parent.rmdir()

    def _result_names(self) -> list[str]:
        """Return the names of the folders that should each hold a result, sorted."""
        try:
            with os.scandir(self.root) as entries:
                names = [entry.name for entry in entries if entry.is_dir()]
        except FileNotFoundError:
            return []
        return sorted(
            n
            for n in names
            if not n.startswith(".") and not n.endswith(PARTIAL) and n not in OTHER_FOLDERS
        )


def _read(folder: Path) -> Result:
    """Return the result in a folder. Raises ValueError with the reason if it is not valid."""
    if DAMAGED in folder.name:
        raise ValueError("a run that needed its name has moved it aside; you may delete it")
    try:
        record = _read_record(folder)
        cell = _read_cell(folder, record)
        if record["status"] == "done":
            _check_predictions(folder / PREDICTIONS, record.get("files", {}))
    except OSError as error:
        raise ValueError(f"cannot be read: {error}") from error
    return Result(cell, record["status"], folder, record)


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{RESULT} is missing") from None
    except ValueError as error:
        raise ValueError(f"{RESULT} is truncated or not JSON: {error}") from None
    version = record.get("schema_version") if isinstance(record, dict) else None
    if version != SCHEMA_VERSION:
        raise ValueError(f"schema_version in {RESULT} must be {SCHEMA_VERSION}, got {version!r}")
    status = record.get("status")
    if status not in REQUIRED:
        raise ValueError(f"status in {RESULT} must be one of {list(REQUIRED)}, got {status!r}")
    if missing := [key for key in REQUIRED[status] if key not in record]:
        raise ValueError(f"{RESULT} has no {', '.join(missing)}")
    return record


def _read_cell(folder: Path, record: dict[str, Any]) -> Cell:
    try:
        spec = record["spec"]
        cell = Cell.from_spec(spec)
        slug, recipe = cell.slug, spec.get("recipe")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"the spec is not that of a cell: {error!r}") from error
    if recipe != cell.recipe:
        raise ValueError(f"the recipe must be {cell.recipe}, got {recipe!r}")
    if slug != folder.name:
        raise ValueError(f"this is the result of another cell, {slug}")
    return cell


def _check_predictions(path: Path, files: dict[str, Any]) -> None:
    """Raise ValueError if the file is missing or differs from what was stored."""
    if not path.is_file():
        raise ValueError(f"{PREDICTIONS} is missing")
    stored, found = files.get(PREDICTIONS), _checksum(path)
    if found != stored:
        raise ValueError(
            f"{PREDICTIONS} is truncated or altered: it must have {stored}, got {found}"
        )


def _checksum(path: Path) -> dict[str, int]:
    content = path.read_bytes()
    return {"bytes": len(content), "crc32": zlib.crc32(content)}


def _sync_folder(folder: Path) -> None:
    # Makes the rename survive a crash; not every system can open a folder.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
