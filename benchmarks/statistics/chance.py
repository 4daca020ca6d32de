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


class RandomTestSets:
    """Test sets of n images drawn from N, and how runs compare on them.

    Args:
        correct: (runs, N) whether each run predicts each image correctly.
        n: size of a test set, at most N.
        draws: number of simulated test sets.
        seed: seed of the simulation.

    Raises:
        ValueError: `n` is out of range, or `correct` has another shape.
    """

    def __init__(self, correct: np.ndarray, n: int, *, draws: int = DRAWS, seed: int = 0):
        self.correct = np.asarray(correct, bool)
        if self.correct.ndim != 2 or not 1 <= n <= self.correct.shape[1]:
            raise ValueError(
                "n must be from 1 to the number of images of correct, (runs, images), got "
                f"{n} and {self.correct.shape}."
            )
        self.n, self.draws, self.seed = n, draws, seed

    def gains(self, contests: Sequence[Contest]) -> GainDistribution:
        """Returns the distribution of the gain, averaged over contests that count equally.

        Raises:
            ValueError: there is no contest.
        """
        if not contests:
            raise ValueError("contests must not be empty.")
        if all(contest.single for contest in contests):
            return GainDistribution(self.n, _exact(self.correct, contests, self.n), exact=True)
        rng = np.random.default_rng([self.seed, 1])
        found = np.zeros(2 * self.n + 1)
        of_contest = np.arange(self.draws) % len(contests)
        for number, contest in enumerate(contests):
            gain = _best(self._counts[of_contest == number], contest, rng)
            found += np.bincount(gain + self.n, minlength=2 * self.n + 1)
        return GainDistribution(self.n, found / self.draws, exact=False)

    @cached_property
    def _counts(self) -> np.ndarray:
        """Correct images of each run on each test set, (draws, runs)."""
        images = self.correct.shape[1]
        if self.n == images:
            return np.tile(self.correct.sum(axis=1), (self.draws, 1))
        rng, whole = np.random.default_rng([self.seed, 0]), self.correct.T.astype(np.float32)
        found = []
        for start in range(0, self.draws, _BLOCK):
            draws = min(_BLOCK, self.draws - start)
            order = rng.random((draws, images), dtype=np.float32)
            inside = np.zeros((draws, images), np.float32)
            np.put_along_axis(inside, np.argpartition(order, self.n - 1)[:, : self.n], 1.0, axis=1)
            found.append(np.rint(inside @ whole).astype(np.int64))
        return np.concatenate(found)


def easier(correct: np.ndarray, accuracy: float) -> np.ndarray:
    """Adds images that every run predicts correctly, until the mean accuracy is as asked.

    Where runs are more accurate they disagree less, and gains by chance are smaller.

    Args:
        correct: (runs, N), see `RandomTestSets`.
        accuracy: share below 1; if the runs reach it, nothing is added.
    """
    if not 0 <= accuracy < 1:
        raise ValueError(f"accuracy must be at least 0 and below 1, got {accuracy}.")
    runs, images = correct.shape
    more = round(images * (accuracy - correct.mean()) / (1 - accuracy))
    return np.concatenate([correct, np.ones((runs, max(more, 0)), bool)], axis=1)


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
    if n == images:  # no choice of images is left
        return np.eye(1, 2 * n + 1, wins - losses + n)[0]
    won = np.arange(min(wins, n) + 1)[:, None]
    lost = np.arange(min(losses, n) + 1)[None, :]
    rest = n - won - lost
    ties = images - wins - losses
    possible = (rest >= 0) & (rest <= ties)
    log = _log_choose(wins, won) + _log_choose(losses, lost)
    log = log + _log_choose(ties, np.where(possible, rest, 0)) - _log_choose(images, np.array(n))
    probability = np.exp(np.where(possible, log, -np.inf))
    gain = np.broadcast_to(won - lost + n, probability.shape)
    found = np.bincount(gain.ravel(), weights=probability.ravel(), minlength=2 * n + 1)
    return found / found.sum()


def _log_choose(total: int, chosen: np.ndarray) -> np.ndarray:
    ways = special.gammaln(total + 1) - special.gammaln(chosen + 1)
    return ways - special.gammaln(total - chosen + 1)


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
