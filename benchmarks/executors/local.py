"""Cells as processes on this machine."""

from __future__ import annotations

import os
import threading
from typing import Any

from benchmarks.executors.base import Cancelled, Job, Tell
from benchmarks.executors.process import Process, environment


class Local:
    """Runs each cell in a process of its own, which dies with this one.

    Where a core is left, the next cell's process starts while the current one trains: importing
    the framework takes seconds of one core and touches no accelerator.

    Args:
        jobs: cells at a time; each gets its share of the cores.
    """

    def __init__(self, jobs: int):
        self.jobs = jobs
        cores = os.cpu_count() or 1
        self._threads = max(1, cores // jobs)
        self._ahead = jobs < cores
        self._spare: Process | None = None
        self._running: set[Process] = set()
        self._cancelled = False
        self._lock = threading.Lock()

    def run(self, job: Job, tell: Tell) -> dict[str, Any]:
        """Trains a cell, see `Executor`."""
        wanted = environment(job.spec["backend"], self._threads, job.execution)
        process = self._start(wanted, job.more)
        try:
            record = process.run(job, tell)
        finally:
            with self._lock:
                self._running.discard(process)
        if self._cancelled and record["status"] != "done":
            raise Cancelled
        return record

    def cancel(self) -> None:
        """Kills all processes."""
        with self._lock:
            self._cancelled = True
            for process in self._running:
                process.kill()
        self.close()

    def close(self) -> None:
        """Ends the process that waits for a next cell."""
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None:
            spare.discard()

    def _start(self, wanted: dict[str, str], more: bool) -> Process:
        """A process for a cell, and where it pays another one for the next."""
        with self._lock:
            if self._cancelled:
                raise Cancelled
            spare, self._spare = self._spare, None
            if spare is not None and (spare.environment != wanted or not spare.alive()):
                spare.discard()
                spare = None
            process = spare or Process(wanted)
            self._running.add(process)
            if more and self._ahead:
                self._spare = Process(wanted)
        return process
