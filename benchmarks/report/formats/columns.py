"""The columns of a table for readers: titles and texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.report.formats.figures import RowFigures, Section, counted
from benchmarks.statistics.paired import NO_DIFFERENCE

MINUS = "\N{MINUS SIGN}"
# Where there is no room for all columns, the answer comes first.
_RANKS = {
    "backbone": 0,
    "attention": 0,
    "accuracy %": 1,
    "setting": 2,
    "difference": 3,
    "verdict": 4,
}
REASON = 60  # longer reasons are cut in a table; footnotes show them in full


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        figure: the figure of `RowFigures` that it shows.
        text: returns the text of a row's cell.
        left: whether it is left-aligned and sorted by its text instead of `figure`.
        help: explains the heading, if needed.
        detail: whether only the HTML page has it.
    """

    title: str
    figure: str
    text: Callable[[RowFigures, Section], str]
    left: bool = False
    help: str = ""
    detail: bool = False


def rank(column: Column) -> int:
    """Returns 0 for a column that names the row, more for one that can be missed sooner."""
    return _RANKS.get(column.title, 6 if column.detail else 5)


def shown(columns: Sequence[Column], section: Section) -> list[Column]:
    """Returns the columns that are not empty."""
    return [c for c in columns if any(c.text(row, section) for row in section.rows)]


def heading(column: Column, section: Section) -> str:
    """Returns a column's title; that of the accuracy has the dataset and `basis`."""
    if column is ACCURACY:
        return f"{section.target.dataset} {column.title}{basis(section)}"
    n, copies = section.n, section.n_copies
    if copies is not None and n is not None:
        counts = {"all images %": n, "without copies %": n - copies, "on copies %": copies}
        if column in COPIES and column.title in counts:
            return f"{column.title} (n = {counts[column.title]:,})"
    return column.title


def basis(section: Section) -> str:
    """Returns ` (n = 200, 3 seeds)`, without what rows differ in; "" if nothing is left."""
    n = f"n = {section.n:,}" if section.n else ""
    seeds = counted(section.seeds, "seed") if section.seeds else ""
    found = ", ".join(filter(None, [n, seeds]))
    return f" ({found})" if found else ""


def texts(columns: Sequence[Column], row: RowFigures, section: Section) -> list[str]:
    """Returns the texts of a row's cells."""
    return [column.text(row, section) for column in columns]


def fixed(value: float | None, sign: bool = False, digits: int = 2) -> str:
    """Returns a rounded number, never "-0.00"; "" for None."""
    if value is None:
        return ""
    return f"{round(value, digits) + 0.0:{'+' if sign else ''}.{digits}f}"


def times(ratio: float | None) -> str:
    """Returns `1.25x`; "" for None."""
    return "" if ratio is None else f"{ratio:.2f}x"


def p_value(value: float | None) -> str:
    """Returns three digits or `<0.001`; "" for None."""
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def accuracy(row: RowFigures) -> str:
    """Returns `62.50 ± 1.50`, mean and standard deviation."""
    spread = "" if row.sd is None else f" ± {fixed(row.sd)}"
    return fixed(row.accuracy) + spread


def gaps(row: RowFigures) -> str:
    """Returns `3 of 5 seeds, 2 cells failed`; "" if the row is complete."""
    if row.complete:
        return ""
    parts = [f"{row.seeds} of {counted(row.seeds_planned, 'seed')}"]
    if row.failed:
        parts.append(f"{counted(row.failed, 'cell')} failed")
    return ", ".join(parts)


def state(row: RowFigures) -> str:
    """Returns why there is no accuracy: `missing`, `failed: reason` or `1 of 3 cells`."""
    if row.failed:
        cut = row.reason if len(row.reason) <= REASON else row.reason[:REASON] + "…"
        return f"failed: {cut}"
    if row.done:
        return f"{row.done} of {counted(row.done + row.missing, 'cell')}"
    return "missing"


def difference(row: RowFigures) -> str:
    """Returns `+1.20 [-0.30, +2.70]`, the difference with its 95 % interval."""
    return _interval(row.difference, row.low, row.high)


