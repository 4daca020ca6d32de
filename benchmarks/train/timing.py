"""Times that are compared: measured in one process, turn by turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

Timed = Callable[[], "float | None"]


def seconds(calls: Mapping[str, Timed], rounds: int, warm_up: int = 2) -> dict[str, list[float]]:
    """Times of each call in each round; who begins changes from round to round.

    Args:
        calls: by name; one that returns a number has measured itself, in seconds.
        rounds: how many, at least 2.
        warm_up: rounds before, which are not kept.

    Raises:
        ValueError: fewer than two rounds.
    """
    if rounds < 2:
        raise ValueError(f"rounds must be at least 2, given: {rounds}.")
    names = list(calls)
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(warm_up + rounds):
        # Whoever comes after another finds its caches: each is first as often as the others.
        start = turn % len(names)
        for name in names[start:] + names[:start]:
            spent = _seconds(calls[name])
            if turn >= warm_up:
                times[name].append(spent)
    return times


def ratios(times: Sequence[float], others: Sequence[float]) -> dict[str, float]:
    """Median and quartiles of the ratios of times of the same round."""
    low, median, high = statistics.quantiles(
        [one / other for one, other in zip(times, others, strict=True)], n=4
    )
    return {"median": median, "low": low, "high": high}


def _seconds(call: Timed) -> float:
    start = time.perf_counter()
    measured = call()
    return time.perf_counter() - start if measured is None else measured
