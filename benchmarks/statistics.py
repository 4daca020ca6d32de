"""The paired comparison of a network with its baseline, from stored predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.store import Result


@dataclass(frozen=True)
class Difference:
    """Accuracy of a network minus that of its baseline, in points (percent), seed by seed paired.

    Attributes:
        mean: over the seeds.
        low, high: 95 % bootstrap interval over test images, the seeds' runs being given.
        by_seed: the difference of each seed.
        n: test images.
    """

    mean: float
    low: float
    high: float
    by_seed: tuple[float, ...]
    n: int

    @property
    def verdict(self) -> str:
        """In words; a direction is claimed only if the interval and every seed agree on it.

        Empty for a single seed, which allows none.
        """
        if len(self.by_seed) < 2:
            return ""
        if self.low > 0 and min(self.by_seed) > 0:
            return "better"
        if self.high < 0 and max(self.by_seed) < 0:
            return "worse"
        return "no detectable difference"


def paired_difference(results: Sequence[Result], baselines: Sequence[Result]) -> Difference | None:
    """Compares results with the baselines of the same seeds; None where no seed has both.

    Raises:
        ValueError: a pair was not measured on the same test images.
    """
    base = {result.cell.seed: result for result in baselines}
    pairs = [(result, base[result.cell.seed]) for result in results if result.cell.seed in base]
    if not pairs:
        return None
    # (seeds, images): 100 where only the network is right, -100 where only the baseline is.
    gains = 100.0 * np.stack([_gains(result, baseline) for result, baseline in pairs])
    per_image = gains.mean(axis=0)
    low, high = _interval(per_image)
    by_seed = tuple(float(value) for value in gains.mean(axis=1))
    return Difference(float(per_image.mean()), low, high, by_seed, per_image.size)


def mean_and_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Mean, and sample standard deviation where there are at least two values."""
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return float(np.mean(values)), sd


def _gains(result: Result, baseline: Result) -> np.ndarray:
    sample, right = result.correct()
    base_sample, base_right = baseline.correct()
    if not np.array_equal(sample, base_sample):
        raise ValueError(
            f"{result.path.name} and {baseline.path.name} were not measured on the same images."
        )
    return right.astype(float) - base_right.astype(float)


def _interval(values: np.ndarray) -> tuple[float, float]:
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    found = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=2000,
        batch=100,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