def difference_without_copies(row: RowFigures) -> str:
    """Returns the same without the images that equal a training image."""
    return _interval(row.difference_without_copies, row.low_without_copies, row.high_without_copies)


def _interval(middle: float | None, low: float | None, high: float | None) -> str:
    if middle is None:
        return ""
    signed = [fixed(value, sign=True) for value in (middle, low, high)]
    return f"{signed[0]} [{signed[1]}, {signed[2]}]"


def verdict(row: RowFigures) -> str:
    """Returns the verdict, with the smallest detectable difference in brackets if there is none."""
    if row.verdict != NO_DIFFERENCE or row.detectable is None:
        return row.verdict
    if row.detectable >= 100:
        return f"{NO_DIFFERENCE} (too few data to detect any)"
    return f"{NO_DIFFERENCE} (from {row.detectable:.1f})"


def _accuracy(row: RowFigures, section: Section) -> str:
    if row.accuracy is None:
        return state(row)
    seeds = gaps(row) or ("" if section.seeds else counted(row.seeds, "seed"))
    n = "" if section.n else f"n = {row.n:,}"
    found = ", ".join(filter(None, [seeds, n]))
    return accuracy(row) + (f" ({found})" if found else "")


def _grouped(value: int | None) -> str:
    return f"{value:,}" if value is not None else ""


def _column(title: str, figure: str, text: Callable[[Any], str] = fixed, **more: Any) -> Column:
    """A column whose text depends on its figure alone."""
    return Column(title, figure, lambda row, _: text(getattr(row, figure)), **more)


NETWORK = (
    _column("backbone", "backbone", str, left=True),
    _column("attention", "attention", str, left=True),
    _column("setting", "setting", str, left=True),
    _column("parameters", "parameters", _grouped),
    _column("multiply-adds", "multiply_adds", _grouped),
    _column(
        "step time",
        "step_ratio",
        times,
        help="time of a training step relative to the same backbone without attention",
    ),
    _column(
        "latency",
        "latency_ratio",
        times,
        help="time to predict one image relative to the same backbone without attention",
    ),
)
_OF_COPIES = (
    _column(
        "without copies %",
        "without_copies",
        help="accuracy on the test images that equal no training image",
        detail=True,
    ),
    Column(
        "difference without copies",
        "difference_without_copies",
        lambda row, _: difference_without_copies(row),
        help="the difference on these images, with a 95 % interval",
        detail=True,
    ),
    _column(
        "on copies %",
        "on_copies",
        help="accuracy on the test images that equal a training image",
        detail=True,
    ),
    _column(
        "all minus without",
        "worth_of_copies",
        lambda value: fixed(value, sign=True),
        help="accuracy on all test images minus that without copies, in percentage points",
        detail=True,
    ),
)
ACCURACY = Column("accuracy %", "accuracy", _accuracy)
FULL = (
    *NETWORK,
    ACCURACY,
    Column(
        "difference",
        "difference",
        lambda row, _: difference(row),
        help="accuracy minus that of the reference, in percentage points, with a 95 % interval",
    ),
    _column(
        "p",
        "p_holm",
        p_value,
        help="p-value of no difference, adjusted for all comparisons of the report (Holm)",
        detail=True,
    ),
    Column("verdict", "verdict", lambda row, _: verdict(row), left=True),
    _column("macro F1 %", "macro_f1"),
    _column(
        "ECE %",
        "calibration_error",
        help="expected calibration error: mean distance between confidence and accuracy",
        detail=True,
    ),
    _column(
        "without duplicates %",
        "without_duplicates",
        help="accuracy on the test images that duplicate no other image",
        detail=True,
    ),
    *_OF_COPIES,
    Column(
        "best seed %",
        "best_seed",
        lambda row, section: fixed(row.best_seed) if section.picked else "",
        help="the highest test accuracy of a seed",
    ),
    _column("published %", "published"),
    _column(
        "ours minus published",
        "beyond_published",
        lambda value: fixed(value, sign=True),
        help="accuracy minus the published accuracy, in percentage points",
        detail=True,
    ),
)
SHORT = tuple(column for column in FULL if not column.detail)
COPIES = (
    *NETWORK[:3],
    _column("all images %", "accuracy"),
    *_OF_COPIES,
)
