"""Runs the missing cells and stores each as it finishes; several runs may share a folder."""

from __future__ import annotations

import queue
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from benchmarks.plan.cell import Cell
from benchmarks.plan.job import Execution, Job
from benchmarks.results.store import LOCKS, RESULT, Result, Store
from benchmarks.run import locks
from benchmarks.run.executors import Cancelled, Executor, failed
from benchmarks.run.limit import TimeLimit

_LOOK_AGAIN = 1.0  # seconds between checks of a cell that another run has


class Observer(Protocol):
    """Receives progress events from a run."""

    def event(self, cell: Cell, event: Mapping[str, Any]) -> None:
        """Handle a stage or a step that a cell's process reports."""

    def finished(self, cell: Cell, record: Mapping[str, Any]) -> None:
        """Handle a cell that is now stored, done or failed."""

    def note(self, text: str) -> None:
        """Show a message to the user."""


@dataclass
class Runner:
    """Runs cells and stores their results.

    Each cell is locked while it runs, so several runs may share a folder. A cell that another run
    has is deferred to the end, and taken over if that run dies.

    Attributes:
        store: where results are stored.
        datasets: folder of each prepared dataset, by name.
        executor: where cells run.
        observer: receives progress events, from several threads.
        imports: the user's Python files, which define the table or register modules.
        execution: how cells are executed.
        keep: slugs of the cells whose trained network is stored too.
        limit: when the run ends; cells that would not finish by then are left out.
        stores: where the results of cells are stored that do not belong in `store`, by slug.
    """

    store: Store
    datasets: Mapping[str, Path]
    executor: Executor
    observer: Observer
    imports: tuple[Path, ...] = ()
    execution: Execution = field(default_factory=Execution)
    keep: Collection[str] = ()
    limit: TimeLimit | None = None
    stores: Mapping[str, Store] = field(default_factory=dict)
    # Cells that another run had, each with the time of its result then; None if not known.
    _deferred: queue.SimpleQueue[tuple[Cell, int | None]] = field(default_factory=queue.SimpleQueue)
    _waiting: list[Cell] = field(default_factory=list)
    _waiting_lock: threading.Lock = field(default_factory=threading.Lock)
    _unfinished: set[str] = field(default_factory=set)
    _left_out: set[str] = field(default_factory=set)
    _failed: list[Cell] = field(default_factory=list)
    _fatal_errors: list[BaseException] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self, cells: Sequence[Cell]) -> list[Cell]:
        """Train the cells and return those that failed.

        They start in the order given, except that a student waits for its teacher.

        Raises:
            KeyboardInterrupt: raised once the running cells have ended; finished cells are stored.
            OSError: an error that affects all cells, such as a full disk; raised once the running
                cells have ended.
        """
        self._waiting = list(cells)
        self._unfinished = {cell.slug for cell in cells}
        # Events, since an interrupted join may report a thread as ended that still runs.
        ended: list[threading.Event] = []
        try:
            for _ in range(min(self.executor.jobs, len(cells))):
                ended.append(threading.Event())
                threading.Thread(target=self._work, args=(ended[-1],), daemon=True).start()
            for event in ended:
                # With a timeout, since a plain wait would block Ctrl-C on some systems.
                while not event.wait(0.2):
                    if self.limit is not None and not self.limit.left:
                        self._cancel_all()
        except KeyboardInterrupt:
            self._cancel_all()
            for event in ended:
                event.wait(10)  # Each thread removes its cell's working folder.
            raise
        for root in {self.store.root, *(store.root for store in self.stores.values())}:
            locks.remove_folder(root / LOCKS)
        if self._fatal_errors:
            raise self._fatal_errors[0]
        return self._failed

    def _work(self, ended: threading.Event) -> None:
        """Process cells until none is left. Runs in a thread.

        Cells that another run was training come last.
        """
        try:
            while not self._stop.is_set():
                self._process_next()
        except (queue.Empty, Cancelled):
            return
        except BaseException as error:
            # For example a full disk, which affects all cells, so the run ends.
            self._fatal_errors.append(error)
            self._cancel_all()
        finally:
            ended.set()

    def _process_next(self) -> None:
        """Process one cell. Raises queue.Empty if none is left for this thread."""
        cell, before = self._next()
        if cell is None:
            return
        if self._leave_out(cell):
            self.observer.note(f"{cell.label}: left out, since it would not finish in time.")
            self._left_out.add(cell.slug)
            self._unfinished.discard(cell.slug)
            return
        state = self._result_time(cell)
        with locks.claim(self._store(cell).lock(cell)) as mine:
            if mine:
                self._process(cell, before)
                return
        if before is None:
            self.observer.note(f"{cell.label}: another run is training it; deferred to the end.")
        self._deferred.put((cell, state if before is None else before))

    def _next(self) -> tuple[Cell | None, int | None]:
        """Return the next cell and, if another run had it, the time of its result then.

        The cell is None if all remaining cells are waiting for their teachers. Raises queue.Empty
        if no cell is left.
        """
        with self._waiting_lock:
            ready = (i for i, one in enumerate(self._waiting) if not self._waits_for_teacher(one))
            first = next(ready, None)
            if first is not None:
                # A control may equal its plain network: others go first while that is trained.
                free = (
                    i for i in chain([first], ready) if not self._waits_for_plain(self._waiting[i])
                )
                return self._waiting.pop(next(free, first)), None
            taught = bool(self._waiting)
        found: tuple[Cell | None, int | None] = None, None
        try:
            found = self._deferred.get_nowait()
        except queue.Empty:
            if not taught:
                raise
        self._stop.wait(_LOOK_AGAIN)
        return found

    def _waits_for_teacher(self, cell: Cell) -> bool:
        return cell.teacher is not None and cell.teacher.slug in self._unfinished

    def _waits_for_plain(self, cell: Cell) -> bool:
        return any(plain.slug in self._unfinished for plain in _plain_cells(cell))

    def _leave_out(self, cell: Cell) -> bool:
        """Return whether there is no time for a cell, or was none for its teacher."""
        teacher = cell.teacher is not None and cell.teacher.slug in self._left_out
        return teacher or (self.limit is not None and not self.limit.fits(cell))

    def _store(self, cell: Cell) -> Store:
        return self.stores.get(cell.slug, self.store)

    def _process(self, cell: Cell, before: int | None) -> None:
        """Train a locked cell, unless another run has finished it in the meantime."""
        stored = self._store(cell).read(cell)
        failed_there = before is not None and self._result_time(cell) != before
        if stored is not None and (is_complete(stored, self.keep) or failed_there):
            self._finish(cell, stored.record)
            return
        if before is not None:
            self.observer.note(f"{cell.label}: the other run did not finish it; training it now.")
        if moved := self._store(cell).move_damaged(cell):
            aside, why = moved
            self.observer.note(f"{cell.slug} had no valid result ({why}); moved to {aside.name}.")
        self._train(cell)

    def _train(self, cell: Cell) -> None:
        """Run one cell and store its record."""
        folder = self._store(cell).begin(cell)
        try:
            record = {"spec": cell.spec, **self._run_job(cell, folder)}
            self._store(cell).commit(cell, folder, record)
        except BaseException:
            self._store(cell).abandon(cell, folder)
            raise
        self._finish(cell, record)

    def _run_job(self, cell: Cell, folder: Path) -> dict[str, Any]:
        """Run the job of a cell and return its record; failed if the cell's teacher failed."""
        teacher = None if cell.teacher is None else self._store(cell.teacher).read(cell.teacher)
        if cell.teacher is not None and not (teacher and teacher.done and teacher.saved):
            return failed(f"Its teacher failed: {cell.teacher.label}.")
        job = Job(
            cell=cell,
            dataset=self.datasets[cell.target.dataset].resolve(),
            folder=folder.resolve(),
            execution=self.execution,
            imports=self.imports if cell.code else (),
            teacher=None if teacher is None else teacher.path.resolve(),
            plain=self._plain(cell),
            keep=cell.slug in self.keep,
            checkpoint=self._store(cell).checkpoint(cell).resolve(),
            tensorboard=self._store(cell).tensorboard(cell).resolve(),
        )
        more = bool(self._waiting)
        return self.executor.run(job, lambda event: self._notify(cell, event), more)

    def _plain(self, cell: Cell) -> Path | None:
        """Return the folder of the result that a control may equal, see `Job.plain`."""
        if cell.slug in self.keep:
            return None
        for plain in _plain_cells(cell):
            stored = self._store(plain).read(plain)
            if stored is not None and stored.done:
                return stored.path.resolve()
        return None

    def _notify(self, cell: Cell, event: Mapping[str, Any]) -> None:
        if event["event"] == "note":
            self.observer.note(f"{cell.label}: {event['note']}")
        else:
            self.observer.event(cell, event)

    def _finish(self, cell: Cell, record: Mapping[str, Any]) -> None:
        if self.limit is not None:
            self.limit.learn(cell, record)
        if record["status"] == "done":
            locks.remove(self._store(cell).lock(cell))
        else:
            self._failed.append(cell)
        self._unfinished.discard(cell.slug)
        self.observer.finished(cell, record)

    def _result_time(self, cell: Cell) -> int:
        """Return the time when the cell's result was stored, in nanoseconds; 0 without a result."""
        try:
            return (self._store(cell).root / cell.slug / RESULT).stat().st_mtime_ns
        except OSError:
            return 0

    def _cancel_all(self) -> None:
        self._stop.set()
        self.executor.cancel()


