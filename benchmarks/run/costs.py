"""What each row of a table costs beside its backbone without attention, stored with the results.

Each network is measured together with its reference, turn by turn in one process, and nothing else
runs beside it: other cells would disturb the times.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attention_fer.common.files import write_json
from benchmarks.plan.cell import Cell

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.run.setup import Run

FOLDER = "costs"
SCHEMA_VERSION = 1


def read(root: Path, cell: Cell) -> dict[str, Any] | None:
    """The stored cost of a cell's network; None where none was measured or it cannot be read."""
    try:
        content = json.loads(_path(root, cell).read_text(encoding="utf-8"))
        return content["cost"] if content["schema_version"] == SCHEMA_VERSION else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def measure(asked: Run, console: Console) -> None:
    """Measures what is missing, one network at a time, and stores each.

    Raises:
        OSError: no room to store one.
    """
    todo = [pair for pair in _pairs(asked) if read(asked.store.root, pair[0]) is None]
    for number, (cell, reference) in enumerate(todo, 1):
        record = _measure(asked, cell, reference)
        outcome = record["error"] if record["status"] != "done" else _words(record["cost"])
        console.print(
            f"cost {number}/{len(todo)}  {cell.target.dataset} {cell.row.label}: {outcome}",
            highlight=False,
            markup=False,
        )
        if record["status"] == "done":
            path = _path(asked.store.root, cell)
            write_json(path, {"schema_version": SCHEMA_VERSION, "spec": cell.spec, **record})


def _pairs(asked: Run) -> Iterator[tuple[Cell, Cell]]:
    """Each row's network on each dataset, with the same backbone without attention."""
    for cell in asked.cells:
        if cell.seed == cell.fold == 0 and cell.row.plain != cell.row:
            yield cell, replace(cell, row=cell.row.plain)


def _measure(asked: Run, cell: Cell, reference: Cell) -> dict[str, Any]:
    # Imported here, because a report reads costs and measures none.
    from benchmarks.plan.job import Job
    from benchmarks.run.executors.local import Local

    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            cell=cell,
            dataset=asked.datasets[cell.target.dataset].path.resolve(),
            folder=Path(folder),
            execution=asked.execution,
            imports=asked.imports if cell.code else (),
            reference=reference,
        )
        return Local(1).run(job, lambda event: None)


def _words(cost: Mapping[str, Any]) -> str:
    step, image = (cost["ratio"][name]["median"] for name in ("step", "image"))
    return f"{step:.2f} times the training step, {image:.2f} times the latency of one image"


def _path(root: Path, cell: Cell) -> Path:
    """One file stands for all seeds and folds of a network."""
    whole = replace(cell, seed=0, fold=0, target=replace(cell.target, folds=("",)))
    return root / FOLDER / f"{whole.slug}.json"
