"""``index.csv`` of a prepared dataset: its columns, and reading some of them."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

INDEX = "index.csv"
MEND = "prepare it again with `python -m preprocessing.run ... --overwrite`"
COLUMNS = ("label", "subject", "split", "source", "x", "y", "width", "height", "score")


def column_names(path: Path) -> tuple[str, ...]:
    """Names of all columns. Raises ValueError if they do not begin with `COLUMNS`."""
    with open(path, encoding="utf-8", newline="") as stream:
        return _header(path, csv.reader(stream))


def read_rows(path: Path, names: Sequence[str]) -> Iterator[list[str]]:
    """The cells of the named columns, row by row.

    Raises:
        ValueError: other columns than expected, no such column, or a damaged line.
    """
    with open(path, encoding="utf-8", newline="") as stream:
        lines = csv.reader(stream)
        header = _header(path, lines)
        unknown = [name for name in names if name not in header]
        if unknown:
            raise ValueError(f"{path} has no column {unknown[0]!r}, it has {', '.join(header)}")
        places = [header.index(name) for name in names]
        for cells in lines:
            if len(cells) != len(header):
                raise ValueError(
                    f"{path}, line {lines.line_num}: {len(cells)} cells, expected {len(header)}: "
                    f"the file is damaged; {MEND}"
                )
            yield [cells[place] for place in places]


def read_columns(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The named columns, str (n,) each. Raises ValueError as `read_rows`."""
    # Labels and splits repeat: one string object each keeps the lists small.
    found: list[list[str]] = [[] for _ in names]
    for cells in read_rows(path, names):
        for column, cell in zip(found, cells, strict=True):
            column.append(sys.intern(cell))
    return {name: np.array(column, dtype=str) for name, column in zip(names, found, strict=True)}


def _header(path: Path, lines: Iterator[list[str]]) -> tuple[str, ...]:
    try:
        header = tuple(next(lines, ()))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a readable CSV file ({error}); {MEND}") from error
    if header[: len(COLUMNS)] != COLUMNS:
        raise ValueError(
            f"{path} starts with the columns {', '.join(header) or 'none'}, "
            f"expected {', '.join(COLUMNS)}; {MEND}"
        )
    return header
