"""Provenance of the numbers: machines, versions, revisions, and the folder of each cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.report.formats.figures import RowFigures, reason
from benchmarks.report.formats.footnotes import machine
from benchmarks.results.store import Result
from benchmarks.run.estimate import human


@dataclass(frozen=True)
class Origin:
    """A machine with its software, at one revision of the code.

    Attributes:
        name: a number that the cells refer to.
        words: hardware and versions.
        revision: of the project; "" if unknown.
        cells: number of cells measured there.
        first, last: times of the first and last of them, ISO 8601.
    """

    name: int
    words: str
    revision: str
    cells: int
    first: str
    last: str


@dataclass(frozen=True)
class CellOrigin:
    """The folder of a cell and a text about it; `number` is that in the embedded data."""

    number: int | None
    folder: str
    text: str


class Origins:
    """Numbers machines and cells in order of appearance."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], list[str]] = {}
        self._cells = 0

    def cells(self, row: RowFigures) -> list[CellOrigin]:
        """Returns the origins of a row's finished cells, which are numbered, and failed cells."""
        done = [self._done(result) for result in row.entry.done]
        failed = [
            CellOrigin(None, result.path.name, f"failed: {reason(result.record)}")
            for result in row.entry.failed
        ]
        return done + failed

    def all(self) -> Sequence[Origin]:
        """Returns the machines of all cells so far."""
        return [
            Origin(i + 1, words, revision, len(times), min(times), max(times))
            for i, ((words, revision), times) in enumerate(self._found.items())
        ]

    def _done(self, result: Result) -> CellOrigin:
        provenance = result.record["provenance"]
        key = (machine(provenance), provenance["revision"] or "")
        time = provenance["time"]
        self._found.setdefault(key, []).append(time)
        origin = list(self._found).index(key) + 1
        seconds = sum(float(value) for value in result.record["timing"].values())
        number, self._cells = self._cells, self._cells + 1
        text = f"machine {origin}, {time}, {human(seconds)} in total"
        return CellOrigin(number, result.path.name, text)
