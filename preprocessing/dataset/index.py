"""`index.csv` and `dropped.csv` of a prepared dataset: their columns, and how to read them."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from attention_fer.common.checks import one_of
from preprocessing.sources import SPLITS, Rejected

INDEX = "index.csv"
REPAIR_HINT = "Prepare the dataset again with `python -m preprocessing.run ... --overwrite`."
COLUMNS = ("label", "subject", "split", "source", "x", "y", "width", "height", "score")
DROPPED_COLUMNS = ("source", "reason", "detail", "label")

OnProblem = Callable[[Exception], None]
"""Receives each problem of a prepared folder as an exception that says where it is and what to do.

If it raises, reading stops; if it returns, reading continues with the next problem.
"""


def raise_problem(problem: Exception) -> None:
    """The `OnProblem` that stops at the first problem."""
    raise problem


@dataclass(frozen=True, eq=False)
class IndexRow:
    """One image of a prepared dataset and its line of the index.

    Attributes:
        image: uint8 (height, width) or (height, width, channels), the same shape in every row.
        label, subject, split, source: as in `sources.Sample`.
        box: x, y, width, height of the face in source pixels; None if none was detected.
        score: the detector's confidence in 0..1; None if it gave none.
        more: values of the dataset's further columns, as in `sources.Sample`.
    """

    image: np.ndarray
    label: str
    subject: str
    split: str
    source: str
    box: tuple[float, float, float, float] | None = None
    score: float | None = None
    more: Mapping[str, str | int | float] = field(default_factory=dict)

    def cells(self, columns: Sequence[str]) -> list[str | int | float]:
        """The cells of `COLUMNS` and of the further columns."""
        box = self.box or ("", "", "", "")
        score = "" if self.score is None else self.score
        more = (self.more[name] for name in columns)
        return [self.label, self.subject, self.split, self.source, *box, score, *more]


@dataclass(frozen=True, eq=False)
class Index:
    """What an index says of n images, without their sources.

    Attributes:
        header: names of all columns.
        labels: int64 (n,), positions in the classes; None if a label is not one of them.
        subjects: object (n,) of str, "" if unknown.
        splits: object (n,) of str: "train", "validation", "test" or "".
        boxes: number of rows with the box of a face.
    """

    header: tuple[str, ...]
    labels: np.ndarray | None
    subjects: np.ndarray
    splits: np.ndarray
    boxes: int

    def __len__(self) -> int:
        return len(self.splits)

    def counts(self, classes: Sequence[str]) -> dict[str, dict[str, int]]:
        """Number of images by split and class."""
        assert self.labels is not None
        result = {}
        for split in sorted(set(self.splits.tolist()), key=[*SPLITS, ""].index):
            numbers = np.bincount(self.labels[self.splits == split], minlength=len(classes))
            result[split] = dict(zip(classes, numbers.tolist(), strict=True))
        return result


def read_index(
    path: Path, classes: Sequence[str] | None, on_problem: OnProblem = raise_problem
) -> Index | None:
    """Reads an index and checks each cell.

    Args:
        path: the file.
        classes: the class names; None if they are unknown.
        on_problem: receives a ValueError for each kind of damage, with its first example.

    Returns:
        The index, or None if rows are not whole or belong to no known split.
    """
    found: dict[str, list[str]] = {}  # examples of each kind of damage
    columns: tuple[list[str], ...] = ([], [], [])
    boxes = 0
    try:
        lines = _lines(path)
        header = _header(path, lines)
        for line, cells in lines:
            for kind, example in _damage(cells, len(header), classes, line):
                found.setdefault(kind, []).append(example)
            if len(cells) == len(header):
                for column, cell in zip(columns, cells[:3], strict=True):
                    column.append(sys.intern(cell))  # one object for all equal cells
                boxes += any(cells[4:8])
    except (ValueError, OSError) as error:
        on_problem(ValueError(str(error)))
        return None
    for kind, (first, *others) in found.items():
        more = f", and {len(others):,} more" if others else ""
        on_problem(ValueError(f"{path} has {kind}: {first}{more}. {REPAIR_HINT}"))
    if _LINES in found or _SPLIT in found:
        return None
    labels, subjects, splits = (np.array(column, dtype=object) for column in columns)
    numbers = None
    if classes is not None and _LABEL not in found:
        position = {name: number for number, name in enumerate(classes)}
        numbers = np.array([position[name] for name in labels.tolist()], dtype=np.int64)
    return Index(header, numbers, subjects, splits, boxes)


def column_names(path: Path) -> tuple[str, ...]:
    """Names of all columns of an index. Raises ValueError if they do not begin with `COLUMNS`."""
    return _header(path, read_cells(path))


def read_rows(path: Path, names: Sequence[str]) -> Iterator[list[str]]:
    """The cells of the named columns of an index, row by row.

    Raises:
        ValueError: unexpected columns, no column of a given name, or a damaged line.
    """
    lines = read_cells(path)
    header = _header(path, lines)
    places = [header.index(one_of(f"column of {path}", name, header)) for name in names]
    for _, cells in lines:
        yield [cells[place] for place in places]


def read_column(path: Path, name: str) -> np.ndarray:
    """One column of an index, object (n,) of str. Raises ValueError as `read_rows`.

    An array of fixed width would give every row the memory of the longest cell.
    """
    repeats = name in COLUMNS[:3]  # these get one object for all equal cells
    cells = [sys.intern(cell) if repeats else cell for (cell,) in read_rows(path, (name,))]
    return np.array(cells, dtype=object)


def read_some(path: Path, name: str, rows: Collection[int]) -> dict[int, str]:
    """One column of an index in a few rows, by row. Raises ValueError as `read_rows`."""
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
    """The items of a `dropped.csv`, one by one.

    Raises:
        ValueError: other columns than `DROPPED_COLUMNS`, or a damaged line.
    """
    lines = read_cells(path)
    _, header = next(lines, (0, []))
    if tuple(header) != DROPPED_COLUMNS:
        raise ValueError(
            f"{path} must have the columns {', '.join(DROPPED_COLUMNS)}, "
            f"got {', '.join(header) or 'none'}. {REPAIR_HINT}"
        )
    for _, cells in lines:
        yield Rejected(*cells)


def read_cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line of a CSV file, its header first.

    Raises:
        ValueError: the file is not readable as text or as CSV, or a line is not as long as the
            header; the message names the line.
    """
    length = None
    for line, cells in _lines(path):
        length = len(cells) if length is None else length
        if len(cells) != length:
            raise ValueError(
                f"{path}, line {line}: {len(cells)} cells, expected {length}; the file is damaged. "
                f"{REPAIR_HINT}"
            )
        yield line, cells


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of each line, however many cells it has."""
    with open(path, encoding="utf-8", newline="") as stream:
        lines = csv.reader(stream)
        try:
            for cells in lines:
                yield lines.line_num, cells
        except (csv.Error, UnicodeDecodeError) as error:
            place = f", line {lines.line_num}," if lines.line_num else ""
            raise ValueError(
                f"{path}{place} is not readable CSV ({error}). {REPAIR_HINT}"
            ) from error


def _header(path: Path, lines: Iterator[tuple[int, list[str]]]) -> tuple[str, ...]:
    header = tuple(next(lines, (0, []))[1])
    if header[: len(COLUMNS)] != COLUMNS or len(set(header)) != len(header):
        raise ValueError(
            f"{path} must begin with the columns {', '.join(COLUMNS)}, and no column may occur "
            f"twice; got {', '.join(header) or 'none'}. {REPAIR_HINT}"
        )
    return header


_LINES = "damaged lines"
_LABEL = "labels that are not among the classes"
_SPLIT = f"splits other than {', '.join(SPLITS)} or none"


def _damage(
    cells: list[str], length: int, classes: Sequence[str] | None, line: int
) -> Iterator[tuple[str, str]]:
    """What is impossible in a row: kinds of damage, each with the example that the row gives."""
    if len(cells) != length:
        yield _LINES, f"line {line} has {len(cells)} cells, expected {length}"
        return
    label, _, split, source, x, y, width, height, score = cells[: len(COLUMNS)]
    if classes is not None and label not in classes:
        yield _LABEL, f"{label!r} in line {line}"
    if split and split not in SPLITS:
        yield _SPLIT, f"{split!r} in line {line}"
    if not source:
        yield "images without a source", f"line {line}"
    if any(box := (x, y, width, height)):
        numbers = [_number(cell) for cell in box]
        if not all(map(math.isfinite, numbers)) or min(numbers[2:]) <= 0:
            kind = "boxes that cannot lie in a photograph"
            yield kind, f"x, y, width, height {', '.join(box)} in line {line}"
    if score and not 0 <= _number(score) <= 1:
        yield "scores outside 0 to 1", f"{score!r} in line {line}"


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
