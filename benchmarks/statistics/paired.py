"""The paired comparison of a network with its reference: same seeds, same test images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.statistics.noise import Noise, estimate
from benchmarks.statistics.power import smallest_detectable

LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """Accuracy of a network minus that of its reference, in points (percent).

    Attributes:
        mean: over seeds and images.
        low, high: 95 % interval over new trainings and new test images; of one seed, over new
            test images alone. One cluster says nothing of others: its interval is all there is,
            -100 to 100.
        test_low, test_high: 95 % interval over new test images alone, these very networks given.
        p: two-sided, of no difference over new trainings and new test images; None for one seed
            or one cluster.
        by_seed: the difference of each seed.
        n: test images.
        noise: the variances behind the intervals, with the numbers of seeds and clusters.
    """

    mean: float
    low: float
    high: float
    test_low: float
    test_high: float
    p: float | None
    by_seed: tuple[float, ...]
    n: int
    noise: Noise

    @property
    def se(self) -> float | None:
        """Standard error over new trainings and new test images; None for one seed or cluster."""
        return self.noise.se if self.noise.testable else None

    def smallest(self, comparisons: int = 1) -> float | None:
        """Points that would have been found with 80 % power; None for one seed or cluster.

        Args:
            comparisons: how many share the 5 %, as in the first step of Holm's adjustment.
        """
        return smallest_detectable(self.noise, LEVEL / comparisons)


def compare(gains: np.ndarray, clusters: np.ndarray | None = None) -> Difference:
    """The difference with the uncertainty of both its sources, training and test images.

    All seeds share one training set, so what another one would change is not in the interval.

    Args:
        gains: (seeds, n) of -1, 0, 1: network right minus reference right. Of a cross-validation,
            all folds side by side, so that each image is there once.
        clusters: (n,) which images belong together, such as the photographs of one person; None
            where every image stands for itself.

    Raises:
        ValueError: `gains` is none, or `clusters` does not fit it.
    """
    gains = _checked(gains)
    sums, sizes = _by_cluster(gains, clusters)
    by_seed = 100 * gains.mean(axis=1)
    mean, noise = 100 * float(gains.sum()) / gains.size, estimate(by_seed, sums, sizes)
    test = _interval(mean, noise.test_half_width(LEVEL), noise)
    both = _interval(mean, noise.half_width(LEVEL), noise) if noise.testable else test
    return Difference(
        mean=mean,
        low=both[0],
        high=both[1],
        test_low=test[0],
        test_high=test[1],
        p=noise.p_value(mean),
        by_seed=tuple(float(value) for value in by_seed),
        n=gains.shape[1],
        noise=noise,
    )


def _interval(mean: float, half: float, noise: Noise) -> tuple[float, float]:
    return (mean - half, mean + half) if noise.clusters > 1 else (-100.0, 100.0)


def _by_cluster(gains: np.ndarray, clusters: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Gains summed over each cluster, (seeds, clusters), and its images, (clusters,)."""
    n = gains.shape[1]
    if clusters is None:
        return gains, np.ones(n)
    clusters = np.asarray(clusters)
    if clusters.shape != (n,):
        raise ValueError(f"Gains are of {n} images but clusters have the shape {clusters.shape}.")
    _, index = np.unique(clusters, return_inverse=True)
    sums = np.stack([np.bincount(index, weights=row) for row in gains])
    return sums, np.bincount(index).astype(float)


def _checked(gains: np.ndarray) -> np.ndarray:
    table = np.asarray(gains, float)
    if table.ndim != 2 or not table.size:
        raise ValueError(
            f"Gains must be (seeds, n) with at least one seed and one image, got {table.shape}."
        )
    if not np.isin(table, (-1, 0, 1)).all():
        wrong = table[~np.isin(table, (-1, 0, 1))][0]
        raise ValueError(f"A gain is right minus right, so -1, 0 or 1; got {wrong:g}.")
    return table
