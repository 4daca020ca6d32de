"""Shows the settings of a run's plan and the progress of its cells."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import TaskID
from rich.table import Table as RichTable

from attention_fer.common.progress import bars, format_duration
from benchmarks.plan.cell import Cell
from benchmarks.plan.plan import Plan
from benchmarks.plan.settings import Choice


class LiveView:
    """Shows cells, epochs and the time left, and prints a line for each finished cell.

    Args:
        console: where to show it.
        seconds: estimated seconds of each cell to run, by slug.
        jobs: number of cells that run at the same time.
    """

    def __init__(self, console: Console, seconds: Mapping[str, float], jobs: int):
        self._jobs = jobs
        self._progress = bars(console)
        self._lock = threading.Lock()
        self._left = dict(seconds)
        self._share: dict[str, float] = {}
        self._tasks: dict[str, TaskID] = {}
        self._spent = self._planned = 0.0
        self._total = self._progress.add_task("all cells", total=len(seconds), note=self._note())

    def __enter__(self) -> LiveView:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def event(self, cell: Cell, event: Mapping[str, Any]) -> None:
        """Advances the cell's bar."""
        with self._lock:
            task = self._tasks.get(cell.slug)
            if task is None:
                task = self._progress.add_task(cell.label, total=None, note="")
                self._tasks[cell.slug] = task
            if event["event"] == "step":
                done = (event["epoch"] - 1) * event["steps"] + event["step"]
                total = event["epochs"] * event["steps"]
                note = f"epoch {event['epoch']}/{event['epochs']}"
                self._progress.update(task, completed=done, total=total, note=note)
                self._share[cell.slug] = done / total
                self._progress.update(self._total, note=self._note())
            else:
                self._progress.update(task, note=event.get("stage", ""))

    def note(self, text: str) -> None:
        """Prints a line above the bars."""
        with self._lock:
            self._progress.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def finished(self, cell: Cell, record: Mapping[str, Any]) -> None:
        """Removes the cell's bar and prints its result."""
        with self._lock:
            task = self._tasks.pop(cell.slug, None)
            if task is not None:
                self._progress.remove_task(task)
            self._learn(cell, record)
            self._progress.update(self._total, advance=1, note=self._note())
            self._progress.console.print(outcome(cell, record), highlight=False, markup=False)

    def _learn(self, cell: Cell, record: Mapping[str, Any]) -> None:
        """Scales the time left by how long finished cells took, compared with their estimates."""
        planned = self._left.pop(cell.slug, 0.0)
        self._share.pop(cell.slug, None)
        spent = sum(record.get("timing", {}).values())
        if spent and planned:
            self._spent += spent
            self._planned += planned

    def _note(self) -> str:
        factor = self._spent / self._planned if self._planned else 1.0
        done = sum(share * self._left.get(slug, 0.0) for slug, share in self._share.items())
        left = max(sum(self._left.values()) - done, 0.0)
        return f"about {format_duration(factor * left / self._jobs)} left"


def outcome(cell: Cell, record: Mapping[str, Any]) -> str:
    """One line on a finished cell."""
    if record["status"] != "done":
        return f"failed  {cell.label}: {record['error']}"
    metrics = record["metrics"]
    device = ", ".join(record["provenance"]["accelerators"]) or "the CPU"
    duration = format_duration(sum(record["timing"].values()))
    return (
        f"done    {cell.label}: {100 * metrics['accuracy']:.2f} % of {metrics['n_test']}, "
        f"{metrics['epochs']} epochs in {duration} on {device}"
    )


def show_settings(plan: Plan, console: Console) -> None:
    """Print the value and source of each setting that is not at its default.

    Settings of all or most rows come first, then those of single rows where they differ.
    """
    for target in plan.targets:
        rows = [(row.label, plan.choices(target, row)) for row in plan.table.of(target.dataset)]
        names = rows[0][1] if rows else ()
        usual = {name: _usual([found[name] for _, found in rows]) for name in names}
        table = RichTable(box=box.SIMPLE_HEAD, title=f"Settings on {target.dataset}")
        for column in ("row", "setting", "value", "from"):
            table.add_column(column, overflow="fold")
        for name, choice in usual.items():
            if choice is not None and choice.source != "default":
                which = "all" if all(found[name] == choice for _, found in rows) else "most"
                table.add_row(which, name, _format_value(choice.value), choice.source)
        for label, found in rows:
            for name, choice in found.items():
                shown = usual[name] is not None or choice.source != "default"
                if shown and choice != usual[name]:
                    table.add_row(label, name, _format_value(choice.value), choice.source)
        console.print(table)
    console.print("Settings not shown are at their defaults.")


def _usual(choices: Sequence[Choice]) -> Choice | None:
    """Return what all rows or most of them choose, the latter unless as settings of their own."""
    choice, n = Counter(choices).most_common(1)[0]
    own = choice.source == "row"
    return choice if n == len(choices) or (2 * n > len(choices) and not own) else None


def _format_value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)
