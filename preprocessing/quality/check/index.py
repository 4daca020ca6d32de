"""``index.csv`` cell by cell."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from preprocessing.dataset.index import COLUMNS, INDEX, MEND
from preprocessing.quality.check.report import Report, Tally
from preprocessing.sources import SPLITS

_LINES = f"{INDEX} has damaged lines"


@dataclass(frozen=True, eq=False)
class Columns:
    """What a check needs of the index.

    Attributes:
        header: names of all columns.
        labels: int64 (n,), positions in the classes; None if some are none of them.
        splits, subjects: object (n,) of str.
        boxes: number of rows with a box.
    """

    header: tuple[str, ...]
    labels: np.ndarray | None
    splits: np.ndarray
    subjects: np.ndarray
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


def read_index(path: Path, classes: Sequence[str] | None, report: Report) -> Columns | None:
    """Read the index; None if rows cannot be told apart or belong to no split."""
    if not path.is_file():
        return None
    found = Tally()
    columns: tuple[list[str], ...] = ([], [], [])
    known: dict[str, str] = {}  # one string object for all equal cells
    boxes = 0
    header: tuple[str, ...] = ()
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            lines = csv.reader(stream)
            header = tuple(next(lines, ()))
            if header[: len(COLUMNS)] != COLUMNS or len(set(header)) != len(header):
                report.error(
                    f"{INDEX} has the columns {', '.join(header) or 'none'}, expected "
                    f"{', '.join(COLUMNS)} and then others, each once; {MEND}"
                )
                return None
            for cells in lines:
                if _whole(cells, len(header), lines.line_num, found):
                    for column, cell in zip(columns, cells[:3], strict=True):
                        column.append(known.setdefault(cell, cell))
                    boxes += any(cells[4:8])
                    _examine(cells, classes, lines.line_num, found)
    except (csv.Error, ValueError, OSError) as error:
        report.error(f"{INDEX} is not readable after row {len(columns[0]):,} ({error}); {MEND}")
        return None
    for line in found.lines():
        report.error(f"{line}; {MEND}")
    if _LINES in found or _SPLIT in found:
        return None
    labels, subjects, splits = (np.array(column, dtype=object) for column in columns)
    numbers = None if classes is None or _LABEL in found else _numbers(labels, classes)
    return Columns(header, numbers, splits, subjects, boxes)


def _numbers(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    position = {name: number for number, name in enumerate(classes)}
    return np.array([position[name] for name in labels.tolist()], dtype=np.int64)


def _whole(cells: list[str], count: int, line: int, found: Tally) -> bool:
    if len(cells) != count:
        found.add(_LINES, f"line {line} has {len(cells)} cells, expected {count}")
    return len(cells) == count


_LABEL = f"{INDEX} has labels that are none of the classes"
_SPLIT = f"{INDEX} has splits that are none of {', '.join(SPLITS)} or nothing"
_BOX = f"{INDEX} has boxes that are no place in a photograph"
_SCORE = f"{INDEX} has scores outside 0 to 1"
_SOURCE = f"{INDEX} has images of no source"


def _examine(cells: list[str], classes: Sequence[str] | None, line: int, found: Tally) -> None:
    """Tell what is impossible in a row of the right length."""
    label, _, split, source, x, y, width, height, score = cells[: len(COLUMNS)]
    if classes is not None and label not in classes:
        found.add(_LABEL, f"{label!r} in line {line}")
    if split and split not in SPLITS:
        found.add(_SPLIT, f"{split!r} in line {line}")
    if not source:
        found.add(_SOURCE, f"line {line}")
    box = (x, y, width, height)
    if any(box) and not _is_box(box):
        found.add(_BOX, f"x, y, width, height {', '.join(box)} in line {line}")
    if score and not any(0 <= value <= 1 for value in _finite([score])):
        found.add(_SCORE, f"{score!r} in line {line}")


def _is_box(cells: Sequence[str]) -> bool:
    numbers = list(_finite(cells))
    return len(numbers) == 4 and numbers[2] > 0 and numbers[3] > 0


def _finite(cells: Sequence[str]) -> Iterator[float]:
    for cell in cells:
        try:
            value = float(cell)
        except ValueError:
            continue
        if math.isfinite(value):
            yield value
