"""Runs cells as processes on this machine."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Sequence
from typing import Any

from benchmarks.plan.job import Job
from benchmarks.run.executors import Cancelled, EventHandler
from benchmarks.run.executors.process import Process, environment


class Local:
    """Runs each cell in a separate process, which ends with this one.

    If a core is free, the next cell's process starts while the current one trains: importing the
    framework takes one core several seconds, and uses no accelerator.

    Args:
        jobs: number of cells that run at the same time; the cores are divided among them.
        gpus: names or numbers of this machine's GPUs, as in CUDA_VISIBLE_DEVICES. With several,
            each cell sees only its share.
        replicas: number of GPUs per cell.
    """

    def __init__(self, jobs: int, gpus: Sequence[str] = (), replicas: int = 1):
        self.jobs = jobs
        cores = os.cpu_count() or 1
        self._threads = max(1, cores // jobs)
        self._shares: queue.SimpleQueue[tuple[str, ...] | None] = queue.SimpleQueue()
        for share in gpu_shares(jobs, gpus, replicas):
            self._shares.put(share)
        # With several GPUs, a process that starts early cannot know which of them will be free.
        self._ahead = jobs < cores and len(gpus) < 2
        self._spare: Process | None = None
        self._running: set[Process] = set()
        self._cancelled = False
        self._lock = threading.Lock()

    def run(self, job: Job, notify: EventHandler, more: bool = False) -> dict[str, Any]:
        """Run a cell, see `Executor`."""
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
        """Kill all processes."""
        with self._lock:
            self._cancelled = True
            for process in self._running:
                process.kill()
        self.close()

    def close(self) -> None:
        """End the process that waits for the next cell."""
        with self._lock:
            spare, self._spare = self._spare, None
        if spare is not None:
            spare.discard()

    def _start(self, wanted: dict[str, str], more: bool) -> Process:
        """Return a process for a cell; start one for the next cell if it pays off."""
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


def gpu_shares(jobs: int, gpus: Sequence[str], replicas: int) -> list[tuple[str, ...] | None]:
    """Return the GPUs that each of `jobs` concurrent cells sees; None for whatever is visible.

    GPUs are assigned in turn, so that all are used before any is shared.

    Raises:
        ValueError: a cell needs more GPUs than there are.
    """
    if replicas > max(len(gpus), 1):
        raise ValueError(
            f"--replicas must not exceed the number of GPUs, {len(gpus)}, got {replicas}."
        )
    if len(gpus) < 2:
        return [None] * jobs
    first = [job * replicas for job in range(jobs)]
    return [tuple(gpus[(i + k) % len(gpus)] for k in range(replicas)) for i in first]
