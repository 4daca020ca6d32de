"""Paired comparison of a network with its reference: same seeds, same test images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.statistics.noise import Noise, estimate
from benchmarks.statistics.power import smallest_detectable

LEVEL = 0.05
NO_DIFFERENCE = "no detectable difference"


@dataclass(frozen=True)
class Difference:
    """Accuracy of a network minus that of its reference, in points (percent).

    Attributes:
        mean: mean over seeds and images.
        low, high: 95 % interval over new training runs and new test images; for a single seed,
            over new test images only. A single cluster says nothing about others: its interval
            is -100 to 100.
        p: two-sided p-value of no difference over new training runs and new test images; None for
            a single seed or cluster.
        n: number of test images.
        noise: the variances behind the intervals, with the numbers of seeds and clusters.
    """

    mean: float
    low: float
    high: float
    p: float | None
    n: int
    noise: Noise

    def smallest(self, comparisons: int = 1) -> float | None:
        """Difference in points detectable with 80 % power; None for one seed or cluster.

        Args:
            comparisons: number of comparisons that share the 5 %, as in Holm's first step.
        """
        return smallest_detectable(self.noise, LEVEL / comparisons)


def compare(gains: np.ndarray, clusters: np.ndarray | None = None) -> Difference:
    """Estimates a difference in accuracy with its uncertainty from training and test images.

    All seeds share one training set, so the interval does not cover the choice of training set.

    Args:
        gains: (seeds, n) of -1, 0, 1: network correct minus reference correct. In a
            cross-validation all folds are concatenated, so that each image occurs once.
        clusters: (n,) group of each image, such as the person it shows; None if all images are
            independent.

    Raises:
        ValueError: `gains` is empty or holds other values, or `clusters` does not match it.
    """
    gains = _checked(gains)
    sums, sizes = _by_cluster(gains, clusters)
    by_seed = 100 * gains.mean(axis=1)
    mean, noise = 100 * float(gains.sum()) / gains.size, estimate(by_seed, sums, sizes)
    half = noise.half_width(LEVEL) if noise.testable else noise.test_half_width(LEVEL)
    low, high = (mean - half, mean + half) if noise.clusters > 1 else (-100.0, 100.0)
    return Difference(
        mean=mean,
        low=low,
        high=high,
        p=noise.p_value(mean),
        n=gains.shape[1],
        noise=noise,
    )


def verdict(difference: Difference, adjusted: float | None) -> str:
    """Returns "better", "worse" or "no detectable difference"; "" if no verdict is allowed.

    Args:
        difference: the comparison.
        adjusted: its p-value after `multiplicity.holm` over the whole table; None if it has none,
            as with a single seed.
    """
    if adjusted is None:
        return ""
    if adjusted >= LEVEL:
        return NO_DIFFERENCE
    return "better" if difference.mean > 0 else "worse"


def _by_cluster(gains: np.ndarray, clusters: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Summed gains of each cluster, (seeds, clusters), and its number of images, (clusters,)."""
    n = gains.shape[1]
    if clusters is None:
        return gains, np.ones(n)
    clusters = np.asarray(clusters)
    if clusters.shape != (n,):
        raise ValueError(f"clusters must have shape ({n},), got {clusters.shape}.")
    _, index = np.unique(clusters, return_inverse=True)
    sums = np.stack([np.bincount(index, weights=row) for row in gains])
    return sums, np.bincount(index).astype(float)


def _checked(gains: np.ndarray) -> np.ndarray:
    table = np.asarray(gains, float)
    if table.ndim != 2 or not table.size:
        raise ValueError(
            f"gains must be (seeds, n) with at least one seed and one image, got {table.shape}."
        )
    if not np.isin(table, (-1, 0, 1)).all():
        wrong = table[~np.isin(table, (-1, 0, 1))][0]
        raise ValueError(f"gains must be -1, 0 or 1, got {wrong:g}.")
    return table
