"""Gains by chance as a picture: spans without a difference, and the published gains in them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.report.chance import SHUFFLED, ChanceLine, ChanceReport
from benchmarks.report.formats.chance import NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 2  # points: next to each span, how often a gain of so many appears
_STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so pictures are the same everywhere
    "font.size": 10,
    "axes.titlesize": 10.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "chance",
    "text.color": "#1f2328",
    "axes.edgecolor": "#8c959f",
    "axes.labelcolor": "#1f2328",
    "xtick.color": "#57606a",
    "ytick.color": "#1f2328",
}
_CHANCE, _LOT, _PUBLISHED, _EASIER = "#0969da", "#8250df", "#bc4c00", "#57606a"


def render(report: ChanceReport, suffix: str) -> bytes:
    """Returns the picture as "svg" or "png"; it has its own background.

    It is 5.2 inches wide, so that its text can be read on a phone.
    """
    # Imported here because only pictures need it.
    import matplotlib
    from matplotlib.figure import Figure

    sizes = report.sizes
    rows = [len(report.null(n)) + (n in report.published) for n in sizes]
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(5.2, 1.2 + sum(0.45 * count + 0.5 for count in rows)))
        figure.set_layout_engine("constrained", h_pad=0.1)
        axes = figure.subplots(len(sizes), sharex=True, height_ratios=rows, squeeze=False)[:, 0]
        for axis, n in zip(axes, sizes, strict=True):
            _panel(axis, report, n)
        limit = 1.08 * max(abs(value) for n in sizes for value in _ends(report, n))
        axes[-1].set_xlim(-limit, limit)
        axes[-1].set_xlabel("gain in accuracy, percentage points")
        figure.supxlabel(_legend(report), x=0.02, ha="left", fontsize=9, color="#57606a")
        file = io.BytesIO()
        metadata = {"Date": None} if suffix == "svg" else {"Software": None}
        figure.savefig(file, format=suffix, dpi=200, metadata=metadata, facecolor="white")
    return file.getvalue()


def _legend(report: ChanceReport) -> str:
    text = (
        "Runs of one network against its own: 95 % of the gains (line),\nhalf of them (bar), mean."
    )
    if any(line.kind == SHUFFLED for n in report.sizes for line in report.null(n)):
        text += " *Runs of several networks, names shuffled."
    if any(line.easier for line in report.lines):
        text += "\nGrey: at the accuracy of the published table on that dataset."
    return text


def _ends(report: ChanceReport, n: int) -> list[float]:
    published = report.published[n].points if n in report.published else ()
    return [*published, *(end for line in report.null(n) for end in line.gains.span())]


def _panel(axis: Axes, report: ChanceReport, n: int) -> None:
    lines = report.null(n)
    axis.set_title(f"{n:,} test images", loc="left", fontweight="bold")
    axis.annotate(
        f"≥ {SHOWN} points", (1, 1), (6, 6), xycoords="axes fraction",
        textcoords="offset points", color="#57606a", fontsize=9, annotation_clip=False,
    )  # fmt: skip
    axis.axvline(0, color="#8c959f", linewidth=1)
    for place, line in enumerate(lines):
        _span(axis, line, place)
    for place, line in enumerate(report.null(n, easier=True)):
        axis.plot(line.gains.span(), [place + 0.3] * 2, color=_EASIER, linewidth=2)
        _beside(axis, place + 0.33, _share(line), color=_EASIER, fontsize=9)
    labels = [_label(line) for line in lines]
    if n in report.published:
        of, place = report.published[n], len(lines)
        axis.plot(of.points, place + _heights(of.points), "o", color=_PUBLISHED, ms=3)
        found = sum(points >= SHOWN for points in of.points)
        _beside(axis, place, f"{found} of {len(of.points)}")
        other = "" if of.n == n else f"\non {of.n:,}"
        labels.append(f"published,\n{NAMES[of.dataset]}{other}")
    axis.set_yticks(range(len(labels)), labels)
    axis.set_ylim(len(labels) - 0.5, -0.5)
    axis.tick_params(length=0)
    axis.grid(axis="x", color="#d8dee4", linewidth=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)


def _span(axis: Axes, line: ChanceLine, place: int) -> None:
    """The 95 % span as a line, the middle half on top of it, and the mean."""
    colour = _LOT if line.kind == SHUFFLED else _CHANCE
    for share, width in ((0.95, 3), (0.5, 9)):
        low, high = line.gains.span(share)
        axis.plot([low, high], [place, place], color=colour, linewidth=width)
    axis.plot(line.gains.mean, place, "|", color="white", markersize=8, markeredgewidth=1.2)
    _beside(axis, place, _share(line))


def _share(line: ChanceLine) -> str:
    return f"{100 * line.gains.at_least(SHOWN):.0f} %"


def _heights(points: Sequence[float]) -> np.ndarray:
    """Heights that stack gains less than half a point apart, as shares of a row."""
    bins = np.round(np.array(points) / 0.5)
    found = np.zeros(len(points))
    for one in np.unique(bins):
        inside = bins == one
        count = inside.sum()
        found[inside] = 0.13 * (np.arange(count) - (count - 1) / 2)
    return found.clip(-0.5, 0.5)


def _beside(axis: Axes, place: float, text: str, **style: Any) -> None:
    axis.annotate(
        text, (1, place), (6, 0), xycoords=axis.get_yaxis_transform(), textcoords="offset points",
        va="center", annotation_clip=False, **style,
    )  # fmt: skip


def _label(line: ChanceLine) -> str:
    first, _, second = line.sides.partition(" against ")
    mark = "*" if line.kind == SHUFFLED else ""
    return f"{first}\nagainst {second}{mark}"
