"""Results on disk: a folder a cell, there whole or not at all.

What cannot be read as the result of its folder's cell is never counted and never deleted:
`Store.problems` lists it with the reason.
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
from benchmarks.results.predictions import PREDICTIONS, Predictions, read_predictions
from benchmarks.results.saved_model import is_saved

SCHEMA_VERSION = 1
RESULT, PARTIAL, DAMAGED, LOCKS = "result.json", ".partial", ".damaged-", ".locks"
OTHERS = ("plans", "costs")  # folders beside the results, see `plan_file` and `run.costs`
# What a record must have, by its status.
PARTS = {"done": ("metrics", "history", "provenance", "timing"), "failed": ("error",)}


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

    @property
    def saved(self) -> bool:
        """Whether its trained network is stored, too."""
        return is_saved(self.path)

    def predictions(self) -> Predictions:
        """What the network said of each test image. Raises as `read_predictions`."""
        return read_predictions(self.path / PREDICTIONS)


class Store:
    """The folder of one table's results."""

    def __init__(self, root: str | Path):
        self.root = Path(root)

    def read(self, cell: Cell) -> Result | None:
        """The stored result of a cell; None where there is none that can be read."""
        with contextlib.suppress(ValueError):
            return _read(self.root / cell.slug)
        return None

    def results(self, planned: Iterable[Cell] | None = None) -> Iterator[Result]:
        """The stored results of the planned cells, in their order, or all by folder name."""
        names = self._names()
        if planned is not None:
            there = set(names)
            names = [slug for cell in planned if (slug := cell.slug) in there]
        for name in names:
            with contextlib.suppress(ValueError):
                yield _read(self.root / name)

    def problems(self) -> list[tuple[Path, str]]:
        """Folders that count for nothing, each with the reason."""
        found = []
        for name in self._names():
            try:
                _read(self.root / name)
            except ValueError as error:
                found.append((self.root / name, str(error)))
        return found

    def lock(self, cell: Cell) -> Path:
        """The file whose lock says that someone is at work on the cell, see `locks`."""
        return self.root / LOCKS / f"{cell.slug}.lock"

    def begin(self, cell: Cell) -> Path:
        """A fresh working folder for a cell, beside its final place.

        Those that dead runs left are removed, so the caller must hold the cell's lock. The name is
        a new one each time: the process of a killed run may still be writing into the old.
        """
        for path in self.root.glob(f"{cell.slug}*{PARTIAL}"):
            shutil.rmtree(path, ignore_errors=True)
        partial = self.root / f"{cell.slug}.{uuid.uuid4().hex[:8]}{PARTIAL}"
        partial.mkdir(parents=True)
        return partial

    def make_way(self, cell: Cell) -> tuple[Path, str] | None:
        """Moves aside what holds a cell's place and is no result of it.

        Returns:
            Where it is now and what is wrong with it; None where nothing was in the way.
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
        """Puts a working folder in its final place, unless a finished cell is there already."""
        content = {"schema_version": SCHEMA_VERSION, **record}
        if record["status"] == "done":
            content["files"] = {PREDICTIONS: _sum(partial / PREDICTIONS)}
        write_json(partial / RESULT, content)
        self.make_way(cell)
        stored = self.read(cell)
        if stored is not None and stored.done and (is_saved(stored.path) or not is_saved(partial)):
            shutil.rmtree(partial)
            return
        final = self.root / cell.slug
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(final)
        os.replace(partial, final)
        _sync(self.root)

    def _names(self) -> list[str]:
        """Folders that should each hold a result, sorted."""
        try:
            with os.scandir(self.root) as entries:
                names = [entry.name for entry in entries if entry.is_dir()]
        except FileNotFoundError:
            return []
        return sorted(
            n
            for n in names
            if not n.startswith(".") and not n.endswith(PARTIAL) and n not in OTHERS
        )


def _read(folder: Path) -> Result:
    """The result in a folder. Raises ValueError with the reason where it counts for nothing."""
    if DAMAGED in folder.name:
        raise ValueError("moved aside by a run that needed its name; delete it when you like")
    try:
        record = _record(folder)
        cell = _cell(folder, record)
        if record["status"] == "done":
            _check_predictions(folder / PREDICTIONS, record.get("files", {}))
    except OSError as error:
        raise ValueError(f"cannot be read: {error}") from error
    return Result(cell, record["status"], folder, record)


def _record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"it has no {RESULT}") from None
    except ValueError as error:
        raise ValueError(f"{RESULT} is cut short or no JSON: {error}") from None
    version = record.get("schema_version") if isinstance(record, dict) else None
    if version != SCHEMA_VERSION:
        raise ValueError(
            f"{RESULT} has schema_version {version!r}, this program reads {SCHEMA_VERSION}"
        )
    status = record.get("status")
    if status not in PARTS:
        raise ValueError(f"{RESULT} has the status {status!r}, expected one of {list(PARTS)}")
    if lacking := [part for part in PARTS[status] if part not in record]:
        raise ValueError(f"{RESULT} lacks {', '.join(lacking)}")
    return record


def _cell(folder: Path, record: dict[str, Any]) -> Cell:
    try:
        spec = record["spec"]
        cell = Cell.from_spec(spec)
        slug, recipe = cell.slug, spec.get("recipe")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"its spec is not that of a cell: {error!r}") from error
    if recipe != cell.recipe:
        raise ValueError(f"it was made by recipe {recipe!r}, this program's is {cell.recipe}")
    if slug != folder.name:
        raise ValueError(f"it is the result of another cell, {slug}")
    return cell


def _check_predictions(path: Path, files: dict[str, Any]) -> None:
    """Raises ValueError unless the file is there with the content it had when it was stored."""
    if not path.is_file():
        raise ValueError(f"{PREDICTIONS} is missing")
    stored, found = files.get(PREDICTIONS), _sum(path)
    if found != stored:
        raise ValueError(f"{PREDICTIONS} is cut short or altered: {found}, stored {stored}")


def _sum(path: Path) -> dict[str, int]:
    content = path.read_bytes()
    return {"bytes": len(content), "crc32": zlib.crc32(content)}


def _sync(folder: Path) -> None:
    # Makes the rename itself survive a crash; not every system can open a folder.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
