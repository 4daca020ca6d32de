"""Measures and stores the cost of each row relative to its backbone without attention.

A network and its reference are timed in turns in one process. Nothing else runs meanwhile, since
other cells would disturb the times.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.plan.cell import Cell
from benchmarks.plan.job import Job
from benchmarks.results import cost_file
from benchmarks.run.executors.local import Local

if TYPE_CHECKING:
    from rich.console import Console

    from benchmarks.run.setup import RunConfig


def measure(run: RunConfig, console: Console) -> None:
    """Measure the missing costs, one network at a time, and store each.

    Raises:
        OSError: a cost cannot be stored, for example because the disk is full.
    """
    todo = [pair for pair in _pairs(run) if cost_file.read(run.store.root, pair[0]) is None]
    for number, (cell, reference) in enumerate(todo, 1):
        record = _measure_pair(run, cell, reference)
        outcome = record["error"] if record["status"] != "done" else _summarize(record["cost"])
        console.print(
            f"cost {number}/{len(todo)}  {cell.target.dataset} {cell.row.label}: {outcome}",
            highlight=False,
            markup=False,
        )
        if record["status"] == "done":
            cost_file.write(run.store.root, cell, record["cost"], record["provenance"])


def _pairs(run: RunConfig) -> Iterator[tuple[Cell, Cell]]:
    """Yield each network on each dataset, with its backbone without attention."""
    for cell in run.cells:
        if cell.seed == cell.fold == 0 and cell.row.plain != cell.row:
            yield cell, replace(cell, row=cell.row.plain)


def _measure_pair(run: RunConfig, cell: Cell, reference: Cell) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            cell=cell,
            dataset=run.datasets[cell.target.dataset].path.resolve(),
            folder=Path(folder),
            execution=run.execution,
            imports=run.imports if cell.code else (),
            reference=reference,
        )
        return Local(1).run(job, lambda event: None)


def _summarize(cost: Mapping[str, Any]) -> str:
    step, image = (cost["ratio"][name]["median"] for name in ("step", "image"))
    return f"{step:.2f}x the time of a training step, {image:.2f}x the latency of one image"
