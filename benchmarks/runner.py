"""Runs the missing cells, each in its own process, and stores each as it finishes."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.cells import Cell
from benchmarks.store import Result, Store

LOG = "log.txt"


class View(Protocol):
    """Who is told what happens."""

    def event(self, cell: Cell, event: Mapping[str, Any]) -> None:
        """A cell's process reports a stage or a step."""

    def finished(self, cell: Cell, record: Mapping[str, Any]) -> None:
        """A cell is stored, done or failed."""


@dataclass
class Runner:
    """Runs cells.

    Attributes:
        store: where results go.
        datasets: folder of each prepared dataset, by name.
        jobs: cells at a time.
        view: is told of the progress, from several threads.
    """

    store: Store
    datasets: Mapping[str, Path]
    jobs: int
    view: View
    _processes: set[subprocess.Popen[str]] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, cells: Sequence[Cell]) -> list[Cell]:
        """Trains the cells; returns those that failed.

        Raises:
            KeyboardInterrupt: after the running cells were ended; finished ones stay stored.
        """
        waiting: queue.SimpleQueue[Cell] = queue.SimpleQueue()
        for cell in cells:
            waiting.put(cell)
        failed: list[Cell] = []
        errors: list[BaseException] = []
        # Events, because an interrupted join may take a thread for ended that is not.
        ended: list[threading.Event] = []
        try:
            for _ in range(min(self.jobs, len(cells))):
                ended.append(threading.Event())
                arguments = (waiting, failed, errors, ended[-1])
                threading.Thread(target=self._take, args=arguments, daemon=True).start()
            for event in ended:
                # With a time limit, because a plain wait would hold back Ctrl-C on some systems.
                while not event.wait(0.2):
                    pass
        except KeyboardInterrupt:
            self._end_all()
            for event in ended:
                event.wait(10)  # Each thread takes its cell's working folder away.
            raise
        if errors:
            raise errors[0]
        return failed

    def _take(
        self,
        waiting: queue.SimpleQueue[Cell],
        failed: list[Cell],
        errors: list[BaseException],
        ended: threading.Event,
    ) -> None:
        try:
            while not self._stop.is_set():
                cell = waiting.get_nowait()
                record = self._train(cell)
                if record is not None and record["status"] != "done":
                    failed.append(cell)
        except queue.Empty:
            return
        except BaseException as error:
            # A full disk, say: it concerns all cells, so the run ends with it.
            errors.append(error)
            self._end_all()
        finally:
            ended.set()

    def _train(self, cell: Cell) -> dict[str, Any] | None:
        """Runs one cell's process to its end and stores what came of it."""
        folder = self.store.begin(cell)
        job = {
            "spec": cell.spec,
            "dataset": str(self.datasets[cell.dataset].resolve()),
            "folder": str(folder.resolve()),
        }
        with open(folder / LOG, "w", encoding="utf-8") as log:
            process = self._start(cell, log)
            record = _listen(process, job, lambda event: self.view.event(cell, event))
        with self._lock:
            self._processes.discard(process)
        if self._stop.is_set():
            shutil.rmtree(folder, ignore_errors=True)
            return None
        if record is None:
            record = {"status": "failed", "error": _last_words(process.returncode, folder / LOG)}
        record = {"spec": cell.spec, **record}
        self.store.commit(cell, folder, record)
        self.view.finished(cell, record)
        return record

    def _start(self, cell: Cell, log: Any) -> subprocess.Popen[str]:
        with self._lock:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env=environment(cell.backend, self.jobs),
                # Ctrl-C is for the runner: a worker that got it too would pass for a failed cell.
                start_new_session=True,
            )
            self._processes.add(process)
        return process

    def _end_all(self) -> None:
        self._stop.set()
        with self._lock:
            for process in self._processes:
                process.kill()


def missing(cells: Sequence[Cell], store: Store) -> list[Cell]:
    """The cells without a finished result, in order; failed ones are tried again."""
    stored: dict[str, Result] = {result.cell.slug: result for result in store.results()}
    return [c for c in cells if c.slug not in stored or not stored[c.slug].done]


def environment(backend: str, jobs: int) -> dict[str, str]:
    """Environment of a cell's process: its backend, its share of the cores, a quiet log."""
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    shares = {
        "OMP_NUM_THREADS": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    return {**shares, **os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": path}


def _listen(
    process: subprocess.Popen[str], job: dict[str, Any], tell: Any
) -> dict[str, Any] | None:
    """Hands the job over and passes events on; returns the record, None if none came."""
    assert process.stdin is not None and process.stdout is not None
    record = None
    try:
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        for event in _events(process.stdout):
            if event["event"] == "record":
                record = event["record"]
            else:
                tell(event)
    except BrokenPipeError:
        pass  # It died before it read its job; its exit status and its log say why.
    process.wait()
    process.stdout.close()
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    return record


def _events(lines: Any) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            yield json.loads(line)
        except ValueError:
            continue  # A line cut short by the death of the process.


def _last_words(status: int, log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    how = f"signal {-status}" if status < 0 else f"exit status {status}"
    hint = " (killed, perhaps for want of memory)" if status == -9 else ""
    return f"The process ended with {how}{hint}. {lines[-1] if lines else ''}".strip()
