"""Builds the network of a cell."""

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
    shape = {"input_shape": cell.settings.input_shape(input_shape), "classes": classes}
    if not cell.row.matched:
        return _build(cell, shape, cell.row.attention, cell.settings.width)

    def count(width: float) -> int:
        return parameters(lambda: _build(cell, shape, "none", width))

    target = parameters(lambda: _build(cell, shape, cell.row.matched, cell.settings.width))
    width = matched_width(count, target, cell.settings.width)
    return _build(cell, shape, "none", width)


def _build(cell: Cell, shape: dict[str, Any], attention: str, width: float) -> keras.Model:
    common = {**shape, "width": width, "seed": cell.seed}
    kind = one_of("variant", cell.variant, VARIANTS)
    build = published.build if kind == "published" else _build_corrected
    config = dict(cell.row.config)
    options = dict(cell.row.options)
    if kind == "published" and cell.settings.drop_path:
        raise ValueError(
            "drop_path must be 0 for published networks, which have no stochastic depth, got "
            f"{cell.settings.drop_path}."
        )
    if kind != "published":
        options = {**_default_options(cell), **options}
    if attention == "none":
        return build(cell.row.backbone, "none", **common, **options)
    return build(
        cell.row.backbone, (attention, config) if config else attention, **common, **options
    )


def _build_corrected(backbone: str, attention: Any, **options: Any) -> keras.Model:
    spec = None if attention == "none" else attention
    return models.build(backbone, attention=spec, **options)


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


def set_norm_momentum(model: keras.Model, momentum: float) -> None:
    """Set the momentum of the backbone's batch normalisations."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum
