"""The cells on the page: where each was measured, and the data of the page's script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from attention_fer.common.progress import format_duration
from benchmarks.report.formats.figures import RowFigures, reason
from benchmarks.report.formats.footnotes import machine
from benchmarks.results.store import Result

CURVES = ("loss", "val_loss", "accuracy", "val_accuracy")
POINTS = 50  # most epochs of a curve that are drawn


@dataclass(frozen=True)
class Origin:
    """A machine with its software, at one revision of the code.

    Attributes:
        words: hardware and versions.
        revision: Git revision of the project; "" if unknown.
        cells: number of cells measured there.
        first, last: times of the first and last of them, ISO 8601.
    """

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


class PageCells:
    """Numbers the finished cells of a page, and their machines, in order of appearance."""

    def __init__(self) -> None:
        self._machines: dict[tuple[str, str], list[str]] = {}
        self._count = 0

    def add(self, row: RowFigures) -> tuple[dict[str, Any], list[CellOrigin]]:
        """Returns a row's data, and the origins of its finished and failed cells."""
        numbered = list(enumerate(row.entry.done, self._count))
        self._count += row.done
        failed = [
            CellOrigin(None, result.path.name, f"failed: {reason(result.record)}")
            for result in row.entry.failed
        ]
        return row_data(row, numbered), [*(self._done(*pair) for pair in numbered), *failed]

    def machines(self) -> list[Origin]:
        """Returns the machines of all cells so far."""
        return [
            Origin(words, revision, len(times), min(times), max(times))
            for (words, revision), times in self._machines.items()
        ]

    def _done(self, number: int, result: Result) -> CellOrigin:
        provenance = result.record["provenance"]
        key = (machine(provenance), provenance["revision"] or "")
        time = provenance["time"]
        self._machines.setdefault(key, []).append(time)
        origin = list(self._machines).index(key) + 1
        seconds = sum(float(value) for value in result.record["timing"].values())
        text = f"machine {origin}, {time}, {format_duration(seconds)} in total"
        return CellOrigin(number, result.path.name, text)


def row_data(row: RowFigures, cells: Sequence[tuple[int, Result]]) -> dict[str, Any]:
    """Returns confusion matrices and learning curves of a row, with its numbered cells."""
    entry = row.entry
    return {
        "name": f"{row.label}, {entry.target.dataset}",
        "classes": list(entry.target.classes) if entry.scores else [],
        "seeds": list(entry.seeds),
        "confusion": [score.confusion for score in entry.scores],
        "cells": [_cell(number, result) for number, result in cells],
    }


def thinned(count: int) -> list[int]:
    """Returns at most `POINTS` of `count` positions, evenly spaced, with both ends."""
    if count <= POINTS:
        return list(range(count))
    return [round(i * (count - 1) / (POINTS - 1)) for i in range(POINTS)]


def _cell(number: int, result: Result) -> dict[str, Any]:
    history = result.record["history"]
    kept = thinned(len(history))
    curves = {name: [_thousandths(history[i].get(name)) for i in kept] for name in CURVES}
    known = {name: values for name, values in curves.items() if any(v is not None for v in values)}
    cell = {
        "id": number,
        "seed": result.cell.seed,
        "fold": result.cell.fold,
        "best": result.record["metrics"]["best_epoch"],
        "epochs": len(history),
        **known,
    }
    return {**cell, "at": kept} if len(kept) < len(history) else cell


def _thousandths(value: float | None) -> int | None:
    return round(1000 * value) if value is not None and math.isfinite(value) else None
