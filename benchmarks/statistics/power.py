"""Power of a comparison, and the smallest difference it can detect."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import optimize, special, stats

from benchmarks.statistics.noise import Noise, quantile


def power(difference: float, noise: Noise, level: float = 0.05) -> float:
    """Probability of p < `level` in `paired.compare` if the true difference is `difference` points.

    Takes the variances of `noise` as true, and those that a new comparison would estimate as
    chi-square distributed around them. With a single source of noise this is the power of the
    t-test, from the noncentral t distribution.

    Raises:
        ValueError: there is a single seed, a single cluster or no noise, so that no test exists.
    """
    if not noise.testable or noise.se == 0:
        raise ValueError(
            "noise must come from at least two seeds and two clusters that do not all agree, got "
            f"{noise}."
        )
    return _beyond(difference, _critical(noise, level), noise.se)


def smallest_detectable(noise: Noise, level: float = 0.05, chance: float = 0.8) -> float | None:
    """Difference in points that is detected at `level` with probability `chance`.

    Returns None for a single seed, a single cluster or no noise.
    """
    if not noise.testable or noise.se == 0:
        return None
    critical = _critical(noise, level)
    certain = float(critical.max()) + 10 * noise.se
    return float(optimize.brentq(lambda d: _beyond(d, critical, noise.se) - chance, 0.0, certain))


def _beyond(difference: float, critical: np.ndarray, se: float) -> float:
    """Mean probability that an estimate of `difference` is further from 0 than `critical`."""
    above = special.ndtr((difference - critical) / se)
    below = special.ndtr((-difference - critical) / se)
    return float((above + below).mean())


def _critical(noise: Noise, level: float) -> np.ndarray:
    """Equally likely half widths of the interval, (64, 64): variances of seeds x of images."""
    seeds, images = _spread(noise.seeds)[:, None], _spread(noise.clusters)[None, :]
    by_seeds = quantile(level, noise.seeds) ** 2 * seeds
    by_images = quantile(level, noise.clusters) ** 2 * images
    both = by_seeds * noise.training + by_images * noise.shared
    return np.sqrt(np.maximum(both, by_images * noise.test))


@lru_cache(maxsize=64)
def _spread(count: int) -> np.ndarray:
    """Midpoint quantiles of a variance estimated from `count` values if the true one is 1."""
    middle = (np.arange(64) + 0.5) / 64
    return stats.chi2.ppf(middle, count - 1) / (count - 1)