def _plain_cells(cell: Cell) -> Iterator[Cell]:
    """Yield the cells without attention that a control may equal; none for other cells."""
    if cell.row.matched:
        # A module of the user's may be all that the hash of the files was for.
        for code in dict.fromkeys((cell.code, "")):
            yield replace(cell, row=cell.row.plain, code=code)


def missing(
    cells: Sequence[Cell], results: Iterable[Result], saved: Collection[str] = ()
) -> list[Cell]:
    """Return the cells to train, in order; failed cells count as missing.

    A finished cell is among them if its network is not stored and is needed: because `saved` names
    the cell, or because a student of it is among them too.

    Args:
        cells: the planned cells.
        results: stored results.
        saved: slugs of the cells whose network must be stored too.
    """
    done = {result.cell.slug: result.saved for result in results if result.done}
    todo: set[str] = set()

    def want(cell: Cell, network: bool) -> None:
        complete = cell.slug in done and (done[cell.slug] or not network)
        if not complete and cell.slug not in todo:
            todo.add(cell.slug)
            if cell.teacher is not None:
                want(cell.teacher, True)

    for cell in cells:
        want(cell, cell.slug in saved)
    return [cell for cell in cells if cell.slug in todo]


def is_complete(result: Result, keep: Collection[str]) -> bool:
    """Return whether a result is finished, and its network stored if `keep` names the cell."""
    return result.done and (result.saved or result.cell.slug not in keep)
