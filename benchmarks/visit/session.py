"""Trains on the machine with the GPU, and writes the results as cells finish."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from attention_fer.common.console import plain_console
from attention_fer.common.files import write_json
from benchmarks.plan.cell import Cell
from benchmarks.results import plan_file
from benchmarks.results.store import Store
from benchmarks.run import estimate
from benchmarks.run.display import LiveView
from benchmarks.run.limit import TimeLimit
from benchmarks.run.runner import Runner
from benchmarks.visit import requests
from benchmarks.visit.collecting import CACHE, RUNS, copy, packed
from benchmarks.visit.outbox import Outbox
from benchmarks.visit.requests import Requests
from benchmarks.visit.unpacking import Unpacked

SUMMARY = "summary.json"
# Seconds at the end in which the compiled programs are packed.
CLOSING = 10.0


def run(
    work: Unpacked,
    out: Path,
    *,
    plan: Path,
    extra: Sequence[str],
    minutes: float,
    jobs: int,
    volume: float,
    volumes: int,
) -> int:
    """Train what is missing, as far as time allows; return the exit status.

    Raises:
        FileNotFoundError, ValueError: as `requests.read`; ValueError also for a number out of
            range.
    """
    if 60 * minutes <= CLOSING:
        raise ValueError(
            f"--minutes must leave more than {CLOSING:.0f} s after the bundle is unpacked, got "
            f"{60 * minutes:.0f} s."
        )
    limit = TimeLimit(60 * minutes - CLOSING)
    console = plain_console(width=110)
    planned = requests.read(plan, data=work.data, out=work.runs, extra=extra, jobs=jobs)
    todo = planned.todo()
    for one in planned.runs:
        plan_file.write(one.plan, one.store.root)
    view = LiveView(console, _seconds(planned, todo, jobs), jobs)
    log = VisitLog(view, planned, todo, Outbox(out, volume, volumes), out)
    console.print(
        f"{len(planned.cells)} cells, {len(todo)} to train, {jobs} at a time, "
        f"{limit.left / 60:.1f} minutes."
    )
    first = planned.runs[0]
    runner = Runner(
        store=first.store,
        datasets={name: one.path for run in planned.runs for name, one in run.datasets.items()},
        executor=first.executor,
        observer=log,
        execution=first.execution,
        keep=planned.keep,
        limit=limit,
        stores={slug: stores[0] for slug, stores in planned.stores.items()},
    )
    try:
        with view, _ended_by_sigterm():
            runner.run(todo)
    except KeyboardInterrupt:
        console.print("Interrupted.")
    finally:
        first.executor.close()
    log.close(work.cache, console)
    return 1 if planned.todo() else 0


def _seconds(planned: Requests, todo: Sequence[Cell], jobs: int) -> dict[str, float]:
    """Estimate the seconds of each cell, by slug."""
    sizes = {name: size for run in planned.runs for name, size in run.sizes.items()}
    return estimate.seconds(todo, (), sizes, jobs, accelerators=True)[0]


class VisitLog:
    """Puts each finished cell into the outbox, and shows the progress; an `Observer`.

    Args:
        view: shows the progress.
        planned: the cells and the stores of their tables.
        todo: the cells to train.
        outbox: for results.
        out: folder for the summary.
    """

    def __init__(
        self, view: LiveView, planned: Requests, todo: Sequence[Cell], outbox: Outbox, out: Path
    ):
        self.event, self.note = view.event, view.note
        self._view, self._planned, self._todo = view, planned, todo
        self._outbox, self._out = outbox, out
        self._writing = threading.Lock()
        self._trained: dict[str, dict[str, Any]] = {}
        for root in sorted({stores[0].root for stores in planned.stores.values()}):
            plans = root.glob(f"{plan_file.FOLDER}/*.json")
            outbox.add({f"{RUNS}/{root.name}/{plan_file.FOLDER}/{p.name}": p for p in plans})

    def finished(self, cell: Cell, record: Mapping[str, Any]) -> None:
        """Stores a result in all tables that name it and in the outbox, then shows it."""
        with self._writing:
            if record["status"] == "done":
                for number, store in enumerate(self._planned.stores[cell.slug]):
                    self._hand_over(cell, store, models=number == 0)
            self._trained[cell.slug] = summarize(cell, record)
            self._write_summary()
        self._view.finished(cell, record)

    def close(self, cache: Path, console: Console) -> None:
        """Adds the compiled programs as far as there is room, smallest first; prints the summary.

        A program that takes long to compile can be large, but most of them are initial weights, of
        which there are hundreds.
        """
        files = sorted((p for p in cache.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
        self._outbox.fill({f"{CACHE}/{p.relative_to(cache).as_posix()}": p for p in files})
        self._write_summary()
        console.print(self._as_table())
        left = [cell.label for cell in self._todo if not self._is_done(cell)]
        console.print(f"{len(left)} cells are left." if left else "Nothing is left.")

    def _hand_over(self, cell: Cell, store: Store, models: bool) -> None:
        result = self._planned.stores[cell.slug][0].read(cell)
        assert result is not None, f"{cell.slug} was just stored"
        if store.root != result.path.parent:
            copy(result, store)
        table = store.root.name
        if models and self._outbox.add(packed(result, table)):
            return
        if models and result.saved:
            self.note(f"{cell.label}: no room for its network, which stays here.")
        if not self._outbox.add(packed(result, table, models=False)):
            self.note(f"{cell.label}: no room for its result, which stays here.")

    def _is_done(self, cell: Cell) -> bool:
        return self._trained.get(cell.slug, {}).get("status") == "done"

    def _write_summary(self) -> None:
        left = [cell.slug for cell in self._todo if not self._is_done(cell)]
        write_json(self._out / SUMMARY, {"trained": list(self._trained.values()), "left": left})

    def _as_table(self) -> RichTable:
        table = RichTable(box=box.SIMPLE_HEAD, title="Trained in this visit")
        for column in ("cell", "accuracy %", "epochs", "seconds", "first epoch s", "images/s"):
            table.add_column(column, justify="left" if column == "cell" else "right")
        for of in self._trained.values():
            if of["status"] == "done":
                cells = (f"{100 * of['accuracy']:.2f}", of["epochs"], f"{of['seconds']:.0f}")
                rates = (f"{of['first_epoch']:.1f}", f"{of['images_per_second']:,.0f}")
                table.add_row(of["cell"], *map(str, cells), *rates)
            else:
                table.add_row(of["cell"], "failed", of["error"][:60])
        return table


def summarize(cell: Cell, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a summary says of a cell.

    Images per second are those of training and validation together, after the first epoch, which
    includes the compilation; other cells share the card meanwhile.
    """
    found = {"cell": cell.label, "slug": cell.slug, "status": record["status"]}
    if record["status"] != "done":
        return {**found, "error": record["error"]}
    metrics, timing = record["metrics"], record["timing"]
    images = metrics["n_train"] * (metrics["epochs"] - 1)
    return {
        **found,
        "accuracy": metrics["accuracy"],
        "epochs": metrics["epochs"],
        "seconds": sum(timing.values()),
        "first_epoch": timing["trace"],
        "images_per_second": images / max(timing["train"], 1e-3),
        "timing": timing,
        "accelerators": record["provenance"]["accelerators"],
    }


@contextmanager
def _ended_by_sigterm() -> Any:
    """Within it, SIGTERM ends the visit like Ctrl-C."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
