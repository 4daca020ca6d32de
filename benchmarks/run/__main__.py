"""Runs a table: `python -m benchmarks.run --table attention`.

Each finished cell is stored under `--out` and skipped when the command is rerun, so a run may be
interrupted or killed at any moment and then resumed.

Exit status: 0 if every cell is done, 1 if some failed or did not fit into `--minutes`, 2 for wrong
arguments or an error that ends the run, such as a full disk, 130 after Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console

from attention_fer.common import command
from attention_fer.common.progress import format_duration
from benchmarks.plan.cell import Cell
from benchmarks.report import formats
from benchmarks.results import copies_file, plan_file
from benchmarks.run import costs, estimate
from benchmarks.run.arguments import PROGRAM, parser
from benchmarks.run.display import LiveView, show_settings
from benchmarks.run.reasons import retraining
from benchmarks.run.runner import Runner
from benchmarks.run.setup import RunConfig, set_up


def main(arguments: Sequence[str] | None = None, prog: str = PROGRAM) -> int:
    """Run the command line, see `--help`; return the exit status. `prog` is the command's name."""
    options = parser(__doc__ or "", prog).parse_args(arguments)

    def work() -> int:
        console = formats.console()
        run = set_up(options, console)
        try:
            return carry_out(run, options.dry_run, console)
        finally:
            run.executor.close()

    # Stored results are complete, whatever happens.
    return command.run(work, advice="rerun the same command to resume")


def carry_out(run: RunConfig, dry_run: bool, console: Console) -> int:
    """Print the plan, run the missing cells, then print and write the table."""
    todo = run.todo()
    seconds = _announce(run, todo, console)
    if dry_run:
        show_settings(run.plan, console)
        return 0
    plan_file.write(run.plan, run.store.root)
    for target in run.plan.targets:
        copies_file.write(run.store.root, target, run.datasets[target.dataset])
    failed: list[Cell] = []
    if todo:
        with LiveView(console, seconds, run.executor.jobs) as view:
            runner = Runner(
                store=run.store,
                datasets={name: dataset.path for name, dataset in run.datasets.items()},
                executor=run.executor,
                observer=view,
                imports=run.imports,
                execution=run.execution,
                keep=run.keep,
                limit=run.limit,
            )
            failed = runner.run(todo)
    if run.cost and run.limit is not None and not run.limit.left:
        console.print("No time is left to measure costs. Rerun the command to measure them.")
    elif run.cost:
        costs.measure(run, console)
    formats.publish(run.plan, run.store, console)
    left = len(run.todo()) - len(failed)
    if failed:
        it = "it" if len(failed) == 1 else "them"
        console.print(
            f"{_count(len(failed))} failed. Rerun the command to retry {it}.", style="red"
        )
    if left:
        console.print(f"{_count(left)} left. Rerun the command to resume.")
    return 1 if failed or left else 0


def _count(n: int) -> str:
    return f"{n:,} cell" if n == 1 else f"{n:,} cells"


def _announce(run: RunConfig, todo: Sequence[Cell], console: Console) -> dict[str, float]:
    jobs = run.executor.jobs
    stored = run.store.results(run.cells)
    seconds, measured = estimate.seconds(todo, stored, run.sizes, jobs, run.accelerated)
    source = (
        f"{measured} of {len(todo)} from finished cells of the same kind, the rest estimated"
        if measured
        else "a rough estimate until the first cells are done"
    )
    total = len(run.cells)
    console.print(
        f"Table {run.plan.table.name}: {_count(total)}, "
        f"{total - len(todo)} done, {len(todo)} to run, {jobs} at a time; "
        f"about {format_duration(sum(seconds.values()) / jobs)} ({source}).",
    )
    for t in run.plan.targets:
        folds = f", {len(t.folds)} folds" if len(t.folds) > 1 else ""
        console.print(f"{t.dataset}: split {t.protocol}{folds}")
    if reference := run.plan.absent_reference:
        console.print(
            f"Nothing is compared, since {reference.label} is missing. Add {reference.backbone} to "
            f"--backbones and {reference.attention} to --attentions."
        )
    for line in retraining(todo, run.store, run.keep, planned=run.cells):
        console.print(line)
    for folder, reason in run.store.problems():
        console.print(f"ignored: {folder.name}: {reason}", soft_wrap=True)
    console.print(
        f"Results and TensorBoard logs: {run.store.root}",
        soft_wrap=True,
    )
    return seconds


if __name__ == "__main__":
    sys.exit(main())
