"""What the runner asks of a place where cells run."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.train.devices import Execution

# Takes the events of a cell's process, see `worker`.
Tell = Callable[[Mapping[str, Any]], None]

LOG = "log.txt"
# Errors that concern all cells: what they write to is full.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What may help a cell that ran out of memory.
ADVICE = "Out of memory: a smaller --batch-size or fewer --jobs may help."


@dataclass(frozen=True)
class Job:
    """The work of one cell.

    Attributes:
        spec: the cell's.
        dataset: folder of its prepared dataset on this machine.
        folder: empty working folder on this machine, to be filled with what the cell leaves.
        table: Python file of a user's table, imported before the cell is made; None for none.
        execution: how it is computed.
        more: whether further cells of the same backend wait for their turn.
        reference: spec of a cell beside which this one's cost is measured instead of training it.
        teacher: folder of the result of the cell's teacher on this machine; None without one.
        keep: whether the trained network is stored, too.
    """

    spec: Mapping[str, Any]
    dataset: Path
    folder: Path
    table: Path | None = None
    execution: Execution = field(default_factory=Execution)
    more: bool = False
    reference: Mapping[str, Any] | None = None
    teacher: Path | None = None
    keep: bool = False


class Cancelled(Exception):  # noqa: N818  # not an error: it was asked for
    """The cell was ended by `Executor.cancel`."""


class Executor(Protocol):
    """A place where cells run.

    Attributes:
        jobs: cells at a time; `run` is called from that many threads.
    """

    jobs: int

    def run(self, job: Job, tell: Tell) -> dict[str, Any]:
        """Runs a cell's process to its end and returns its record, done or failed.

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
