"""A time limit: which cells still fit, judged by how long finished cells of their kind took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from benchmarks.plan.cell import Cell
from benchmarks.results.store import Result
from benchmarks.run.estimate import KnownDurations


class TimeLimit:
    """Ends a run after some time. Used by several threads.

    A cell is started if finished cells of its kind, see `estimate.kind`, took less time than is
    left. If no cell of its kind has finished, its duration is unknown, and it is started.

    Args:
        seconds: from now on.
        results: results of earlier runs on the same hardware.
        clock: returns seconds.

    Raises:
        ValueError: `seconds` not above 0.
    """

    def __init__(
        self,
        seconds: float,
        results: Iterable[Result] = (),
        clock: Callable[[], float] = time.monotonic,
    ):
        if not seconds > 0:
            raise ValueError(f"seconds must be above 0, got {seconds}.")
        self._clock, self._end = clock, clock() + seconds
        self._lock = threading.Lock()
        self._known = KnownDurations(results)

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(self._end - self._clock(), 0.0)

    def fits(self, cell: Cell) -> bool:
        """Return whether a cell that starts now is expected to finish in time."""
        with self._lock:
            return self.left > (self._known.mean(cell) or 0.0)

    def learn(self, cell: Cell, record: Mapping[str, Any]) -> None:
        """Take the duration of a cell into account if it is done."""
        with self._lock:
            self._known.learn(cell, record)
