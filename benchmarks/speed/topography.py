"""Topographic maps of many EEG windows against drawing each with `mne.viz.plot_topomap`.

Ours makes the maps of all windows at once, including the drawing of the single electrodes. MNE is
timed on a few maps, without contours, sensors or writing a file. The reported difference is the
largest inside the head, relative to the range of the values.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console

from benchmarks.measurements import show
from preprocessing.sources.eeg.electrodes import mne, topography


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add("--windows", type=int, default=2000, metavar="N", help="(default: 2000)")
    add("--channels", type=int, default=5, metavar="N", help="maps per window (default: 5)")
    add("--montage", default="biosemi32", metavar="NAME", help="of MNE (default: biosemi32)")
    add("--size", type=int, default=48, metavar="N", help="side in pixels (default: 48)")
    add("--drawn", type=int, default=50, metavar="N", help="maps that MNE draws (default: 50)")


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures and prints the table.

    Raises:
        ValueError: the montage is unknown.
        ImportError: MNE is missing.
    """
    info = info_of(options.montage)
    rng = np.random.default_rng(0)
    values = 10 * rng.standard_normal((options.windows, options.channels, len(info["ch_names"])))
    start = time.perf_counter()
    head = topography(info, options.size)
    prepared = time.perf_counter() - start
    maps = head.maps(values)
    multiplied = time.perf_counter() - start - prepared
    few = values.reshape(-1, values.shape[-1])[: options.drawn]
    theirs, spent = drawn(few, info, options.size)
    ours = maps.reshape(-1, *head.inside.shape)[: len(few)]
    number = options.windows * options.channels
    each = {
        "plot_topomap": statistics.median(spent),
        "ours, in total": (prepared + multiplied) / number,
        "ours, the product only": multiplied / number,
    }
    title = (
        f"{number:,} maps of {options.size} x {options.size}, {len(info['ch_names'])} electrodes"
    )
    rows = [
        (name, f"{1e3 * seconds:.4f}", f"{each['plot_topomap'] / seconds:,.0f}")
        for name, seconds in each.items()
    ]
    columns = ("", "ms per map", "times as fast")
    show(console, title, columns, rows, f"{os.cpu_count()} CPU cores")
    console.print(f"drawing the electrodes once: {prepared:.2f} s")
    console.print(f"largest difference: {difference(ours, theirs, few, head.inside):.1e}")


def info_of(montage: str) -> Any:
    """Returns an `mne.Info` of all electrodes of a montage."""
    made = mne().channels.make_standard_montage(montage)
    return mne().create_info(made.ch_names, 128.0, "eeg", verbose="error").set_montage(made)


def drawn(values: np.ndarray, info: Any, size: int) -> tuple[np.ndarray, list[float]]:
    """Returns MNE's default maps of values (n, electrodes), nose up, and the seconds of each."""
    from matplotlib.figure import Figure

    maps, spent = [], []
    for row in values:
        axes = Figure().add_subplot()
        start = time.perf_counter()
        image, _ = mne().viz.plot_topomap(
            row, info, axes=axes, res=size, contours=0, sensors=False, show=False
        )
        spent.append(time.perf_counter() - start)
        maps.append(np.ma.filled(image.get_array(), np.nan)[::-1])
    return np.stack(maps), spent


def difference(
    ours: np.ndarray, theirs: np.ndarray, values: np.ndarray, inside: np.ndarray
) -> float:
    """Returns the largest difference of all maps, relative to the range of the electrodes."""
    apart = np.abs(ours - theirs)[:, inside].max(axis=1)
    return float((apart / np.ptp(values, axis=1)).max())
