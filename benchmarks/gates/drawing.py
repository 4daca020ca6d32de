"""A picture of gates: what each is on average, and how much it depends on the image."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.gates.files import short_names
from benchmarks.gates.measure import GateStatistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ACROSS = 3  # gates side by side
_STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so pictures are the same everywhere
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.edgecolor": "#8c959f",
    "text.color": "#1f2328",
    "xtick.color": "#57606a",
    "ytick.color": "#57606a",
}
_BAR, _RANGE = "#3b528b", "#bc4c00"


def draw(statistics: Sequence[GateStatistics], title: str) -> bytes:
    """Return a PNG picture with a panel for each gate and term of a model.

    Channels are bars of the mean over images, sorted, with the deviation over images on top.
    Positions are a picture of the mean on its own scale. A gate over both has both panels.
    """
    # Imported here because only pictures need it.
    import matplotlib
    from matplotlib.figure import Figure

    panels = [
        (one, draw_panel)
        for one in statistics
        for draw_panel, values in ((_draw_channels, one.channels()), (_draw_map, one.maps()))
        if values is not None
    ]
    panels += [
        (one, _draw_number) for one in statistics if one.channels() is None and one.maps() is None
    ]
    rows = -(-len(panels) // ACROSS)
    short = short_names(one.module for one in statistics)
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(3.6 * ACROSS, 0.9 + 2.5 * rows))
        figure.set_layout_engine("constrained", h_pad=0.08, w_pad=0.08)
        axes = figure.subplots(rows, ACROSS, squeeze=False).ravel()
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        for axis, (one, draw_panel) in zip(axes[: len(panels)], panels, strict=True):
            draw_panel(axis, one)
            axis.set_title(_caption(one, short[one.module]), loc="left")
        figure.suptitle(title, x=0.01, ha="left", fontsize=10)
        file = io.BytesIO()
        figure.savefig(file, format="png", dpi=150, metadata={"Software": None}, facecolor="white")
    return file.getvalue()


def _caption(one: GateStatistics, module: str) -> str:
    name = one.name if one.kind == "gate" else f"{one.name} (added)"
    return f"{module}\n{name}: {one.level:.3f}, ±{one.across_images:.3f} across images"


def _draw_channels(axis: Axes, one: GateStatistics) -> None:
    channels = one.channels()
    assert channels is not None
    mean, deviation = channels
    order = np.argsort(mean)
    mean, deviation = mean[order], deviation[order]
    places = np.arange(len(mean))
    axis.bar(places, mean, width=1.0, color=_BAR)
    axis.fill_between(places, mean - deviation, mean + deviation, color=_RANGE, alpha=0.45, lw=0)
    low, high = one.bounds
    axis.set_ylim(*_limits(low, high, mean - deviation, mean + deviation))
    axis.set_xlim(-0.5, len(mean) - 0.5)
    axis.set_xticks([])
    axis.set_xlabel(f"{len(mean)} channels, sorted")


def _limits(
    low: float | None, high: float | None, least: np.ndarray, most: np.ndarray
) -> tuple[float, float]:
    """The bounds of the gate; the values, and zero, where there is none."""
    bottom = min(0.0, float(least.min())) if low is None else low
    top = max(0.0, float(most.max())) if high is None else high
    return bottom, top if top > bottom else bottom + 1


def _draw_map(axis: Axes, one: GateStatistics) -> None:
    maps = one.maps()
    assert maps is not None
    mean, _ = maps
    shown = axis.imshow(mean, cmap="viridis", interpolation="nearest", aspect="auto")
    bar = axis.figure.colorbar(shown, ax=axis, fraction=0.06, pad=0.03)
    bar.ax.tick_params(labelsize=8)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_xlabel(f"mean of {mean.shape[0]} x {mean.shape[1]} positions")


def _draw_number(axis: Axes, one: GateStatistics) -> None:
    axis.text(0.5, 0.5, f"{one.level:.3f}", ha="center", va="center", fontsize=16)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_xlabel("one number for the whole map")
