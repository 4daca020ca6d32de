"""Sets up a run from the command line: the plan, and where and how it runs."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from rich.console import Console

from attention_fer.common.checks import one_of
from benchmarks import tables
from benchmarks.plan import user_files
from benchmarks.plan.cell import Cell
from benchmarks.plan.datasets import open_datasets, split, target
from benchmarks.plan.job import Execution
from benchmarks.plan.plan import Plan, Shard
from benchmarks.plan.table import VARIANTS, Table
from benchmarks.plan.table import options as table_options
from benchmarks.results.store import Store
from benchmarks.run import estimate, executors
from benchmarks.run.arguments import BACKENDS, changes
from benchmarks.run.executors import Executor
from benchmarks.run.limit import TimeLimit
from benchmarks.run.runner import missing
from preprocessing import splits
from preprocessing.dataset.folder import Dataset


@dataclass(frozen=True)
class RunConfig:
    """A run set up from the command line.

    Attributes:
        plan: the plan with all cells.
        datasets: the opened datasets by name.
        cells: the cells of the plan that this command runs, its shard.
        store: where results are stored.
        executor: where cells run.
        accelerated: whether there is a GPU.
        imports: the user's Python files.
        execution: how cells are executed.
        cost: whether to measure times too.
        keep: slugs of the cells whose trained network is stored: all, or only the teachers.
        save_models: whether it is all, so that a result without its network does not suffice.
        limit: when the run ends; None if it has no limit.
    """

    plan: Plan
    datasets: Mapping[str, Dataset]
    cells: Sequence[Cell]
    store: Store
    executor: Executor
    accelerated: bool
    imports: tuple[Path, ...]
    execution: Execution
    cost: bool
    keep: frozenset[str]
    save_models: bool
    limit: TimeLimit | None

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """By dataset, pixels per image and number of training images."""
        return _sizes(self.plan, self.datasets)

    def todo(self) -> list[Cell]:
        """Return the cells that are missing, see `runner.missing`."""
        saved = {cell.slug for cell in self.cells} if self.save_models else set()
        return missing(self.cells, self.store.results(self.cells), saved)


def set_up(options: argparse.Namespace, console: Console) -> RunConfig:
    """Set up a run from the parsed arguments.

    Raises:
        ValueError: an unknown name or a number out of range.
        FileNotFoundError: a dataset or the file of a table does not exist.
    """
    _check_arguments(options)
    gpus = visible_gpus()
    execution = Execution(
        options.deterministic, options.jit, options.steps_per_execution, options.epoch_loop
    )
    is_file = options.table.endswith(".py")
    imports = (*([Path(options.table)] if is_file else []), *options.imports)
    table, own = _load_table(options, is_file)
    profile = options.profile or ("full" if gpus else "quick")
    usual = table.profile(profile)
    datasets = open_datasets(options.data, options.out, options.datasets, console, table.generated)
    plan = Plan(
        table=table,
        targets=tuple(target(dataset, options.protocol) for dataset in datasets.values()),
        seeds=options.seeds,
        variant=options.variant,
        backend=options.backend,
        replicas=_parse_replicas(options.replicas, gpus),
        profile=profile,
        usual=table_options(usual),
        asked=table_options(changes(options)),
        code=user_files.digest(imports),
        own=own,
    )
    for t in plan.targets:
        plan.settings(t)  # raises for a value out of range, before anything runs
    cells = _select_shard(options.shard, plan, datasets)
    store = Store(options.out / table.name)
    return RunConfig(
        plan=plan,
        datasets=datasets,
        cells=cells,
        store=store,
        executor=executors.make(
            options.executor, options.jobs, gpus, plan.replicas, options.ray_address
        ),
        accelerated=bool(gpus),
        imports=tuple(path.resolve() for path in imports),
        execution=execution,
        cost=options.cost,
        keep=frozenset(_slugs_to_keep(cells, options.save_models)),
        save_models=options.save_models,
        limit=TimeLimit(60 * options.minutes, store.results(cells)) if options.minutes else None,
    )


def _check_arguments(options: argparse.Namespace) -> None:
    one_of("variant", options.variant, VARIANTS)
    one_of("backend", options.backend, BACKENDS)
    if options.protocol:
        splits.get(options.protocol)
    if options.minutes is not None and not options.minutes > 0:
        raise ValueError(f"--minutes must be above 0, got {options.minutes:g}.")
    if options.executor == "ray":
        # This machine's GPUs say nothing about those of the cluster.
        if options.profile is None:
            raise ValueError("--executor ray needs --profile quick or --profile full, got neither.")
        if options.replicas == "all":
            raise ValueError("--replicas must be a number with --executor ray, got 'all'.")
    for name in ("seeds", "jobs"):
        number = getattr(options, name)
        if number is not None and number < 1:
            raise ValueError(f"--{name} must be at least 1, got {number}.")


def _select_shard(text: str, plan: Plan, datasets: Mapping[str, Dataset]) -> list[Cell]:
    # Estimated by arithmetic alone, so that every machine computes the same shards.
    rough, _ = estimate.seconds(plan.cells, (), _sizes(plan, datasets), jobs=1, accelerators=True)
    return Shard.parse(text).select(plan.cells, rough)


def _slugs_to_keep(cells: Iterable[Cell], everything: bool) -> Iterator[str]:
    for cell in cells:
        if everything:
            yield cell.slug
        yield from (teacher.slug for teacher in cell.teachers)


def _parse_replicas(text: str, gpus: Sequence[str]) -> int:
    """Return how many devices share a batch: a number, or "all" of this machine's GPUs."""
    if text == "all":
        return max(1, len(gpus))
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"--replicas must be 'all' or a number of at least 1, got {text!r}.")
    return int(text)


def _load_table(options: argparse.Namespace, is_file: bool) -> tuple[Table, tuple[str, ...] | None]:
    """Return the table and the names that the user's files register; None for a user's table."""
    if is_file or options.imports:  # Importing these loads Keras.
        os.environ["KERAS_BACKEND"] = options.backend
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    own = user_files.load_modules(options.imports)
    table = user_files.load_table(options.table) if is_file else tables.get(options.table)
    table = table.select(options.backbones, options.attentions)
    table = table.with_recipe(options.recipe) if options.recipe else table
    table = table.with_controls() if options.control else table
    return table, None if is_file else own


def visible_gpus() -> list[str]:
    """Return the visible NVIDIA GPUs, as in CUDA_VISIBLE_DEVICES.

    This asks `nvidia-smi`, since loading a framework is slow.
    """
    if shutil.which("nvidia-smi") is None:
        return []
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False)
    lines = listed.stdout.splitlines() if listed.returncode == 0 else []
    count = sum(line.startswith("GPU ") for line in lines)
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None or not count:
        return [str(number) for number in range(count)]
    # CUDA ignores everything from the first name that it does not know, such as -1.
    names = (name.strip() for name in chosen.split(","))
    return list(takewhile(lambda name: name and name != "-1", names))


def _sizes(plan: Plan, datasets: Mapping[str, Dataset]) -> dict[str, tuple[int, int]]:
    return {t.dataset: _size_of(datasets[t.dataset], t.protocol) for t in plan.targets}


def _size_of(dataset: Dataset, protocol: str) -> tuple[int, int]:
    """Return the pixels per image and the number of training images."""
    rows = split(dataset, protocol)["train"]
    return dataset.images.shape[1] * dataset.images.shape[2], len(rows)
