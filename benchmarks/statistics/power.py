"""What a comparison could have found: its power, and the smallest difference it would show."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import optimize, special, stats

from benchmarks.statistics.noise import Noise, quantile


def power(difference: float, noise: Noise, level: float = 0.05) -> float:
    """Chance that `paired.compare` finds p < `level`, were `difference` (points) the truth.

    The variances of `noise` are taken for the true ones, and those a new comparison would estimate
    for chi-square around them. With one source of noise alone it is the power of the t-test, by
    the noncentral t distribution.

    Raises:
        ValueError: one seed, one cluster or no noise, which allow no test.
    """
    if not noise.testable or noise.se == 0:
        raise ValueError(
            "Power needs at least two seeds and two clusters that do not all show the same, got "
            f"{noise}."
        )
    return _beyond(difference, _critical(noise, level), noise.se)


def smallest_detectable(noise: Noise, level: float = 0.05, chance: float = 0.8) -> float | None:
    """The difference in points found at `level` with power `chance`.

    None for one seed or one cluster, and where no noise at all was seen to measure it by.
    """
    if not noise.testable or noise.se == 0:
        return None
    critical = _critical(noise, level)
    certain = float(critical.max()) + 10 * noise.se
    return float(optimize.brentq(lambda d: _beyond(d, critical, noise.se) - chance, 0.0, certain))


def _beyond(difference: float, critical: np.ndarray, se: float) -> float:
    """Chance that a mean around `difference` is further from 0 than `critical`, on average."""
    above = special.ndtr((difference - critical) / se)
    below = special.ndtr((-difference - critical) / se)
    return float((above + below).mean())


def _critical(noise: Noise, level: float) -> np.ndarray:
    """Equally likely half widths of the interval, (64, 64): variances by seeds and by images."""
    seeds, images = _spread(noise.seeds)[:, None], _spread(noise.clusters)[None, :]
    by_seeds = quantile(level, noise.seeds) ** 2 * seeds
    by_images = quantile(level, noise.clusters) ** 2 * images
    both = by_seeds * noise.training + by_images * noise.shared
    return np.sqrt(np.maximum(both, by_images * noise.test))


@lru_cache(maxsize=64)
def _spread(count: int) -> np.ndarray:
    """Midpoint quantiles of a variance estimated from `count` values, the true one being 1."""
    middle = (np.arange(64) + 0.5) / 64
    return stats.chi2.ppf(middle, count - 1) / (count - 1)
