"""Positions in the charts, in percent of width and height; the template draws them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.plan.table import Row
from benchmarks.report.formats import columns
from benchmarks.report.formats.figures import RowFigures, Section

NAMED = 40  # most points that are drawn with names and spreads, which would overlap
MARKS = 8  # number of distinct marks in the template


@dataclass(frozen=True)
class Scale:
    """Maps values from `low` to `high` to positions from 0 to 100."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        """Returns the position of a value, rounded to what is visible."""
        low, high, here = (self._of(v) for v in (self.low, self.high, value))
        return round(100 * (here - low) / (high - low), 2)

    def ticks(self) -> list[tuple[float, str]]:
        """Returns positions and labels of round values."""
        values = _decades(self.low, self.high) if self.log else _even(self.low, self.high)
        return [(self.at(value), short(value)) for value in values]

    def _of(self, value: float) -> float:
        return math.log10(value) if self.log else value


@dataclass(frozen=True)
class Interval:
    """A row of a forest plot.

    Attributes:
        low, middle, high: positions, clipped to the edges.
        cut_low, cut_high: whether the interval continues beyond the edge.
        kind: "better", "worse", "nothing" (no detectable difference) or "open" (no verdict).
        text, verdict: the difference and the verdict as text.
    """

    name: str
    low: float
    middle: float
    high: float
    cut_low: bool
    cut_high: bool
    kind: str
    text: str
    verdict: str


@dataclass(frozen=True)
class Forest:
    """A forest plot: differences by backbone on one scale.

    Attributes:
        groups: backbones with their intervals.
        ticks: positions and labels.
        zero: position of no difference.
    """

    groups: tuple[tuple[str, tuple[Interval, ...]], ...]
    ticks: list[tuple[float, str]]
    zero: float


@dataclass(frozen=True)
class Point:
    """A network in a scatter plot: position from left and top, and half its spread."""

    x: float
    y: float
    spread: float
    mark: int
    label: str
    text: str


@dataclass(frozen=True)
class Scatter:
    """A scatter plot.

    Attributes:
        points: the networks.
        joins: lines between networks of one backbone, (x1, y1, x2, y2).
        kinds: meaning of the marks, in their order.
        x, y: positions and labels of the ticks.
    """

    points: tuple[Point, ...]
    joins: tuple[tuple[float, float, float, float], ...]
    kinds: tuple[str, ...]
    x: list[tuple[float, str]]
    y: list[tuple[float, str]]


def forest(section: Section) -> Forest | None:
    """Returns the differences of a section; None if there are none."""
    rows = [row for row in section.rows if row.difference is not None]
    if not rows:
        return None
    limit = _limit(rows)
    scale = Scale(-limit, limit)
    groups: dict[str, list[Interval]] = {}
    for row in rows:
        groups.setdefault(row.backbone, []).append(_interval(row, scale))
    return Forest(
        tuple((name, tuple(of)) for name, of in groups.items()), scale.ticks(), scale.at(0)
    )


def cost(section: Section, by: str) -> Scatter | None:
    """Returns accuracy against a cost; None if no row has both.

    Args:
        section: the rows.
        by: the cost, "parameters" or "multiply_adds".
    """
    rows = [row for row in section.rows if row.accuracy is not None and getattr(row, by)]
    if not rows:
        return None
    costs = [float(getattr(row, by)) for row in rows]
    x = Scale(min(costs) / 1.15, max(costs) * 1.15, log=True)
    return _scatter(rows, costs, x, _around(rows), joined=True)


def against_published(section: Section) -> Scatter | None:
    """Returns our accuracy against the published one on equal scales; None if no row has both."""
    rows = [row for row in section.rows if row.beyond_published is not None]
    if not rows:
        return None
    published = [float(row.published or 0) for row in rows]
    ours = _around(rows)
    both = Scale(min(ours.low, *published) - 1, max(ours.high, *published) + 1)
    return _scatter(rows, published, both, both, joined=False)


def short(value: float) -> str:
    """Returns `2.5 M` for 2,500,000."""
    for size, sign in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:g}{sign}"
    return f"{value:g}".replace("-", columns.MINUS)


def _interval(row: RowFigures, scale: Scale) -> Interval:
    low, middle, high = row.low or 0.0, row.difference or 0.0, row.high or 0.0
    return Interval(
        name=_network(row),
        low=scale.at(max(low, scale.low)),
        middle=scale.at(min(max(middle, scale.low), scale.high)),
        high=scale.at(min(high, scale.high)),
        cut_low=low < scale.low,
        cut_high=high > scale.high,
        kind={"better": "better", "worse": "worse", "": "open"}.get(row.verdict, "nothing"),
        text=columns.difference(row).replace("-", columns.MINUS),
        verdict=columns.verdict(row) or "no verdict",
    )


def _network(row: RowFigures) -> str:
    """Attention and setting."""
    return ", ".join(filter(None, [row.attention, row.setting]))


def _limit(rows: Sequence[RowFigures]) -> float:
    """Half the width of a forest plot: fits all means, and all but unusually long intervals."""
    means = 1.3 * max(abs(row.difference or 0) for row in rows)
    ends = [max(abs(row.low or 0), abs(row.high or 0)) for row in rows]
    usual = max(1.0, means, float(np.quantile(ends, 0.75, method="lower")))
    return 1.05 * (max(usual, *ends) if max(ends) < 2 * usual else usual)


def _around(rows: Sequence[RowFigures]) -> Scale:
    """A scale for the accuracies with their spreads and a margin."""
    low = min((row.accuracy or 0) - (row.sd or 0) for row in rows)
    high = max((row.accuracy or 0) + (row.sd or 0) for row in rows)
    margin = max(0.08 * (high - low), 0.5)
    return Scale(low - margin, high + margin)


def _scatter(
    rows: Sequence[RowFigures], across: Sequence[float], x: Scale, y: Scale, joined: bool
) -> Scatter:
    kind_of = _kinds(rows)
    kinds = tuple(dict.fromkeys(kind_of.values()))
    few = len(rows) <= NAMED
    points: list[Point] = []
    last: dict[str, Point] = {}
    joins = []
    for row, value in zip(rows, across, strict=True):
        name = row.backbone
        point = Point(
            x=x.at(value),
            y=round(100 - y.at(row.accuracy or 0), 2),
            spread=round(100 * (row.sd or 0) / (y.high - y.low), 2) if few else 0,
            mark=kinds.index(kind_of[row.row]) % MARKS,
            label=name if few and name not in last else "",
            text=f"{row.label}: {columns.accuracy(row)} % at {short(value)}",
        )
        if joined and few and name in last:
            joins.append((last[name].x, last[name].y, point.x, point.y))
        last[name] = point
        points.append(point)
    return Scatter(_legible(points), tuple(joins), kinds, x.ticks(), y.ticks())


def _legible(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points, without those labels that would overlap another label."""
    found: list[Point] = []
    labelled: list[Point] = []
    for point in points:
        if any(abs(p.y - point.y) < 6 and abs(p.x - point.x) < 16 for p in labelled):
            point = replace(point, label="")
        elif point.label:
            labelled.append(point)
        found.append(point)
    return tuple(found)


def _kinds(rows: Sequence[RowFigures]) -> dict[Row, str]:
    """The meaning of each row's mark: attention and setting, or attention if those are too many."""
    both = {row.row: _network(row) for row in rows}
    if len(set(both.values())) <= MARKS:
        return both
    return {row.row: row.attention for row in rows}


def _even(low: float, high: float) -> list[float]:
    """Returns four to nine multiples of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(m for m in (1, 2, 5, 10) if m * power >= raw)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(i * step, 10) for i in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    """Returns 1, 2 and 5 times powers of ten; even steps if the range contains too few of them."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [m * 10.0**p for p in powers for m in (1, 2, 5)]
    inside = [value for value in values if low <= value <= high]
    return inside if len(inside) > 2 else [v for v in _even(low, high) if v > 0]
