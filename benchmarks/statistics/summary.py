"""Mean and spread of a score over seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean, and sample standard deviation where there are at least two values.

    Raises:
        ValueError: there is no value, or one that is not finite.
    """
    scores = np.asarray(values, float)
    if scores.ndim != 1 or not scores.size or not np.isfinite(scores).all():
        raise ValueError(f"Expected one finite score or more, got {values}.")
    return float(scores.mean()), float(scores.std(ddof=1)) if len(scores) > 1 else None
