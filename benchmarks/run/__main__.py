"""Runs a table: `python -m benchmarks.run --table attention`.

Finished cells are stored one by one under `--out` and skipped when the command is given again, so a
run may be interrupted or killed at any moment and goes on where it was.

Exit status: 0 if every cell is done, 1 if some failed or could not be stored, 2 for wrong
arguments, 130 after Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console

from benchmarks.plan import plan as plans
from benchmarks.plan.cell import Cell
from benchmarks.report import files
from benchmarks.report.formats import console as make_console
from benchmarks.run import costs, estimate
from benchmarks.run.arguments import parser
from benchmarks.run.live_view import LiveView
from benchmarks.run.runner import Runner, missing
from benchmarks.run.setup import Run, make_run


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


def carry_out(asked: Run, dry_run: bool, console: Console) -> int:
    """Shows the plan, runs what is missing, prints and writes the table."""
    todo = missing(asked.cells, asked.store, asked.keep)
    seconds = _announce(asked, todo, console)
    if dry_run:
        return 0
    plans.write(asked.plan, asked.store.root)
    failed: list[Cell] = []
    if todo:
        paths = {name: dataset.path for name, dataset in asked.datasets.items()}
        with LiveView(console, seconds, asked.executor.jobs) as view:
            runner = Runner(
                store=asked.store,
                datasets=paths,
                executor=asked.executor,
                view=view,
                table=asked.file,
                execution=asked.execution,
                keep=asked.keep,
            )
            failed = runner.run(todo)
    if asked.cost:
        costs.measure(asked, console)
    files.publish(asked.plan, asked.store, console)
    if failed:
        console.print(
            f"{len(failed)} cells failed; the same command tries them again.", style="red"
        )
    return 1 if failed else 0


def _announce(asked: Run, todo: Sequence[Cell], console: Console) -> dict[str, float]:
    jobs = asked.executor.jobs
    stored = asked.store.results(asked.cells)
    seconds, measured = estimate.seconds(todo, stored, asked.sizes, jobs, asked.accelerated)
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


if __name__ == "__main__":
    sys.exit(main())
