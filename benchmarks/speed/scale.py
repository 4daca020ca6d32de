"""Time to plan a large table and to report many results.

Makes a plan of 100,000 cells, names them and looks them up among the results; then reports
generated results in all formats, compared with merely reading the same files.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks.measurements import show
from benchmarks.plan.cell import Cell, Target
from benchmarks.plan.plan import Plan
from benchmarks.plan.table import Row, Table
from benchmarks.report import __main__ as report
from benchmarks.report import formats
from benchmarks.results.plan_file import write
from benchmarks.results.predictions import write_predictions
from benchmarks.results.store import Store
from benchmarks.run.runner import missing
from benchmarks.statistics.scores import score

CLASSES, SEEDS, FOLDS, EPOCHS = 7, 5, 5, 30


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add("--planned", type=int, default=100_000, metavar="N", help="cells (default: 100000)")
    add("--stored", type=int, default=10_000, metavar="N", help="results (default: 10000)")
    add("--images", type=int, default=700, metavar="N", help="test images each (default: 700)")


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures and prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "generated")
        stored = plan_of(options.stored)
        for cell in track(stored.cells, "generating results", console=console, transient=True):
            put(store, cell, options.images)
        write(stored, store.root)
        larger = plan_of(options.planned)
        reading = seconds(lambda: [p.read_bytes() for p in store.root.rglob("*") if p.is_file()])

        def planning() -> list[Cell]:
            return missing(larger.cells, store.results(larger.cells))

        times = {
            f"reading the files of {len(stored.cells):,} results": reading,
            f"planning {len(larger.cells):,} cells": seconds(planning),
        }
        reports = report.read(store.root)
        times["statistics"] = seconds(lambda: report.read(store.root))
        for form in formats.FORMATS:
            times[f"writing {form}"] = seconds(partial(formats.render, reports, form))
        rows = [(name, f"{spent:.1f}", f"{spent / reading:.1f}") for name, spent in times.items()]
        title = f"{len(stored.cells):,} results of {options.images:,} test images"
        show(console, title, ("", "seconds", "relative to reading"), rows)


def seconds(call: Callable[[], Any]) -> float:
    """Returns the wall time of one call in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def plan_of(cells: int) -> Plan:
    """Returns a plan of about that many cells: many rows, five seeds and five folds."""
    rows = [Row("vgg16")]
    for ratio in range(1, max(2, round(cells / SEEDS / FOLDS))):
        rows.append(Row("vgg16", "se", config={"reduction_ratio": ratio}))
    target = Target("generated", "0" * 64, "5-fold", tuple("01234"), tuple("abcdefg"), True)
    table = Table("generated", "Generated results", tuple(rows))
    return Plan(table, (target,), SEEDS, "corrected", "jax")


def put(store: Store, cell: Cell, n: int) -> None:
    """Stores a generated result of `n` test images."""
    rng = np.random.default_rng([cell.seed, cell.fold, len(cell.digest)])
    labels = np.arange(n) % CLASSES
    logits = rng.normal(size=(n, CLASSES)) + 2 * np.eye(CLASSES)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    folder = store.begin(cell)
    write_predictions(
        folder,
        probabilities,
        labels,
        cell.fold * n + np.arange(n),
        subject=[""] * n,
        duplicate=[False] * n,
    )
    curve = {"loss": 1.0, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.5}
    metrics = {"parameters": 10**6, "multiply_adds": 10**8, "best_epoch": 1, "epochs": EPOCHS}
    parts = {"n_train": n, "n_validation": n}
    record = {
        "spec": cell.spec,
        "status": "done",
        "metrics": {**metrics, **parts, **score(probabilities, labels).as_dict()},
        "history": [{"epoch": epoch + 1, **curve} for epoch in range(EPOCHS)],
        "provenance": PROVENANCE,
        "timing": {"train": 1.0},
    }
    store.commit(cell, folder, record)


PROVENANCE: dict[str, Any] = {
    "time": "",
    "python": "",
    "system": "",
    "revision": None,
    "versions": {},
    "processor": "none: generated",
    "cores": 0,
    "accelerators": [],
    "synthetic": True,
}
