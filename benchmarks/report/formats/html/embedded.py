"""What the page's script draws on demand: learning curves and confusion matrices, compactly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.report.formats.csv_file import class_names
from benchmarks.report.formats.figures import Line
from benchmarks.results.store import Result

CURVES = ("loss", "val_loss", "accuracy", "val_accuracy")
# Epochs of a curve that are drawn at most.
POINTS = 50


def of_line(line: Line, first: int) -> dict[str, Any]:
    """A row's data.

    Args:
        line: the row.
        first: number of its first cell on the page; the others follow it.
    """
    entry = line.entry
    confusion = [score.confusion for score in entry.scores]
    return {
        "name": f"{entry.row.label}, {entry.target.dataset}",
        "classes": class_names(line, len(confusion[0])) if confusion else [],
        "seeds": list(entry.seeds),
        "confusion": confusion,
        "cells": [_cell(result, first + i) for i, result in enumerate(entry.done)],
    }


def _cell(result: Result, number: int) -> dict[str, Any]:
    history = result.record["history"]
    kept = thinned(len(history))
    curves = {name: [_thousandths(history[i], name) for i in kept] for name in CURVES}
    known = {name: values for name, values in curves.items() if any(v is not None for v in values)}
    cell = {
        "id": number,
        "seed": result.cell.seed,
        "fold": result.cell.fold,
        "best": result.record["metrics"].get("best_epoch"),
        "epochs": len(history),
        **known,
    }
    return {**cell, "at": kept} if len(kept) < len(history) else cell


def thinned(count: int) -> list[int]:
    """Positions of at most `POINTS` of `count` epochs, evenly spread, first and last among them."""
    if count <= POINTS:
        return list(range(count))
    return [round(i * (count - 1) / (POINTS - 1)) for i in range(POINTS)]


def _thousandths(epoch: Mapping[str, Any], name: str) -> int | None:
    value = epoch.get(name)
    return round(1000 * value) if value is not None and math.isfinite(value) else None


def count(lines: Sequence[Line]) -> int:
    """Cells that the rows have done."""
    return sum(len(line.entry.done) for line in lines)
