"""The columns of a table for readers: titles and texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.report.formats.figures import RowFigures, Section, counted
from benchmarks.statistics.paired import NO_DIFFERENCE

MINUS = "\N{MINUS SIGN}"
REASON = 60  # longer reasons are cut in a table; footnotes show them in full


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        text: returns the text of a row's cell.
        left: whether it is left-aligned.
        order: returns the number to sort by; None to sort by the text.
        help: explains the heading, if needed.
    """

    title: str
    text: Callable[[RowFigures, Section], str]
    left: bool = False
    order: Callable[[RowFigures], float | None] | None = None
    help: str = ""


def shown(columns: Sequence[Column], section: Section) -> list[Column]:
    """Returns the columns that are not empty."""
    return [c for c in columns if any(c.text(row, section) for row in section.rows)]


def heading(column: Column, section: Section) -> str:
    """Returns a column's title; that of the accuracy has the dataset and `basis`."""
    if column is ACCURACY:
        return f"{section.target.dataset} {column.title}{basis(section)}"
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
    if row.difference is None:
        return ""
    low, high = fixed(row.low, sign=True), fixed(row.high, sign=True)
    return f"{fixed(row.difference, sign=True)} [{low}, {high}]"


def verdict(row: RowFigures) -> str:
    """Returns the verdict, with the smallest detectable difference in brackets if there is none."""
    if row.verdict != NO_DIFFERENCE or row.detectable is None:
        return row.verdict
    if row.detectable >= 100:
        return f"{NO_DIFFERENCE} (none could be)"
    return f"{NO_DIFFERENCE} (from {row.detectable:.1f})"


def _accuracy(row: RowFigures, section: Section) -> str:
    if row.accuracy is None:
        return state(row)
    seeds = gaps(row) or ("" if section.seeds else counted(row.seeds, "seed"))
    n = "" if section.n else f"n = {row.n:,}"
    found = ", ".join(filter(None, [seeds, n]))
    return accuracy(row) + (f" ({found})" if found else "")


def _big(value: int | None) -> str:
    return f"{value:,}" if value is not None else ""


ACCURACY = Column("accuracy %", _accuracy, order=lambda f: f.accuracy)
NETWORK = (
    Column("backbone", lambda f, _: f.backbone, left=True),
    Column("attention", lambda f, _: f.attention, left=True),
    Column("setting", lambda f, _: f.setting, left=True),
    Column("parameters", lambda f, _: _big(f.parameters), order=lambda f: f.parameters),
    Column("multiply-adds", lambda f, _: _big(f.multiply_adds), order=lambda f: f.multiply_adds),
    Column(
        "step time",
        lambda f, _: times(f.step_ratio),
        order=lambda f: f.step_ratio,
        help="time of a training step relative to the same backbone without attention",
    ),
    Column(
        "latency",
        lambda f, _: times(f.latency_ratio),
        order=lambda f: f.latency_ratio,
        help="time to predict one image relative to the same backbone without attention",
    ),
)
BEST = Column(
    "best seed %",
    lambda f, s: fixed(f.best_seed) if s.picked else "",
    order=lambda f: f.best_seed,
    help="the highest test accuracy of a seed",
)
DIFFERENCE = Column(
    "difference",
    lambda f, _: difference(f),
    order=lambda f: f.difference,
    help="accuracy minus that of the reference, in percentage points, with a 95 % interval",
)
VERDICT = Column("verdict", lambda f, _: verdict(f), left=True)
MACRO_F1 = Column("macro F1 %", lambda f, _: fixed(f.macro_f1), order=lambda f: f.macro_f1)
PUBLISHED = Column("published %", lambda f, _: fixed(f.published), order=lambda f: f.published)

SHORT = (*NETWORK, ACCURACY, DIFFERENCE, VERDICT, MACRO_F1, BEST, PUBLISHED)
FULL = (
    *NETWORK,
    ACCURACY,
    DIFFERENCE,
    Column(
        "p",
        lambda f, _: p_value(f.p_holm),
        order=lambda f: f.p_holm,
        help="p-value of no difference, adjusted for all comparisons of the report (Holm)",
    ),
    VERDICT,
    MACRO_F1,
    Column(
        "ECE %",
        lambda f, _: fixed(f.calibration_error),
        order=lambda f: f.calibration_error,
        help="expected calibration error: mean distance between confidence and accuracy",
    ),
    Column(
        "without duplicates %",
        lambda f, _: fixed(f.without_duplicates),
        order=lambda f: f.without_duplicates,
        help="accuracy on the test images that duplicate no other image",
    ),
    BEST,
    PUBLISHED,
    Column(
        "ours minus published",
        lambda f, _: fixed(f.beyond_published, sign=True),
        order=lambda f: f.beyond_published,
        help="accuracy minus the published accuracy, in percentage points",
    ),
)
