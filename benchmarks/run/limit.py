"""A time limit: which cells still fit, judged by how long finished cells of their kind took."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from benchmarks.plan.cell import Cell
from benchmarks.results.store import Result
from benchmarks.run import estimate


class TimeLimit:
    """Ends a run after some time. Used by several threads.

    A cell is started if cells of its kind, which differ in attention or seed alone, took less time
    than is left. Of a kind of which none is finished nothing is known, so such a cell is started.

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
        self._known: dict[Cell, list[float]] = {}
        for result in results:
            self.learn(result.cell, result.record)

    @property
    def left(self) -> float:
        """Seconds that are left, at least 0."""
        return max(self._end - self._clock(), 0.0)

    def fits(self, cell: Cell) -> bool:
        """Return whether a cell that starts now is expected to finish in time."""
        with self._lock:
            took = self._known.get(estimate.kind(cell))
        return self.left > (sum(took) / len(took) if took else 0.0)

    def learn(self, cell: Cell, record: Mapping[str, Any]) -> None:
        """Take the duration of a finished cell into account; failed ones tell nothing."""
        if record["status"] == "done":
            with self._lock:
                took = self._known.setdefault(estimate.kind(cell), [])
                took.append(sum(record["timing"].values()))
