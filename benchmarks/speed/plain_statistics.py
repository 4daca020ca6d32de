"""Modules whose gates follow from statistics, as functional graphs of Keras layers."""

from __future__ import annotations

from typing import Any

from keras import layers as kl
from keras import ops


def _variance(squares: Any) -> Any:
    _, height, width, _ = squares.shape
    return ops.sum(squares, axis=(1, 2), keepdims=True) / (height * width - 1)


def plain_simam(x: Any) -> Any:
    """SimAM as a functional graph."""
    squares = ops.square(x - ops.mean(x, axis=(1, 2), keepdims=True))
    gate = ops.sigmoid(squares / (4 * (_variance(squares) + 1e-4)) + 0.5)
    return kl.Multiply()([x, gate])


def plain_srm(x: Any) -> Any:
    """SRM as a functional graph."""
    channels = x.shape[-1]
    mean = kl.GlobalAveragePooling2D(keepdims=True)(x)
    std = ops.sqrt(_variance(ops.square(x - mean)) + 1e-5)
    style = kl.Reshape((2, channels))(kl.Concatenate(axis=1)([mean, std]))
    scaled = kl.EinsumDense("bsc,sc->bc", channels, kernel_initializer="zeros")(style)
    gate = kl.BatchNormalization(epsilon=1e-5, momentum=0.9)(scaled)
    gate = kl.Reshape((1, 1, channels))(kl.Activation("sigmoid")(gate))
    return kl.Multiply()([x, gate])


def plain_ese(x: Any) -> Any:
    """Effective squeeze-and-excitation as a functional graph."""
    gate = kl.GlobalAveragePooling2D(keepdims=True)(x)
    gate = kl.Dense(x.shape[-1], activation="hard_sigmoid", kernel_initializer="he_normal")(gate)
    return kl.Multiply()([x, gate])


def plain_gct(x: Any) -> Any:
    """Gated channel transformation as a functional graph."""
    channels = x.shape[-1]
    size = ops.sqrt(ops.sum(ops.square(x), axis=(1, 2)) + 1e-5)
    embedding = kl.EinsumDense("bc,c->bc", channels, kernel_initializer="ones")(size)
    scale = ops.sqrt(ops.mean(ops.square(embedding), axis=-1, keepdims=True) + 1e-5)
    gate = kl.EinsumDense("bc,c->bc", channels, bias_axes="c", kernel_initializer="zeros")(
        embedding / scale
    )
    return kl.Multiply()([x, kl.Reshape((1, 1, channels))(1 + ops.tanh(gate))])


def plain_nam(x: Any) -> Any:
    """NAM as a functional graph, whose lambda layer reads the scales of the normalisation."""
    norm = kl.BatchNormalization(epsilon=1e-5, momentum=0.9)
    normalised = norm(x)

    def weighted(z: Any) -> Any:
        scales = ops.abs(ops.stop_gradient(norm.gamma))
        return ops.sigmoid(z * (scales / ops.sum(scales)))

    return kl.Multiply()([x, kl.Lambda(weighted)(normalised)])


def plain_pfaam(x: Any) -> Any:
    """PfAAM as a functional graph."""
    of_channel = kl.GlobalAveragePooling2D(keepdims=True)(x)
    of_position = ops.mean(x, axis=-1, keepdims=True)
    return kl.Multiply()([x, ops.sigmoid(of_channel * of_position)])


def plain_sge(x: Any, groups: int = 64) -> Any:
    """Spatial group-wise enhance as a functional graph."""
    _, height, width, channels = x.shape
    products = kl.Multiply()([x, kl.GlobalAveragePooling2D(keepdims=True)(x)])
    parts = kl.Reshape((height, width, groups, channels // groups))(products)
    deviations = ops.sum(parts, axis=-1)
    deviations = deviations - ops.mean(deviations, axis=(1, 2), keepdims=True)
    normalised = deviations / (ops.sqrt(_variance(ops.square(deviations))) + 1e-5)
    logits = kl.EinsumDense(
        "bhwg,g->bhwg",
        (height, width, groups),
        bias_axes="g",
        kernel_initializer="zeros",
        bias_initializer="ones",
    )(normalised)
    gate = ops.repeat(ops.sigmoid(logits), channels // groups, axis=-1)
    return kl.Multiply()([x, gate])
