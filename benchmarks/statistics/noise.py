"""Variance of a mean difference over seeds, from training and from test images.

In terms of a multi-reader multi-case study, seeds are the random readers and images (or subjects)
the random cases: N. A. Obuchowski and H. E. Rockette (1995), Hypothesis testing of diagnostic
accuracy for multiple readers and multiple tests. With d_s the difference of two networks for seed
s, the variance of the mean over S seeds is (s_d^2 + S max(Cov, 0)) / S: s_d^2 is the sample
variance of d_s, Cov the mean covariance of two seeds' differences over test sets, estimated here by
the jackknife over clusters (S. L. Hillis, N. A. Obuchowski, K. M. Schartz and K. S. Berbaum, 2005,
A comparison of the Dorfman-Berbaum-Metz and Obuchowski-Rockette methods).

S. L. Hillis (2007, A comparison of denominator degrees of freedom methods for multiple observer
ROC analysis) uses one t distribution for the sum. This works for many seeds and clusters but
rejects too often for few, several times the nominal rate at the small levels of Holm's adjustment
(shown in tests/benchmarks/test_statistics_calibration.py). So each source keeps the quantile of its
own degrees of freedom: S. K. Banerjee (1960), Approximate confidence interval for linear functions
of means of k populations when the population variances are not equal. If the estimates follow
normal and chi-square distributions, its coverage is never below nominal. With noise from seeds
only it is the paired t interval over seeds, with noise from images only the one over images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

# Smallest p-value reported: below it quantiles overflow for few degrees of freedom.
_LEAST = 1e-100


@dataclass(frozen=True)
class Noise:
    """Estimated variances of a mean difference, in points squared.

    Attributes:
        training: s_d^2 / S, from training, with each seed's own part of the test noise; 0 for a
            single seed.
        shared: max(Cov, 0), from test images, common to all seeds; 0 for a single seed.
        test: from test images only, given the trained networks.
        seeds: number of seeds, S.
        clusters: number of independent groups of test images: subjects, or the images themselves.
    """

    training: float
    shared: float
    test: float
    seeds: int
    clusters: int

    @property
    def testable(self) -> bool:
        """Whether there are at least two seeds and two clusters, as a test needs."""
        return self.seeds > 1 and self.clusters > 1

    @property
    def se(self) -> float:
        """Standard error of the mean; never below that from test images only."""
        return math.sqrt(max(self.training + self.shared, self.test))

    def test_half_width(self, level: float) -> float:
        """Half width of the 1 - `level` confidence interval over test images only."""
        return float(quantile(level, self.clusters) * math.sqrt(self.test))

    def half_width(self, level: float) -> float:
        """Half width of the 1 - `level` confidence interval over training runs and test images.

        Never narrower than over test images only, even if the seeds agree by chance.
        """
        both = (
            quantile(level, self.seeds) ** 2 * self.training
            + quantile(level, self.clusters) ** 2 * self.shared
        )
        return max(math.sqrt(both), self.test_half_width(level))

    def p_value(self, mean: float) -> float | None:
        """The level at which the interval around `mean` just touches 0; None if not `testable`."""
        if not self.testable:
            return None
        if mean == 0:
            return 1.0
        if self.se == 0:
            # All seeds and clusters agree: the probability of so many equal signs.
            return max(2.0 ** (1 - self.clusters), _LEAST)

        def excess(log_level: float) -> float:
            return self.half_width(math.exp(log_level)) - abs(mean)

        least = math.log(_LEAST)
        return math.exp(optimize.brentq(excess, least, 0.0)) if excess(least) > 0 else _LEAST


def estimate(by_seed: np.ndarray, sums: np.ndarray, sizes: np.ndarray) -> Noise:
    """Estimates the noise of the mean of `by_seed`, in points.

    Args:
        by_seed: (seeds,) differences in points.
        sums: (seeds, clusters) summed gains of each cluster.
        sizes: (clusters,) number of images in each cluster.
    """
    seeds, clusters = sums.shape
    if clusters == 1:
        return Noise(0.0, 0.0, 0.0, seeds, clusters)
    covariance = _jackknife(sums, sizes)
    test = _not_rounding(covariance.mean())
    if seeds == 1:
        return Noise(0.0, 0.0, test, seeds, clusters)
    between = (covariance.sum() - np.trace(covariance)) / (seeds * (seeds - 1))
    training = np.var(by_seed, ddof=1) / seeds
    return Noise(_not_rounding(training), _not_rounding(between), test, seeds, clusters)


def quantile(level: float, count: int) -> float:
    """Two-sided t quantile for a variance estimated from `count` values."""
    return float(-special.stdtrit(count - 1, level / 2))


def _not_rounding(variance: float) -> float:
    """The variance, or 0 if it is negative or only a rounding error of equal values."""
    return max(round(float(variance), 15), 0.0)


def _jackknife(sums: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Covariance over test sets of 100 times the mean gain, (seeds, seeds)."""
    clusters = len(sizes)
    without = 100 * (sums.sum(axis=1, keepdims=True) - sums) / (sizes.sum() - sizes)
    deviation = without - without.mean(axis=1, keepdims=True)
    return (clusters - 1) / clusters * deviation @ deviation.T
