"""Where things lie in a chart, in percent of its width and height; drawing is the template's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.plan.table import Row
from benchmarks.report.formats import columns
from benchmarks.report.formats.figures import Figures, Line, Section

# With more points than this their names and spreads would hide each other.
NAMED = 40
# Distinct marks; the template draws as many.
MARKS = 8


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high` on a line from 0 to 100."""

    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        """The place of a value, rounded to what can be seen."""
        low, high, here = (self._of(v) for v in (self.low, self.high, value))
        return round(100 * (here - low) / (high - low), 2)

    def ticks(self) -> list[tuple[float, str]]:
        """Places and texts of round values."""
        values = _decades(self.low, self.high) if self.log else _even(self.low, self.high)
        return [(self.at(value), short(value)) for value in values]

    def _of(self, value: float) -> float:
        return math.log10(value) if self.log else value


@dataclass(frozen=True)
class Interval:
    """A row of a forest plot.

    Attributes:
        low, middle, high: places; `low` and `high` at most at the edge.
        cut_low, cut_high: whether the interval goes on beyond the edge.
        kind: "better", "worse", "nothing" or "open", which has no verdict.
        text, verdict: in words.
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
    """Differences by backbone on one scale.

    Attributes:
        groups: backbones with their intervals.
        ticks: of the scale.
        zero: place of no difference.
    """

    groups: tuple[tuple[str, tuple[Interval, ...]], ...]
    ticks: list[tuple[float, str]]
    zero: float


@dataclass(frozen=True)
class Point:
    """A network in a scatter plot: its place from the left and the top, and half its spread."""

    x: float
    y: float
    spread: float
    mark: int
    label: str
    text: str


@dataclass(frozen=True)
class Scatter:
    """Points on two scales.

    Attributes:
        points: the networks.
        joins: lines between networks of one backbone, (x1, y1, x2, y2).
        kinds: what the marks stand for, in their order.
        x, y: ticks.
    """

    points: tuple[Point, ...]
    joins: tuple[tuple[float, float, float, float], ...]
    kinds: tuple[str, ...]
    x: list[tuple[float, str]]
    y: list[tuple[float, str]]


def forest(section: Section) -> Forest | None:
    """The differences of a section; None where there are none."""
    lines = [line for line in section.lines if line.figures.difference is not None]
    if not lines:
        return None
    limit = _limit([line.figures for line in lines])
    scale = Scale(-limit, limit)
    groups: dict[str, list[Interval]] = {}
    for line in lines:
        groups.setdefault(line.row.backbone, []).append(_interval(line, scale))
    return Forest(
        tuple((name, tuple(rows)) for name, rows in groups.items()), scale.ticks(), scale.at(0)
    )


def cost(section: Section, of: str) -> Scatter | None:
    """Accuracy against `of`, "parameters" or "multiply_adds"; None where no row has both."""
    lines = [x for x in section.lines if x.figures.accuracy is not None]
    lines = [line for line in lines if getattr(line.figures, of)]
    if not lines:
        return None
    costs = [float(getattr(line.figures, of)) for line in lines]
    x = Scale(min(costs) / 1.15, max(costs) * 1.15, log=True)
    return _scatter(lines, costs, x, _around([line.figures for line in lines]), joined=True)


def against_published(section: Section) -> Scatter | None:
    """Our accuracy against the published one, both on one scale; None where no row has both."""
    lines = [line for line in section.lines if line.figures.beyond_published is not None]
    if not lines:
        return None
    published = [float(line.figures.published or 0) for line in lines]
    ours = _around([line.figures for line in lines])
    both = Scale(min(ours.low, *published) - 1, max(ours.high, *published) + 1)
    return _scatter(lines, published, both, both, joined=False)


def short(value: float) -> str:
    """`2.5 M` for 2,500,000."""
    for size, sign in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:g}{sign}"
    return f"{value:g}".replace("-", columns.MINUS)


def _interval(line: Line, scale: Scale) -> Interval:
    f = line.figures
    low, middle, high = f.low or 0.0, f.difference or 0.0, f.high or 0.0
    return Interval(
        name=", ".join(filter(None, [f.attention, f.setting])),
        low=scale.at(max(low, scale.low)),
        middle=scale.at(min(max(middle, scale.low), scale.high)),
        high=scale.at(min(high, scale.high)),
        cut_low=low < scale.low,
        cut_high=high > scale.high,
        kind={"better": "better", "worse": "worse", "": "open"}.get(f.verdict, "nothing"),
        text=columns.difference(f).replace("-", columns.MINUS),
        verdict=columns.verdict(f) or "no verdict",
    )


def _limit(figures: Sequence[Figures]) -> float:
    """Half the width of a forest plot: all means, and all intervals but far longer ones."""
    means = 1.3 * max(abs(f.difference or 0) for f in figures)
    ends = [max(abs(f.low or 0), abs(f.high or 0)) for f in figures]
    usual = max(1.0, means, float(np.quantile(ends, 0.75, method="lower")))
    return 1.05 * (max(usual, *ends) if max(ends) < 2 * usual else usual)


def _around(figures: Sequence[Figures]) -> Scale:
    """The accuracies with their spreads, and some air."""
    low = min((f.accuracy or 0) - (f.sd or 0) for f in figures)
    high = max((f.accuracy or 0) + (f.sd or 0) for f in figures)
    air = max(0.08 * (high - low), 0.5)
    return Scale(low - air, high + air)


def _scatter(
    lines: Sequence[Line], across: Sequence[float], x: Scale, y: Scale, joined: bool
) -> Scatter:
    kind_of = _kinds(lines)
    kinds = tuple(dict.fromkeys(kind_of.values()))
    points: list[Point] = []
    last: dict[str, Point] = {}
    joins = []
    for line, value in zip(lines, across, strict=True):
        f, name = line.figures, line.row.backbone
        named = len(lines) <= NAMED and name not in last
        point = Point(
            x=x.at(value),
            y=round(100 - y.at(f.accuracy or 0), 2),
            spread=round(100 * (f.sd or 0) / (y.high - y.low), 2) if len(lines) <= NAMED else 0,
            mark=kinds.index(kind_of[line.row]) % MARKS,
            label=name if named else "",
            text=f"{line.row.label}: {columns.accuracy(f)} % at {short(value)}",
        )
        if joined and name in last and len(lines) <= NAMED:
            joins.append((last[name].x, last[name].y, point.x, point.y))
        last[name] = point
        points.append(point)
    return Scatter(_legible(points), tuple(joins), kinds, x.ticks(), y.ticks())


def _legible(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points without those names that would lie on another name."""
    kept: list[Point] = []
    shown: list[Point] = []
    for point in points:
        hidden = any(abs(p.y - point.y) < 6 and abs(p.x - point.x) < 16 for p in shown)
        if point.label and not hidden:
            shown.append(point)
        elif point.label:
            point = Point(point.x, point.y, point.spread, point.mark, "", point.text)
        kept.append(point)
    return tuple(kept)


def _kinds(lines: Sequence[Line]) -> dict[Row, str]:
    """What each row's mark stands for: attention and setting, or where those are too many, one."""
    figures = {line.row: line.figures for line in lines}
    both = {row: ", ".join(filter(None, [f.attention, f.setting])) for row, f in figures.items()}
    return (
        both if len(set(both.values())) <= MARKS else {r: f.attention for r, f in figures.items()}
    )


def _even(low: float, high: float) -> list[float]:
    """Four to nine multiples of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / 6
    power = 10.0 ** math.floor(math.log10(raw))
    step = power * next(m for m in (1, 2, 5, 10) if m * power >= raw)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(i * step, 10) for i in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten; evenly where the range holds too few of them."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    values = [m * 10.0**p for p in powers for m in (1, 2, 5)]
    inside = [value for value in values if low <= value <= high]
    return inside if len(inside) > 2 else [v for v in _even(low, high) if v > 0]
