"""How far a mean difference over seeds may be off, from training and from the test images.

Seeds are the random readers and images, or subjects, the random cases of a multi-reader
multi-case study: N. A. Obuchowski and H. E. Rockette (1995), Hypothesis testing of diagnostic
accuracy for multiple readers and multiple tests. For the difference d_s of two networks, seed by
seed, their variance of the mean of S seeds is (s_d^2 + S max(Cov, 0)) / S: s_d^2 the sample
variance of d_s, Cov the mean covariance of two seeds' differences over test sets, here by the
jackknife over clusters (S. L. Hillis, N. A. Obuchowski, K. M. Schartz and K. S. Berbaum, 2005, A
comparison of the Dorfman-Berbaum-Metz and Obuchowski-Rockette methods).

S. L. Hillis (2007, A comparison of denominator degrees of freedom methods for multiple observer
ROC analysis) gives the sum one t distribution. That holds for many seeds and clusters but claims
too much for few, several times the nominal rate at the small levels Holm's adjustment asks for
(tests/benchmarks/test_statistics_calibration.py shows it). So each source keeps the quantile of its
own degrees of freedom: S. K. Banerjee (1960), Approximate confidence interval for linear functions
of means of k populations when the population variances are not equal. Where the estimates follow
the normal and chi-square distributions its coverage is never below nominal. With seeds alone it is
the paired t interval over seeds, with images alone the one over images.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

# Smallest p-value told: below it quantiles overflow for few degrees of freedom.
_LEAST = 1e-100


@dataclass(frozen=True)
class Noise:
    """Estimated variances of a mean difference, in points squared.

    Attributes:
        training: s_d^2 / S, of seeds, each on its own part of the test noise; 0 for one seed.
        shared: max(Cov, 0), of what the test images do to all seeds alike; 0 for one seed.
        test: of the test images alone, the trained networks being given.
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
        """Whether both sources can be told from chance: two seeds and two clusters at least."""
        return self.seeds > 1 and self.clusters > 1

    @property
    def se(self) -> float:
        """Standard error of the mean; never below that of the test images alone."""
        return math.sqrt(max(self.training + self.shared, self.test))

    def test_half_width(self, level: float) -> float:
        """Half of the interval of confidence 1 - `level` over test images alone."""
        return float(quantile(level, self.clusters) * math.sqrt(self.test))

    def half_width(self, level: float) -> float:
        """Half of the interval of confidence 1 - `level` over trainings and test images.

        Never narrower than over test images alone, which seeds that agree by chance would allow.
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
            # Every seed and cluster shows the same: the chance of so many equal signs.
            return max(2.0 ** (1 - self.clusters), _LEAST)

        def excess(log_level: float) -> float:
            return self.half_width(math.exp(log_level)) - abs(mean)

        least = math.log(_LEAST)
        return math.exp(optimize.brentq(excess, least, 0.0)) if excess(least) > 0 else _LEAST


def estimate(by_seed: np.ndarray, sums: np.ndarray, sizes: np.ndarray) -> Noise:
    """Noise of the mean of `by_seed`, in points.

    Args:
        by_seed: (seeds,) differences in points.
        sums: (seeds, clusters) gains of each cluster, summed.
        sizes: (clusters,) images of each cluster.
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
    """Two-sided quantile of t for a variance estimated from `count` values."""
    return float(-special.stdtrit(count - 1, level / 2))


def _not_rounding(variance: float) -> float:
    """0 for a negative estimate, and for one that equal values leave by rounding."""
    return max(round(float(variance), 15), 0.0)


def _jackknife(sums: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(seeds, seeds) covariance, over test sets, of 100 times the sum of gains by images."""
    clusters = len(sizes)
    without = 100 * (sums.sum(axis=1, keepdims=True) - sums) / (sizes.sum() - sizes)
    deviation = without - without.mean(axis=1, keepdims=True)
    return (clusters - 1) / clusters * deviation @ deviation.T
