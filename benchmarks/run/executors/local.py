"""Cells as processes on this machine."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Sequence
from typing import Any

from benchmarks.plan.job import Job
from benchmarks.run.executors.base import Cancelled, Notify
from benchmarks.run.executors.process import Process, environment


class Local:
    """Runs each cell in a process of its own, which dies with this one.

    Where a core is left, the next cell's process starts while the current one trains: importing
    the framework takes seconds of one core and touches no accelerator.

    Args:
        jobs: cells at a time; each gets its share of the cores.
        gpus: names or numbers of the GPUs here, as CUDA_VISIBLE_DEVICES has them; of several each
            cell sees its share.
        replicas: how many of them each cell gets.
    """

    def __init__(self, jobs: int, gpus: Sequence[str] = (), replicas: int = 1):
        self.jobs = jobs
        cores = os.cpu_count() or 1
        self._threads = max(1, cores // jobs)
        self._shares: queue.SimpleQueue[tuple[str, ...] | None] = queue.SimpleQueue()
        for share in shares(jobs, gpus, replicas):
            self._shares.put(share)
        # Of several GPUs a process that starts ahead could not know which will be free.
        self._ahead = jobs < cores and len(gpus) < 2
        self._spare: Process | None = None
        self._running: set[Process] = set()
        self._cancelled = False
        self._lock = threading.Lock()

    def run(self, job: Job, notify: Notify, more: bool = False) -> dict[str, Any]:
        """Trains a cell, see `Executor`."""
        share = self._shares.get()
        try:
            wanted = environment(job.cell.backend, self._threads, job.execution, share)
            process = self._start(wanted, more)
            try:
                record = process.run(job, notify)
            finally:
                with self._lock:
                    self._running.discard(process)
        finally:
            self._shares.put(share)
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


def shares(jobs: int, gpus: Sequence[str], replicas: int) -> list[tuple[str, ...] | None]:
    """The GPUs that each of `jobs` cells at a time sees; None for whatever there is.

    Cells take turns at the GPUs in their order, so that all are used before any is shared.

    Raises:
        ValueError: a cell wants more GPUs than there are.
    """
    if replicas > max(len(gpus), 1):
        raise ValueError(
            f"A cell cannot be divided over {replicas} devices: there are {len(gpus)} GPUs."
        )
    if len(gpus) < 2:
        return [None] * jobs
    first = [job * replicas for job in range(jobs)]
    return [tuple(gpus[(i + k) % len(gpus)] for k in range(replicas)) for i in first]
