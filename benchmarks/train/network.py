"""From a cell to its network."""

from __future__ import annotations

from typing import Any

import keras

from attention_fer import models
from attention_fer.common.checks import one_of
from benchmarks import published
from benchmarks.plan.cell import Cell
from benchmarks.plan.table import VARIANTS
from benchmarks.train.parameter_match import matched_width, parameters


def network(cell: Cell, input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """The cell's backbone with its attention; the seed decides the initial weights.

    Args:
        cell: what is to be built.
        input_shape: (height, width, channels) of the dataset's images; the settings may ask for
            another size.
        classes: number of classes.

    A control is widened until it has about as many parameters as its counterpart with attention.

    Raises:
        ValueError: an unknown variant, backbone, attention or option.
        TypeError: an option that the backbone does not take.
    """
    shape = {"input_shape": cell.settings.input_shape(input_shape), "classes": classes}
    if not cell.row.matched:
        return _build(cell, shape, cell.row.attention, cell.settings.width)

    def count(width: float) -> int:
        return parameters(lambda: _build(cell, shape, "none", width))

    target = parameters(lambda: _build(cell, shape, cell.row.matched, cell.settings.width))
    width = matched_width(count, target, cell.settings.width)
    return _build(cell, shape, "none", width)


def _build(cell: Cell, shape: dict[str, Any], attention: str, width: float) -> keras.Model:
    given = {**shape, "width": width, "seed": cell.seed}
    kind = one_of("variant", cell.variant, VARIANTS)
    build = published.build if kind == "published" else _corrected
    config = dict(cell.row.config)
    options = dict(cell.row.options)
    if kind == "published" and cell.settings.drop_path:
        raise ValueError("The published networks have no stochastic depth: set drop_path to 0.")
    if kind != "published":
        options = {**_usual(cell), **options}
    if attention == "none":
        return build(cell.row.backbone, "none", **given, **options)
    return build(
        cell.row.backbone, (attention, config) if config else attention, **given, **options
    )


def _corrected(backbone: str, attention: Any, **options: Any) -> keras.Model:
    spec = None if attention == "none" else attention
    return models.build(backbone, attention=spec, **options)


def _usual(cell: Cell) -> dict[str, Any]:
    """Return the options that a corrected network gets unless its row says otherwise.

    They go to builders with an option of that name, unless its default is None, which by
    convention stands for what the authors of the network prescribe.
    """
    usual = {
        # He et al. 2015, for ReLU networks: Keras's default lets their signal fade with depth.
        "kernel_initializer": "he_normal",
        "activation": cell.settings.activation,
        # As published: five "valid" pools of a VGG would leave a map of one pixel of a 48-pixel
        # face, on which spatial attention has nothing to choose from.
        "pool_padding": "same",
    }
    takes = models.options(cell.row.backbone)
    found = {key: value for key, value in usual.items() if takes.get(key) is not None}
    if not cell.settings.drop_path:
        return found
    if "drop_path" not in takes:
        raise ValueError(
            f"{cell.row.backbone} has no stochastic depth: set drop_path to 0 for it, given: "
            f"{cell.settings.drop_path}."
        )
    return {**found, "drop_path": cell.settings.drop_path}


def set_norm_momentum(model: keras.Model, momentum: float) -> None:
    """Sets how slowly the backbone's batch normalisations forget earlier batches."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
