"""From a cell to its network, and the width of a parameter-matched baseline."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras

from attention_fer import models
from attention_fer.common.checks import one_of
from attention_fer.layers import AttentionModule
from benchmarks import published
from benchmarks.plan.cell import Cell
from benchmarks.plan.table import VARIANTS

# Relative differences of widths: the smallest that is resolved, and the smallest step outwards. A
# layer of 2048 channels gets one more with each 5e-4.
RESOLUTION, STEP = 1e-4, 1e-3


def network(cell: Cell, input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """Build the cell's backbone with its attention; the seed determines the initial weights.

    A control is widened until it has about as many parameters as its counterpart with attention.

    Args:
        cell: the cell whose network to build.
        input_shape: height, width and channels of the dataset's images; the settings may change
            them.
        classes: number of classes.

    Raises:
        ValueError: an unknown variant, backbone, attention or option.
        TypeError: the backbone does not accept an option.
    """
    shape = _shape(cell, input_shape, classes)
    return _build(cell, shape, cell.row.attention, _width(cell, shape))


def is_plain(cell: Cell, input_shape: tuple[int, ...], classes: int) -> bool:
    """Return whether a control equals its backbone without attention.

    It does if a single extra channel would add more parameters than the attention does, see
    `matched_width`. The arguments are those of `network`.
    """
    width = _width(cell, _shape(cell, input_shape, classes))
    return bool(cell.row.matched) and width == cell.settings.width


def _shape(cell: Cell, input_shape: tuple[int, ...], classes: int) -> dict[str, Any]:
    return {"input_shape": cell.settings.input_shape(input_shape), "classes": classes}


def _width(cell: Cell, shape: dict[str, Any]) -> float:
    own = cell.settings.width
    if not cell.row.matched:
        return own

    def count(width: float) -> int:
        return parameters(lambda: _build(cell, shape, "none", width))

    return matched_width(count, parameters(lambda: _build(cell, shape, cell.row.matched, own)), own)


def _build(cell: Cell, shape: dict[str, Any], attention: str, width: float) -> keras.Model:
    row, config = cell.row, dict(cell.row.config)
    spec = None if attention == "none" else (attention, config) if config else attention
    common = {**shape, "attention": spec, "width": width, "seed": cell.seed}
    if one_of("variant", cell.variant, VARIANTS) == "corrected":
        return models.build(
            row.backbone, **common, **{**_default_options(cell), **dict(row.options)}
        )
    if cell.settings.drop_path:
        raise ValueError(
            "drop_path must be 0 for published networks, which have no stochastic depth, got "
            f"{cell.settings.drop_path}."
        )
    return published.build(row.backbone, **common, **dict(row.options))


def _default_options(cell: Cell) -> dict[str, Any]:
    """Return the options that a corrected network gets unless its row says otherwise.

    They go to builders with an option of that name, unless its default is None, which by
    convention stands for what the authors of the network prescribe.
    """
    defaults = {
        # He et al. 2015, for ReLU networks: with Keras's default the signal fades with depth.
        "kernel_initializer": "he_normal",
        "activation": cell.settings.activation,
        # As published: the five "valid" pools of a VGG would reduce a 48-pixel face to a map of one
        # pixel, which leaves spatial attention nothing to weigh.
        "pool_padding": "same",
    }
    accepted = models.options(cell.row.backbone)
    found = {key: value for key, value in defaults.items() if accepted.get(key) is not None}
    if not cell.settings.drop_path:
        return found
    if "drop_path" not in accepted:
        raise ValueError(
            f"drop_path must be 0 for {cell.row.backbone}, which has no stochastic depth, got "
            f"{cell.settings.drop_path}."
        )
    return {**found, "drop_path": cell.settings.drop_path}


def start_from(network: keras.Model, teacher: keras.Model) -> None:
    """Give a network the weights of its teacher; attention that the teacher lacks keeps its own.

    Args:
        network: the network that is about to be trained.
        teacher: a model that contains a network of the same name.

    Raises:
        ValueError: apart from attention, the two have different layers or weights.
    """
    try:
        trained = teacher.get_layer(network.name)
    except ValueError:
        there = [layer.name for layer in teacher.layers if isinstance(layer, keras.Model)]
        raise ValueError(
            f"warm_start needs a teacher with the student's backbone, {network.name}, got {there}."
        ) from None
    report = models.load_into(network, trained)
    attention = {layer.name for layer in network.layers if isinstance(layer, AttentionModule)}
    if report.missed or {name.partition("/")[0] for name in report.new} - attention:
        raise ValueError(
            f"warm_start needs a teacher with the same layers and weights as the student: {report}"
        )


def set_norm_momentum(model: keras.Model, momentum: float) -> None:
    """Set the momentum of the backbone's batch normalisations."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum


def matched_width(
    count: Callable[[float], int],
    target: int,
    width: float,
    *,
    tolerance: float = 0.05,
    builds: int = 12,
) -> float:
    """Return the width at which a network without attention has about `target` parameters.

    The number of parameters grows roughly with the square of the width, in steps, because channels
    are whole numbers: secants go through its square roots, and every third guess bisects.

    Args:
        count: returns the number of parameters at a width, see `parameters`.
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
    counts = {width: count(width)}
    enough = tolerance * abs(counts[width] - target)
    while len(counts) < builds and min(abs(n - target) for n in counts.values()) > enough:
        guess = _guess(counts, target)
        if guess is None:
            break
        counts[guess] = count(guess)
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
