"""What the runner asks of a place where cells run."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from benchmarks.plan.job import Job

# Receives the events of a cell's process, see `benchmarks.run.worker`.
Notify = Callable[[Mapping[str, Any]], None]

LOG = "log.txt"
# Errors that concern all cells: what they write to is full.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What may help a cell that ran out of memory.
ADVICE = "Out of memory: a smaller --batch-size or fewer --jobs may help."


class Cancelled(Exception):  # noqa: N818  # not an error: it was asked for
    """The cell was ended by `Executor.cancel`."""


class Executor(Protocol):
    """A place where cells run.

    Attributes:
        jobs: cells at a time; `run` is called from that many threads.
    """

    jobs: int

    def run(self, job: Job, notify: Notify, more: bool = False) -> dict[str, Any]:
        """Runs a cell's process to its end and returns its record, done or failed.

        Args:
            job: the work.
            notify: receives the events.
            more: whether further cells wait, so that the next process may start early.

        Raises:
            Cancelled: `cancel` was called.
            OSError: something that concerns all cells, such as a full disk.
        """

    def cancel(self) -> None:
        """Ends all cells that run; later ones end at once."""

    def close(self) -> None:
        """Gives back what the executor holds; no cell runs any more."""


def failed(reason: str) -> dict[str, Any]:
    """The record of a cell that could not be trained."""
    return {"status": "failed", "error": reason}
