"""From a cell to its network."""

from __future__ import annotations

from typing import Any

import keras

from attention_fer import models
from attention_fer.checks import one_of
from benchmarks import published
from benchmarks.cells import Cell
from benchmarks.control import matched_width, parameters
from benchmarks.table import VARIANTS


def network(cell: Cell, input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """The cell's backbone with its attention; the seed decides the initial weights.

    A control is widened until it has about as many parameters as its counterpart with attention.

    Raises:
        ValueError: an unknown variant, backbone, attention or option.
        TypeError: an option that the backbone does not take.
    """
    shape = {"input_shape": input_shape, "classes": classes}
    if not cell.matched:
        return _build(cell, shape, cell.attention, cell.settings.width)

    def count(width: float) -> int:
        return parameters(lambda: _build(cell, shape, "none", width))

    target = parameters(lambda: _build(cell, shape, cell.matched, cell.settings.width))
    width = matched_width(count, target, cell.settings.width)
    return _build(cell, shape, "none", width)


def _build(cell: Cell, shape: dict[str, Any], attention: str, width: float) -> keras.Model:
    given = {**shape, "width": width, "seed": cell.seed}
    kind = one_of("variant", cell.variant, VARIANTS)
    build = published.build if kind == "published" else _corrected
    config = dict(cell.config)
    options = dict(cell.options)
    if kind != "published":
        options = {**_usual(cell), **options}
    if attention == "none":
        return build(cell.backbone, "none", **given, **options)
    return build(cell.backbone, (attention, config) if config else attention, **given, **options)


def _corrected(backbone: str, attention: Any, **options: Any) -> keras.Model:
    spec = None if attention == "none" else attention
    return models.build(backbone, attention=spec, **options)


def _usual(cell: Cell) -> dict[str, Any]:
    """The options that a corrected network gets unless its row says otherwise."""
    usual = {
        # He et al. 2015, for ReLU networks: Keras's default lets their signal fade with depth.
        "kernel_initializer": "he_normal",
        "activation": cell.settings.activation,
        # As published: five "valid" pools of a VGG would leave a map of one pixel of a 48-pixel
        # face, on which spatial attention has nothing to choose from.
        "pool_padding": "same",
    }
    takes = models.options(cell.backbone)
    return {key: value for key, value in usual.items() if key in takes}


def set_norm_momentum(model: keras.Model, momentum: float) -> None:
    """Sets how slowly the backbone's batch normalisations forget earlier batches."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
