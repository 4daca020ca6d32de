"""Stores with the results what a row costs relative to its backbone without attention."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from attention_fer.common.files import write_json
from benchmarks.plan.cell import Cell

FOLDER = "costs"
SCHEMA_VERSION = 1


def read(root: Path, cell: Cell) -> dict[str, Any] | None:
    """Return the stored cost of a cell's network; None if it was not measured or is unreadable."""
    try:
        content = json.loads(_path(root, cell).read_text(encoding="utf-8"))
        return content["cost"] if content["schema_version"] == SCHEMA_VERSION else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write(root: Path, cell: Cell, cost: Mapping[str, Any], provenance: Mapping[str, Any]) -> None:
    """Store the cost of a cell's network, see `benchmarks.train.cost`. Raises OSError."""
    record = {"schema_version": SCHEMA_VERSION, "spec": cell.spec, "cost": cost}
    write_json(_path(root, cell), {**record, "provenance": provenance})


def _path(root: Path, cell: Cell) -> Path:
    """Return the file that all seeds and folds of a network share."""
    whole = replace(cell, seed=0, fold=0, target=replace(cell.target, folds=("",)))
    return root / FOLDER / f"{whole.slug}.json"
