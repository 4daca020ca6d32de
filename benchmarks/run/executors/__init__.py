"""Where cells run: `local` in processes on this machine, `ray` on the nodes of a Ray cluster."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from attention_fer.common.checks import one_of
from benchmarks.plan.job import Job

# Receives the events of a cell's process, see `benchmarks.run.worker`.
EventHandler = Callable[[Mapping[str, Any]], None]

LOG = "log.txt"
# Errors that affect all cells: the disk they write to is full.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# Advice for a cell that ran out of memory.
ADVICE = "Out of memory: a smaller --batch-size or fewer --jobs may help."


class Cancelled(Exception):  # noqa: N818  # not an error, since the user asked for it
    """The cell was ended by `Executor.cancel`."""


class Executor(Protocol):
    """Runs cells, on this machine or elsewhere.

    Attributes:
        jobs: number of cells that run at the same time; as many threads call `run`.
    """

    jobs: int

    def run(self, job: Job, notify: EventHandler, more: bool = False) -> dict[str, Any]:
        """Run a cell's process until it ends and return its record, done or failed.

        Args:
            job: the job of the cell.
            notify: receives the events of the cell's process.
            more: whether more cells are waiting, so that the next process may start early.

        Raises:
            Cancelled: `cancel` was called.
            OSError: an error that affects all cells, such as a full disk.
        """

    def cancel(self) -> None:
        """End all running cells; cells that start later end at once."""

    def close(self) -> None:
        """Release all resources; called when no cell is running."""


def failed(reason: str) -> dict[str, Any]:
    """Return the record of a cell that failed."""
    return {"status": "failed", "error": reason}


def make(
    name: str,
    jobs: int | None = None,
    gpus: Sequence[str] = (),
    replicas: int = 1,
    address: str = "auto",
) -> Executor:
    """Return a new executor.

    Args:
        name: "local" or "ray".
        jobs: number of cells that run at the same time; None for as many as fit.
        gpus: GPUs of this machine, as in CUDA_VISIBLE_DEVICES.
        replicas: number of devices that share each cell's batches.
        address: address of the Ray cluster; "auto" for the one this machine belongs to.

    Raises:
        ValueError: the name is unknown, Ray is not installed, there is no cluster, or a cell needs
            more devices than there are.
    """
    if one_of("executor", name, ("local", "ray")) == "ray":
        from benchmarks.run.executors.ray_cluster import RayCluster

        return RayCluster(address, jobs)
    from benchmarks.run.executors.local import Local

    fitting = len(gpus) // replicas or min(os.cpu_count() or 1, 4)
    return Local(jobs or fitting, gpus, replicas)
