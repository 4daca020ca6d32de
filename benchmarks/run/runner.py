"""Runs the missing cells, several runs on one folder if need be, and stores each as it finishes."""

from __future__ import annotations

import queue
import shutil
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.plan.cell import Cell
from benchmarks.plan.execution import Execution
from benchmarks.plan.job import Job
from benchmarks.results.store import LOCKS, RESULT, Result, Store
from benchmarks.run import locks
from benchmarks.run.executors.base import Cancelled, Executor, failed

_LOOK_AGAIN = 1.0  # seconds between looks at a cell that another run has


class Observer(Protocol):
    """Receives the events of a run."""

    def event(self, cell: Cell, event: Mapping[str, Any]) -> None:
        """A cell's process reports a stage or a step."""

    def finished(self, cell: Cell, record: Mapping[str, Any]) -> None:
        """A cell is stored, done or failed."""

    def note(self, text: str) -> None:
        """Something that the user should know."""


@dataclass
class Runner:
    """Runs cells.

    Each cell is locked while it is at work, so several runs may share a folder: a cell that
    another run has is put off to the end, and taken over if that run dies.

    Attributes:
        store: where results go.
        datasets: folder of each prepared dataset, by name.
        executor: where cells run.
        observer: receives the progress, from several threads.
        imports: the user's Python files, which define the table or register modules.
        execution: how cells are computed.
        keep: names of the cells whose trained network is stored, too.
    """

    store: Store
    datasets: Mapping[str, Path]
    executor: Executor
    observer: Observer
    imports: tuple[Path, ...] = ()
    execution: Execution = field(default_factory=Execution)
    keep: Collection[str] = ()
    # Cells that another run had, each with the state of its result then.
    _held: queue.SimpleQueue[tuple[Cell, int | None]] = field(default_factory=queue.SimpleQueue)
    _waiting: queue.SimpleQueue[Cell] = field(default_factory=queue.SimpleQueue)
    _open: set[str] = field(default_factory=set)  # not finished yet
    _failed: list[Cell] = field(default_factory=list)
    _errors: list[BaseException] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self, cells: Sequence[Cell]) -> list[Cell]:
        """Trains the cells; returns those that failed.

        Raises:
            KeyboardInterrupt: after the running cells were ended; finished ones stay stored.
            OSError: what concerns all cells, such as a full disk; also after they were ended.
        """
        for cell in cells:
            self._waiting.put(cell)
            self._open.add(cell.slug)
        # Events, because an interrupted join may take a thread for ended that is not.
        ended: list[threading.Event] = []
        try:
            for _ in range(min(self.executor.jobs, len(cells))):
                ended.append(threading.Event())
                threading.Thread(target=self._take, args=(ended[-1],), daemon=True).start()
            for event in ended:
                # With a time limit, because a plain wait would hold back Ctrl-C on some systems.
                while not event.wait(0.2):
                    pass
        except KeyboardInterrupt:
            self._end_all()
            for event in ended:
                event.wait(10)  # Each thread takes its cell's working folder away.
            raise
        locks.tidy(self.store.root / LOCKS)
        if self._errors:
            raise self._errors[0]
        return self._failed

    def _take(self, ended: threading.Event) -> None:
        """A thread: cell by cell, then those that another run had."""
        try:
            while not self._stop.is_set():
                self._next()
        except (queue.Empty, Cancelled):
            return
        except BaseException as error:
            # A full disk, say: it concerns all cells, so the run ends with it.
            self._errors.append(error)
            self._end_all()
        finally:
            ended.set()

    def _next(self) -> None:
        """Works on one cell. Raises queue.Empty where none is left for this thread."""
        try:
            cell, before = self._waiting.get_nowait(), None
        except queue.Empty:
            cell, before = self._held.get_nowait()
            self._stop.wait(_LOOK_AGAIN)
        if cell.teacher is not None and cell.teacher.slug in self._open:
            self._held.put((cell, before))
            return
        state = self._state(cell)
        with locks.claim(self.store.lock(cell)) as mine:
            if mine:
                self._settle(cell, before)
                return
        if before is None:
            self.observer.note(f"{cell.label}: another run has it; waiting for that at the end.")
        self._held.put((cell, state if before is None else before))

    def _settle(self, cell: Cell, before: int | None) -> None:
        """Trains a cell that is ours, unless another run has finished it meanwhile."""
        stored = self.store.read(cell)
        failed_there = before is not None and self._state(cell) != before
        if stored is not None and (enough(stored, self.keep) or failed_there):
            self._finish(cell, stored.record)
            return
        if before is not None:
            self.observer.note(f"{cell.label}: the other run did not finish it; taken over.")
        if moved := self.store.make_way(cell):
            self.observer.note(f"{cell.slug} was no result ({moved[1]}); moved to {moved[0].name}.")
        self._train(cell)

    def _train(self, cell: Cell) -> None:
        """Runs one cell to its end and stores what came of it."""
        folder = self.store.begin(cell)
        try:
            record = {"spec": cell.spec, **self._record(cell, folder)}
            self.store.commit(cell, folder, record)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._finish(cell, record)

    def _record(self, cell: Cell, folder: Path) -> dict[str, Any]:
        """What comes of a cell; one whose teacher failed fails, too."""
        teacher = None if cell.teacher is None else self.store.read(cell.teacher)
        if cell.teacher is not None and not (teacher and teacher.done and teacher.saved):
            return failed(f"Its teacher failed: {cell.teacher.label}.")
        job = Job(
            cell=cell,
            dataset=self.datasets[cell.target.dataset].resolve(),
            folder=folder.resolve(),
            execution=self.execution,
            imports=self.imports if cell.code else (),
            teacher=None if teacher is None else teacher.path.resolve(),
            keep=cell.slug in self.keep,
        )
        more = not self._waiting.empty()
        return self.executor.run(job, lambda event: self._notify(cell, event), more)

    def _notify(self, cell: Cell, event: Mapping[str, Any]) -> None:
        if event["event"] == "note":
            self.observer.note(f"{cell.label}: {event['note']}")
        else:
            self.observer.event(cell, event)

    def _finish(self, cell: Cell, record: Mapping[str, Any]) -> None:
        if record["status"] == "done":
            locks.forget(self.store.lock(cell))
        else:
            self._failed.append(cell)
        self._open.discard(cell.slug)
        self.observer.finished(cell, record)

    def _state(self, cell: Cell) -> int:
        """Changes when a result of the cell is stored; 0 where there is none."""
        try:
            return (self.store.root / cell.slug / RESULT).stat().st_mtime_ns
        except OSError:
            return 0

    def _end_all(self) -> None:
        self._stop.set()
        self.executor.cancel()


def missing(cells: Sequence[Cell], store: Store, keep: Collection[str] = ()) -> list[Cell]:
    """The cells without a finished result, in order; failed ones are tried again.

    Args:
        cells: those that are wanted.
        store: where the results are.
        keep: names of the cells whose network must be stored, too.
    """
    done = {result.cell.slug for result in store.results(cells) if enough(result, keep)}
    return [cell for cell in cells if cell.slug not in done]


def enough(result: Result, keep: Collection[str]) -> bool:
    """Whether a result is finished, with its network where that is wanted."""
    return result.done and (result.saved or result.cell.slug not in keep)
