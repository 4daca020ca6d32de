"""Runs a table: `python -m benchmarks.run --table attention`.

Finished cells are stored one by one under `--out` and skipped when the command is given again, so a
run may be interrupted or killed at any moment and goes on where it was.

Exit status: 0 if every cell is done, 1 if some failed or could not be stored, 2 for wrong
arguments, 130 after Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from attention_fer.checks import one_of
from benchmarks import data, estimate, executors, plans, publish, tables
from benchmarks.arguments import BACKENDS, changes, parser
from benchmarks.cells import Cell
from benchmarks.datasets import open_datasets, target
from benchmarks.executors import Executor
from benchmarks.formats import console as make_console
from benchmarks.plans import Plan
from benchmarks.progress import LiveView
from benchmarks.runner import Runner, missing
from benchmarks.shards import Shard
from benchmarks.store import Store
from benchmarks.table import VARIANTS, Table
from benchmarks.tables import own
from preprocessing import splits
from preprocessing.dataset import Dataset


@dataclass(frozen=True)
class Run:
    """What the command line asks for, and where and how.

    Attributes:
        plan: the cells.
        datasets: the opened datasets by name.
        cells: those of the plan that this command runs: its shard.
        store: of the results.
        executor: where they run.
        gpus: how many there are.
        file: of a user's own table.
    """

    plan: Plan
    datasets: Mapping[str, Dataset]
    cells: Sequence[Cell]
    store: Store
    executor: Executor
    gpus: int
    file: Path | None


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; see `--help`."""
    options = parser(__doc__).parse_args(arguments)
    console = make_console()
    try:
        asked = make_run(options, console)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    try:
        return carry_out(asked, options.dry_run, console)
    except KeyboardInterrupt:
        console.print("Interrupted. Finished cells are stored; the same command goes on.")
        return 130
    except OSError as error:
        # A full disk, a folder taken away: what is stored is whole, so the command can go on.
        print(f"error: {error}. Mend that; the same command goes on.", file=sys.stderr)
        return 1
    finally:
        asked.executor.close()


def make_run(options: argparse.Namespace, console: Console) -> Run:
    """Turns arguments into a plan.

    Raises:
        ValueError: an unknown name or a number out of range.
        FileNotFoundError: a dataset or a table's file that is not there.
    """
    one_of("variant", options.variant, VARIANTS)
    one_of("backend", options.backend, BACKENDS)
    if options.protocol:
        splits.get(options.protocol)
    if options.seeds < 1 or (options.jobs is not None and options.jobs < 1):
        raise ValueError("--seeds and --jobs must be at least 1.")
    gpus = visible_gpus()
    file = Path(options.table) if options.table.endswith(".py") else None
    table = _table(options, file)
    settings = table.profile(options.profile or ("full" if gpus else "quick"), **changes(options))
    datasets = open_datasets(options.data, options.out, options.datasets, console)
    plan = Plan(
        table=table,
        targets=tuple(target(dataset, options.protocol) for dataset in datasets.values()),
        settings=settings,
        seeds=options.seeds,
        variant=options.variant,
        backend=options.backend,
        code=own.digest(file) if file else "",
    )
    # By arithmetic alone, so that every machine comes to the same shards.
    rough, _ = estimate.seconds(plan.cells, (), _sizes(plan, datasets), jobs=1, accelerators=1)
    cells = Shard.parse(options.shard).select(plan.cells, rough)
    executor = _executor(options, gpus)
    return Run(plan, datasets, cells, Store(options.out / table.name), executor, gpus, file)


def _executor(options: argparse.Namespace, gpus: int) -> Executor:
    jobs = options.jobs
    if options.executor == "local":
        jobs = jobs or gpus or min(os.cpu_count() or 1, 4)
    return executors.make(options.executor, jobs, options.ray_address)


def _table(options: argparse.Namespace, file: Path | None) -> Table:
    if file:
        os.environ["KERAS_BACKEND"] = options.backend  # The file may import Keras.
    table = own.load(file) if file else tables.get(options.table)
    table = table.select(options.backbones, options.attentions)
    return table.with_controls() if options.control else table


def visible_gpus() -> int:
    """How many NVIDIA GPUs the driver lists; asked without loading a framework."""
    if shutil.which("nvidia-smi") is None or os.environ.get("CUDA_VISIBLE_DEVICES") == "":
        return 0
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    return listed.stdout.count("GPU ") if listed.returncode == 0 else 0


def carry_out(asked: Run, dry_run: bool, console: Console) -> int:
    """Shows the plan, runs what is missing, prints and writes the table."""
    todo = missing(asked.cells, asked.store)
    seconds = _announce(asked, todo, console)
    if dry_run:
        return 0
    plans.write(asked.plan, asked.store.root)
    failed: list[Cell] = []
    if todo:
        paths = {name: dataset.path for name, dataset in asked.datasets.items()}
        with LiveView(console, seconds, asked.executor.jobs) as view:
            failed = Runner(asked.store, paths, asked.executor, view, asked.file).run(todo)
    publish.publish(asked.plan, asked.store, console)
    if failed:
        console.print(
            f"{len(failed)} cells failed; the same command tries them again.", style="red"
        )
    return 1 if failed else 0


def _announce(asked: Run, todo: Sequence[Cell], console: Console) -> dict[str, float]:
    sizes, jobs = _sizes(asked.plan, asked.datasets), asked.executor.jobs
    seconds, measured = estimate.seconds(todo, asked.store.results(), sizes, jobs, asked.gpus)
    source = (
        f"{measured} of {len(todo)} from finished cells of the same kind, the rest roughly"
        if measured
        else "a rough guess until the first cells are done"
    )
    total = len(asked.cells)
    console.print(
        f"Table {asked.plan.table.name}: {total} cells, "
        f"{total - len(todo)} done, {len(todo)} to run, {jobs} at a time; "
        f"about {estimate.human(sum(seconds.values()) / jobs)} ({source}).",
        highlight=False,
    )
    for t in asked.plan.targets:
        folds = f", {len(t.folds)} folds" if len(t.folds) > 1 else ""
        console.print(f"{t.dataset}: split {t.protocol}{folds}", highlight=False)
    for folder, reason in asked.store.problems():
        console.print(f"ignored: {folder.name}: {reason}", highlight=False, soft_wrap=True)
    console.print(
        f"Results and TensorBoard logs: {asked.store.root}", highlight=False, soft_wrap=True
    )
    return seconds


def _sizes(plan: Plan, datasets: Mapping[str, Dataset]) -> dict[str, tuple[int, int]]:
    return {t.dataset: _size(datasets[t.dataset], t.protocol) for t in plan.targets}


def _size(dataset: Dataset, protocol: str) -> tuple[int, int]:
    """Pixels of an image, and number of training images."""
    rows = data.split(dataset, protocol)["train"]
    return dataset.images.shape[1] * dataset.images.shape[2], len(rows)


if __name__ == "__main__":
    sys.exit(main())
