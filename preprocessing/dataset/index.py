"""``index.csv`` and ``dropped.csv`` of a prepared dataset: their columns, and reading them."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from preprocessing.sources import Rejected

INDEX = "index.csv"
MEND = "prepare it again with `python -m preprocessing.run ... --overwrite`"
COLUMNS = ("label", "subject", "split", "source", "x", "y", "width", "height", "score")
DROPPED_COLUMNS = ("source", "reason", "detail", "label")
_REPEATING = COLUMNS[:3]
_BLOCK = 2**20  # bytes read at once


def column_names(path: Path) -> tuple[str, ...]:
    """Names of all columns of an index. Raises ValueError if they do not begin with `COLUMNS`."""
    return _header(path, read_cells(path))


def read_rows(path: Path, names: Sequence[str]) -> Iterator[list[str]]:
    """The cells of the named columns of an index, row by row.

    Raises:
        ValueError: other columns than expected, no such column, or a damaged line.
    """
    lines = read_cells(path)
    header = _header(path, lines)
    unknown = [name for name in names if name not in header]
    if unknown:
        raise ValueError(f"{path} has no column {unknown[0]!r}, it has {', '.join(header)}")
    places = [header.index(name) for name in names]
    for _, cells in lines:
        yield [cells[place] for place in places]


def read_columns(path: Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """The named columns of an index, object (n,) of str each. Raises ValueError as `read_rows`.

    An array of fixed width would give every row the room of the longest cell.
    """
    found: list[list[str]] = [[] for _ in names]
    # One string object for all equal cells; where no two are alike this would only cost.
    known: list[dict[str, str] | None] = [{} if n in _REPEATING else None for n in names]
    for cells in read_rows(path, names):
        for column, same, cell in zip(found, known, cells, strict=True):
            column.append(cell if same is None else same.setdefault(cell, cell))
    return {name: np.array(column, dtype=object) for name, column in zip(names, found, strict=True)}


def read_some(path: Path, name: str, rows: Collection[int]) -> dict[int, str]:
    """One column of an index in some rows alone, by row. Raises ValueError as `read_rows`."""
    wanted = set(rows)
    found: dict[int, str] = {}
    if wanted:
        for row, (cell,) in enumerate(read_rows(path, (name,))):
            if row in wanted:
                found[row] = cell
                if len(found) == len(wanted):
                    break
    return found


def read_dropped(path: Path) -> Iterator[Rejected]:
    """The items of a ``dropped.csv``, one by one.

    Raises:
        ValueError: other columns than `DROPPED_COLUMNS`, or a damaged line.
    """
    lines = read_cells(path)
    _, header = next(lines, (0, []))
    if tuple(header) != DROPPED_COLUMNS:
        raise ValueError(
            f"{path} has the columns {', '.join(header) or 'none'}, "
            f"expected {', '.join(DROPPED_COLUMNS)}; {MEND}"
        )
    for _, cells in lines:
        yield Rejected(*cells)


def read_cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line of a CSV file, its header first.

    Raises:
        ValueError: the file cannot be read as text or as CSV, or a line is not as long as the
            header; the message names the line.
    """
    with open(path, encoding="utf-8", newline="") as stream:
        lines = csv.reader(stream)
        length = None
        try:
            for cells in lines:
                length = len(cells) if length is None else length
                if len(cells) != length:
                    raise ValueError(
                        f"{path}, line {lines.line_num}: {len(cells)} cells, expected {length}: "
                        f"the file is damaged; {MEND}"
                    )
                yield lines.line_num, cells
        except (csv.Error, UnicodeDecodeError) as error:
            found = " is not a readable CSV file"
            if length is not None:
                found = f", line {lines.line_num}: not readable"
            raise ValueError(f"{path}{found} ({error}); {MEND}") from error


def sha256(path: Path) -> str:
    """The hash of a file's bytes, 64 hexadecimal digits."""
    found = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(_BLOCK):
            found.update(block)
    return found.hexdigest()


def _header(path: Path, lines: Iterator[tuple[int, list[str]]]) -> tuple[str, ...]:
    header = tuple(next(lines, (0, []))[1])
    if header[: len(COLUMNS)] != COLUMNS:
        raise ValueError(
            f"{path} starts with the columns {', '.join(header) or 'none'}, "
            f"expected {', '.join(COLUMNS)}; {MEND}"
        )
    return header
