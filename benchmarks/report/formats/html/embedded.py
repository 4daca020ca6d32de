"""The data of the page's script: learning curves and confusion matrices, in compact form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.report.formats.figures import RowFigures
from benchmarks.results.store import Result

CURVES = ("loss", "val_loss", "accuracy", "val_accuracy")
POINTS = 50  # most epochs of a curve that are drawn


def of_row(row: RowFigures, first: int) -> dict[str, Any]:
    """Returns a row's data.

    Args:
        row: the row.
        first: number of its first cell on the page; its other cells follow.
    """
    entry = row.entry
    return {
        "name": f"{row.label}, {entry.target.dataset}",
        "classes": list(entry.target.classes) if entry.scores else [],
        "seeds": list(entry.seeds),
        "confusion": [score.confusion for score in entry.scores],
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
        "best": result.record["metrics"]["best_epoch"],
        "epochs": len(history),
        **known,
    }
    return {**cell, "at": kept} if len(kept) < len(history) else cell


def thinned(count: int) -> list[int]:
    """Returns at most `POINTS` of `count` positions, evenly spaced, with both ends."""
    if count <= POINTS:
        return list(range(count))
    return [round(i * (count - 1) / (POINTS - 1)) for i in range(POINTS)]


def _thousandths(epoch: Mapping[str, Any], name: str) -> int | None:
    value = epoch.get(name)
    return round(1000 * value) if value is not None and math.isfinite(value) else None
