"""A visit's plan: lines of arguments of `benchmarks.run`, and the cells that they name."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path

from attention_fer.common.console import plain_console
from benchmarks.plan.cell import Cell
from benchmarks.results.store import Store
from benchmarks.run.arguments import parser
from benchmarks.run.runner import missing
from benchmarks.run.setup import RunConfig, set_up

# A line of the plan, or the arguments after --, may say otherwise.
USUAL = ("--profile", "full", "--backend", "jax", "--precision", "mixed_bfloat16")


@dataclass(frozen=True)
class Requests:
    """The lines of a plan, set up.

    Attributes:
        runs: one for each line, in order.
    """

    runs: tuple[RunConfig, ...]

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All cells in order of value, each once."""
        return tuple(dict.fromkeys(cell for run in self.runs for cell in run.cells))

    @cached_property
    def stores(self) -> dict[str, tuple[Store, ...]]:
        """By slug, the stores of the tables that name a cell. It is trained for the first."""
        found: dict[str, dict[Path, Store]] = {}
        for run in self.runs:
            for cell in run.cells:
                found.setdefault(cell.slug, {}).setdefault(run.store.root, run.store)
        return {slug: tuple(stores.values()) for slug, stores in found.items()}

    @property
    def keep(self) -> frozenset[str]:
        """Slugs of the cells whose network is stored."""
        return frozenset().union(*(run.keep for run in self.runs))

    def todo(self) -> list[Cell]:
        """Return the cells without a finished result, in order.

        Networks need not come back with the results; but what has a student to teach must be here.
        """
        results = (self.stores[cell.slug][0].read(cell) for cell in self.cells)
        return missing(self.cells, [result for result in results if result is not None])


def read(
    plan: Path, *, data: Path, out: Path, extra: Sequence[str] = (), jobs: int = 1
) -> Requests:
    """Set up the lines of a plan.

    Args:
        plan: text file; empty lines and those that start with # are skipped.
        data: folder of the prepared datasets.
        out: folder of the results.
        extra: arguments for each line, after its own.
        jobs: cells at a time.

    Raises:
        FileNotFoundError: no such file or dataset.
        ValueError: a line that `benchmarks.run` would refuse, that needs files of the user's, or
            that executes its cells otherwise than the first; or no line at all.
    """
    common = ["--data", str(data), "--out", str(out), "--jobs", str(jobs)]
    lines = plan.read_text(encoding="utf-8").splitlines()
    texts = [(number, line) for number, line in enumerate(lines, 1) if _says_something(line)]
    if not texts:
        raise ValueError(f"{plan} must have at least one line with a table, got none.")
    runs: list[RunConfig] = []
    for number, line in texts:
        place = f"{plan}:{number}"
        run = _set_up([*USUAL, "--table", *shlex.split(line), *common, *extra], place)
        if run.imports:
            raise ValueError(f"{place} must not need files of yours, got {run.imports[0]}.")
        if runs and run.execution != runs[0].execution:
            raise ValueError(
                f"{place} must have the same --deterministic, --jit, --steps-per-execution and "
                "--epoch-loop as the first line."
            )
        runs.append(run)
    return Requests(tuple(runs))


def _says_something(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _set_up(arguments: Sequence[str], place: str) -> RunConfig:
    said = StringIO()
    try:
        with redirect_stderr(said):
            options = parser().parse_args(arguments)
    except SystemExit:
        reason = said.getvalue().strip().splitlines()[-1:]
        raise ValueError(f"{place} must hold arguments of benchmarks.run: {reason}") from None
    try:
        return set_up(options, plain_console(stderr=True))
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from error
