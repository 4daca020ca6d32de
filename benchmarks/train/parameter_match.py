"""Parameter-matched baseline: is it attention, or just a larger network?"""

from __future__ import annotations

import math
from collections.abc import Callable

import keras

# Relative differences of widths: the smallest that is resolved, and the smallest step outwards. A
# layer of 2048 channels gets one more with each 5e-4.
RESOLUTION, STEP = 1e-4, 1e-3

Build = Callable[[float], "int | keras.Model"]


def matched_width(
    build: Build, target: int, width: float, *, tolerance: float = 0.05, builds: int = 12
) -> float:
    """Return the width at which a network without attention has about `target` parameters.

    The number of parameters grows roughly with the square of the width, in steps, because channels
    are whole numbers: secants go through its square roots, and every third guess bisects.

    Args:
        build: builds the network of a width, or counts its parameters; see `parameters`.
        target: parameters of the network with attention.
        width: width of the network with attention, where the search starts.
        tolerance: accepted deviation, as a fraction of the parameters that the attention adds: with
            a fraction of the target the baseline itself would pass as matched.
        builds: maximum number of widths tried.

    Returns:
        The tried width whose count is nearest to the target. Where one more channel is too many,
        as for ECA's few weights, that is `width` itself.

    Raises:
        ValueError: a target or a width not above 0.
    """
    if target < 1 or not 0 < width < math.inf:
        raise ValueError(f"target and width must be above 0, got {target} and {width}.")
    counts = {width: _count(build(width))}
    enough = tolerance * abs(counts[width] - target)
    while len(counts) < builds and min(abs(n - target) for n in counts.values()) > enough:
        guess = _guess(counts, target)
        if guess is None:
            break
        counts[guess] = _count(build(guess))
    return min(counts, key=lambda tried: abs(counts[tried] - target))


def parameters(build: Callable[[], keras.Model]) -> int:
    """Return the number of parameters of the model that `build` returns.

    JAX compiles the initial values of each new shape, which takes a minute for a deep network;
    here it only traces the shapes.
    """
    if keras.backend.backend() != "jax":
        return int(build().count_params())
    import jax

    counts: list[int] = []
    jax.eval_shape(lambda: counts.append(int(build().count_params())))
    return counts[0]


def _count(built: int | keras.Model) -> int:
    return built if isinstance(built, int) else int(built.count_params())


def _guess(counts: dict[float, int], target: int) -> float | None:
    """The width to try next; None where the interval around the target is too small to divide."""
    below = max((width for width, count in counts.items() if count <= target), default=None)
    above = min((width for width, count in counts.items() if count > target), default=None)
    if below is None or above is None:
        return _outwards(counts, target)
    if above - below < RESOLUTION * above:
        return None
    if len(counts) % 3 == 0:
        return (below + above) / 2
    low, high, wanted = (math.sqrt(n) for n in (counts[below], counts[above], target))
    share = (wanted - low) / (high - low)
    return below + (above - below) * min(0.98, max(0.02, share))


def _outwards(counts: dict[float, int], target: int) -> float:
    """A width beyond those tried, where all their counts are on one side of the target."""
    small = all(count <= target for count in counts.values())
    width = max(counts) if small else min(counts)
    factor = math.sqrt(target / counts[width])
    return width * (max(factor, 1 + STEP) if small else min(factor, 1 - STEP)) ** 1.2
