"""The columns of a table for people: titles and texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.report.formats.figures import Figures, Line, Section, counted
from benchmarks.statistics.verdict import NOTHING

MINUS = "\N{MINUS SIGN}"
# Longer reasons are cut in a table; the notes have them whole.
REASON = 60


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        text: what stands in a line's cell.
        left: whether it is aligned to the left.
        order: what to sort its cells by; None for the text.
        help: what the heading means, where it does not say so itself.
    """

    title: str
    text: Callable[[Figures, Section], str]
    left: bool = False
    order: Callable[[Figures], float | None] | None = None
    help: str = ""


def shown(columns: Sequence[Column], section: Section) -> list[Column]:
    """The columns that have something to show."""
    return [c for c in columns if any(c.text(line.figures, section) for line in section.lines)]


def heading(column: Column, section: Section) -> str:
    """A column's title; n and seeds stand there where all rows agree on them."""
    if column is ACCURACY:
        n = f"n = {section.n:,}" if section.n else ""
        seeds = counted(section.seeds, "seed") if section.seeds else ""
        basis = ", ".join(filter(None, [n, seeds]))
        return f"{section.target.dataset} {column.title}" + (f" ({basis})" if basis else "")
    return column.title


def texts(columns: Sequence[Column], line: Line, section: Section) -> list[str]:
    """What stands in a line, in the order of `columns`."""
    return [column.text(line.figures, section) for column in columns]


def fixed(value: float | None, sign: bool = False, digits: int = 2) -> str:
    """A number for people; "" for None, and never a minus before nothing but zeros."""
    if value is None:
        return ""
    return f"{round(value, digits) + 0.0:{'+' if sign else ''}.{digits}f}"


def times(ratio: float | None) -> str:
    """`1.25x`; "" for None."""
    return "" if ratio is None else f"{ratio:.2f}x"


def p_value(value: float | None) -> str:
    """Three digits, or `<0.001`."""
    if value is None:
        return ""
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def accuracy(figures: Figures) -> str:
    """Mean ± standard deviation."""
    spread = "" if figures.sd is None else f" ± {fixed(figures.sd)}"
    return fixed(figures.accuracy) + spread


def gaps(figures: Figures) -> str:
    """`3 of 5 seeds, 2 cells failed`; "" where nothing is lacking."""
    if figures.whole:
        return ""
    parts = [f"{figures.seeds} of {counted(figures.seeds_planned, 'seed')}"]
    if figures.failed:
        parts.append(f"{counted(figures.failed, 'cell')} failed")
    return ", ".join(parts)


def state(figures: Figures) -> str:
    """Why there is no accuracy: `missing`, `failed: reason`, or how far it is."""
    if figures.failed:
        cut = figures.reason if len(figures.reason) <= REASON else figures.reason[:REASON] + "…"
        return f"failed: {cut}"
    if figures.done:
        return f"{figures.done} of {counted(figures.done + figures.missing, 'cell')}"
    return "missing"


def difference(figures: Figures) -> str:
    """Mean with its interval."""
    if figures.difference is None:
        return ""
    low, high = fixed(figures.low, sign=True), fixed(figures.high, sign=True)
    return f"{fixed(figures.difference, sign=True)} [{low}, {high}]"


def verdict(figures: Figures) -> str:
    """In words; where nothing is detected with the smallest difference that would have been."""
    if figures.verdict != NOTHING or figures.detectable is None:
        return figures.verdict
    if figures.detectable >= 100:
        return f"{NOTHING} (none could be)"
    return f"{NOTHING} (from {figures.detectable:.1f})"


def _accuracy(figures: Figures, section: Section) -> str:
    if figures.accuracy is None:
        return state(figures)
    lacking = gaps(figures)
    basis = [lacking or ("" if section.seeds else counted(figures.seeds, "seed"))]
    basis.append("" if section.n else f"n = {figures.n:,}")
    known = ", ".join(filter(None, basis))
    return accuracy(figures) + (f" ({known})" if known else "")


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
    help="accuracy minus the reference's, in points, with its 95 % interval",
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
        help="of no difference, Holm-adjusted over the report",
    ),
    VERDICT,
    MACRO_F1,
    Column(
        "ECE %",
        lambda f, _: fixed(f.calibration_error),
        order=lambda f: f.calibration_error,
        help="expected calibration error: how far confidence is from accuracy",
    ),
    Column(
        "without duplicates %",
        lambda f, _: fixed(f.without_duplicates),
        order=lambda f: f.without_duplicates,
        help="accuracy on the test images that are no copy of another image",
    ),
    BEST,
    PUBLISHED,
    Column(
        "ours minus published",
        lambda f, _: fixed(f.beyond_published, sign=True),
        order=lambda f: f.beyond_published,
        help="accuracy minus the published one, in points",
    ),
)
