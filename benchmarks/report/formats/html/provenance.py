"""Where every number comes from: machines, versions, revisions, and the folder of each cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.report.formats.figures import Line, reason
from benchmarks.report.formats.footnotes import machine
from benchmarks.results.store import Result
from benchmarks.run.estimate import human


@dataclass(frozen=True)
class Origin:
    """A machine with its software, at one revision of the code.

    Attributes:
        name: a number that the cells refer to.
        words: hardware and versions.
        revision: of the project, "" where none was stored.
        cells: how many were measured there.
        first, last: when.
    """

    name: int
    words: str
    revision: str
    cells: int
    first: str
    last: str


@dataclass(frozen=True)
class CellOrigin:
    """A cell's folder, with what was told of it; `number` is that of the embedded data."""

    number: int | None
    folder: str
    text: str


class Origins:
    """Numbers machines and cells as they come."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[str]] = {}
        self._cells = 0

    def cells(self, line: Line) -> list[CellOrigin]:
        """Of the done and failed cells of a row; the done ones are numbered."""
        done = [self._done(result) for result in line.entry.done]
        failed = [
            CellOrigin(None, result.path.name, f"failed: {reason(result.record)}")
            for result in line.entry.failed
        ]
        return done + failed

    def all(self) -> Sequence[Origin]:
        """The machines of all cells so far."""
        return [
            Origin(i + 1, words, revision, len(times), min(times), max(times))
            for i, ((words, revision), times) in enumerate(self._found.items())
        ]

    def _done(self, result: Result) -> CellOrigin:
        provenance = result.record["provenance"]
        key = (machine(provenance), str(provenance.get("revision") or ""))
        time = str(provenance.get("time", ""))
        self._found.setdefault(key, []).append(time)
        origin = list(self._found).index(key) + 1
        seconds = sum(float(value) for value in result.record["timing"].values())
        number, self._cells = self._cells, self._cells + 1
        words = [f"machine {origin}", time, f"{human(seconds)} in all"]
        return CellOrigin(number, result.path.name, ", ".join(filter(None, words)))
