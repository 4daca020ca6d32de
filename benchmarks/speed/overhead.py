"""Share of a cell's time that is not training: starting, loading, building, compiling, testing.

Trains a cell for a few epochs in a separate process, as the runner does, and extrapolates to a cell
of `--of-epochs` epochs of the same length. The least that the full profile allows is 16 epochs: the
first and its patience.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from rich.console import Console

from benchmarks.measurements import show
from benchmarks.plan.cell import Cell, Target
from benchmarks.plan.job import Job
from benchmarks.plan.settings import profile
from benchmarks.plan.table import Row
from benchmarks.run.executors.local import Local
from preprocessing.dataset.folder import Dataset


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add("--dataset", type=Path, required=True, metavar="DIR", help="prepared dataset")
    add(
        "--protocol",
        default="official",
        metavar="NAME",
        help="split of the dataset (default: official)",
    )
    add("--backbone", default="resnet50", metavar="NAME", help="(default: resnet50)")
    add("--attention", default="cbam", metavar="NAME", help="(default: cbam)")
    add("--width", type=float, default=1.0, metavar="X", help="(default: 1)")
    add("--precision", default="float32", metavar="POLICY", help="(default: float32)")
    add("--epochs", type=int, default=2, metavar="N", help="epochs to train (default: 2)")
    add("--of-epochs", type=int, default=16, metavar="N", help="epochs of the cell (default: 16)")


def run(options: argparse.Namespace, console: Console) -> None:
    """Trains one cell and prints how its time was spent.

    Raises:
        ValueError: the cell failed.
        FileNotFoundError: the dataset does not exist.
    """
    timing = measure(cell(options))
    epochs = timing["train"] / options.epochs * options.of_epochs
    total = sum(timing.values()) - timing["train"] + epochs
    spent = {**timing, "train": epochs, "not training": total - epochs}
    rows = [(name, f"{part:.1f}", f"{part / total:.1%}") for name, part in spent.items()]
    title = f"A cell of {options.of_epochs} epochs, estimated"
    show(console, title, ("", "seconds", "share"), rows)


def cell(options: argparse.Namespace) -> tuple[Cell, Path]:
    """Returns the cell that the arguments describe, and the folder of its dataset."""
    dataset = Dataset.open(options.dataset)
    changes = {name: getattr(options, name) for name in ("width", "epochs", "precision")}
    one = Cell(
        row=Row(options.backbone, options.attention),
        target=Target(dataset.name, dataset.fingerprint, options.protocol),
        settings=profile("full", dataset.name, **changes),
        seed=0,
        backend=keras.backend.backend(),
    )
    return one, dataset.path


def measure(what: tuple[Cell, Path]) -> dict[str, float]:
    """Returns the seconds of each part of a cell; `process` is the time outside its own clock.

    Raises:
        ValueError: the cell failed.
    """
    one, dataset = what
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        job = Job(one, dataset.resolve(), Path(folder))
        record = Local(1).run(job, lambda event: None)
        spent = time.monotonic() - start
    if record["status"] != "done":
        raise ValueError(f"The cell failed: {record['error']}")
    timing = {name: seconds for name, seconds in record["timing"].items() if name != "start"}
    return {"process": spent - sum(timing.values()), **timing}
