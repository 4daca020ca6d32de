"""Ratios of measurements of the same round, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.train import cost


def ratio(times: Sequence[float], others: Sequence[float], digits: int = 2) -> str:
    """Returns `1.02 (0.95 to 1.06)`, median and quartiles of the ratios to the others."""
    found = cost.ratios(times, others)
    low, median, high = (f"{found[name]:.{digits}f}" for name in ("low", "median", "high"))
    return f"{median} ({low} to {high})"


def relative(values: Sequence[float], ours: Sequence[float], digits: int = 0) -> str:
    """Returns the median, with the ratios to ours where that is another: `12 (1.02; 0.95 to 1.06)`.

    The ratios are left out if ours has a zero.
    """
    median = f"{float(np.median(values)):,.{digits}f}"
    if values is ours or not all(ours):
        return median
    found = cost.ratios(values, ours)
    return f"{median} ({found['median']:.2f}; {found['low']:.2f} to {found['high']:.2f})"
