"""How often training runs and test images alone make a network look better than another.

A run is a trained network, known by which of N test images it predicts correctly. A test set of
n images is drawn from them at random, without replacement and not stratified, so that its classes
vary as those of a random split do. The means over all draws of images and runs are then unbiased
for new test sets of n images and new runs. With replacement they would not be: the N images are a
sample themselves, whose noise would be counted twice.

One run against one is computed exactly: the images that only one of the two predicts correctly
follow a multivariate hypergeometric distribution. The best of several runs is simulated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

import numpy as np
from scipy import special

DRAWS = 20_000
_BLOCK = 500  # draws of test sets at a time, which bounds the memory


@dataclass(frozen=True)
class Contest:
    """The best of some runs against the best of others, all on the same test images.

    Attributes:
        first: for each run of the first side, the numbers of the runs it is drawn from:
            `((0, 1, 2),) * 3` is the best of three runs, `((0,), (1,), (2,))` the best of three
            given ones.
        second: the same for the other side.

    Two pools are equal or disjoint, and no run is drawn twice.
    """

    first: tuple[tuple[int, ...], ...]
    second: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if not self.first or not self.second:
            raise ValueError("first and second must each have a run, got none.")
        pools = [set(pool) for pool in (*self.first, *self.second)]
        for pool in pools:
            if any(other & pool and other != pool for other in pools):
                raise ValueError(f"pools of runs must be equal or disjoint, got {pools}.")
            if len(pool) < pools.count(pool):
                raise ValueError(
                    f"{pools.count(pool)} different runs must be drawn, got only {sorted(pool)}."
                )

    @property
    def single(self) -> bool:
        """Whether it is one run against one."""
        return len(self.first) == len(self.second) == 1


@dataclass(frozen=True, eq=False)
class GainDistribution:
    """How the gain of the first side over the second is distributed.

    Attributes:
        n: number of test images.
        probability: (2 n + 1,), of a gain of -n to n images.
        exact: whether it was computed instead of simulated.
    """

    n: int
    probability: np.ndarray
    exact: bool

    @cached_property
    def points(self) -> np.ndarray:
        """The gains in points, (2 n + 1,)."""
        return 100 * np.arange(-self.n, self.n + 1) / self.n

    @property
    def mean(self) -> float:
        """Mean gain in points."""
        return float(self.points @ self.probability)

    def at_least(self, points: float) -> float:
        """Probability of a gain of at least so many points."""
        # The tolerance is for rounding: 5 of 100 images are 5 points.
        return float(self.probability[self.points >= points - 1e-9].sum())

    @property
    def above_zero(self) -> float:
        """Probability of any gain."""
        return float(self.probability[self.n + 1 :].sum())

    def span(self, share: float = 0.95) -> tuple[float, float]:
        """Gains in points between which at least this share lies, as much beyond on each side."""
        tail = (1 - share) / 2
        below, above = np.cumsum(self.probability), np.cumsum(self.probability[::-1])
        low = int(np.searchsorted(below, tail, side="left"))
        high = int(np.searchsorted(above, tail, side="left"))
        return float(self.points[low]), float(self.points[::-1][high])


def gains(
    correct: np.ndarray, contests: Sequence[Contest], n: int, *, draws: int = DRAWS, seed: int = 0
) -> GainDistribution:
    """Returns the distribution of the gain, averaged over contests, on n random test images.

    Args:
        correct: (runs, N) whether each run predicts each image correctly.
        contests: what is compared; all equally likely, and all of one run each or none.
        n: size of a test set, at most N.
        draws: number of simulated comparisons, unless one run is compared with one.
        seed: of the simulation.

    Raises:
        ValueError: a number is out of range, or there is no contest.
    """
    correct = np.asarray(correct, bool)
    if correct.ndim != 2 or not 1 <= n <= correct.shape[1]:
        raise ValueError(
            f"n must be from 1 to the number of images of correct, (runs, images), got {n} and "
            f"{correct.shape}."
        )
    if not contests:
        raise ValueError("contests must not be empty.")
    if all(contest.single for contest in contests):
        return GainDistribution(n, _exact(correct, contests, n), exact=True)
    rng = np.random.default_rng(seed)
    of_contest = np.arange(draws) % len(contests)
    found = np.zeros(2 * n + 1)
    for start in range(0, draws, _BLOCK):
        chosen = of_contest[start : start + _BLOCK]
        counts = _counts(correct, n, len(chosen), rng)
        for number in np.unique(chosen):
            gain = _best(counts[chosen == number], contests[number], rng)
            found += np.bincount(gain + n, minlength=2 * n + 1)
    return GainDistribution(n, found / draws, exact=False)


def disagreement(correct: np.ndarray, contests: Sequence[Contest]) -> float:
    """Mean share of images that exactly one of two opposing runs predicts correctly."""
    shares = [
        np.mean([np.mean(correct[a] != correct[b]) for a, b in _pairs(contest)])
        for contest in contests
    ]
    return float(np.mean(shares))


def _pairs(contest: Contest) -> Iterator[tuple[int, int]]:
    """Each pair of opposing runs."""
    for first, second in product(contest.first, contest.second):
        yield from ((a, b) for a in first for b in second if a != b)


def _exact(correct: np.ndarray, contests: Sequence[Contest], n: int) -> np.ndarray:
    found = np.zeros(2 * n + 1)
    for contest in contests:
        pairs = list(_pairs(contest))
        for a, b in pairs:
            wins = int((correct[a] & ~correct[b]).sum())
            losses = int((correct[b] & ~correct[a]).sum())
            found += _of_pair(wins, losses, correct.shape[1], n) / len(pairs)
    return found / len(contests)


@lru_cache(maxsize=4096)
def _of_pair(wins: int, losses: int, images: int, n: int) -> np.ndarray:
    """Probability of each gain, (2 n + 1,), for so many won and lost among all images."""
    won = np.arange(min(wins, n) + 1)[:, None]
    lost = np.arange(min(losses, n) + 1)[None, :]
    rest = n - won - lost
    ties = images - wins - losses
    possible = (rest >= 0) & (rest <= ties)
    log = _log_choose(wins, won) + _log_choose(losses, lost)
    log = log + _log_choose(ties, np.where(possible, rest, 0)) - _log_choose(images, np.array(n))
    probability = np.where(possible, np.exp(log), 0.0)
    gain = np.broadcast_to(won - lost + n, probability.shape)
    found = np.bincount(gain.ravel(), weights=probability.ravel(), minlength=2 * n + 1)
    return found / found.sum()


def _log_choose(total: int, chosen: np.ndarray) -> np.ndarray:
    ways = special.gammaln(total + 1) - special.gammaln(chosen + 1)
    return ways - special.gammaln(total - chosen + 1)


def _counts(correct: np.ndarray, n: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Correct images of each run on random test sets of n images, (draws, runs)."""
    images = correct.shape[1]
    if n == images:
        return np.tile(correct.sum(axis=1), (draws, 1))
    drawn = np.argpartition(rng.random((draws, images), dtype=np.float32), n - 1, axis=1)[:, :n]
    inside = np.zeros((draws, images), np.float32)
    np.put_along_axis(inside, drawn, 1.0, axis=1)
    return np.rint(inside @ correct.T.astype(np.float32)).astype(np.int64)


def _best(counts: np.ndarray, contest: Contest, rng: np.random.Generator) -> np.ndarray:
    """Correct images of the best of the first side minus those of the second, (draws,)."""
    each = np.arange(len(counts))
    free = np.ones(counts.shape, bool)
    best = []
    for side in (contest.first, contest.second):
        drawn = []
        for pool in side:
            allowed = free & np.isin(np.arange(counts.shape[1]), pool)
            run = np.where(allowed, rng.random(counts.shape), -1.0).argmax(axis=1)
            free[each, run] = False
            drawn.append(counts[each, run])
        best.append(np.max(drawn, axis=0))
    return best[0] - best[1]
