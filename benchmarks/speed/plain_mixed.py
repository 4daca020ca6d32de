"""GC, DAN, EMA, FcaNet and shuffle attention as functional graphs of Keras layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import layers as kl
from keras import ops

from attention_fer.layers.fca import COLUMN_FREQUENCIES, ROW_FREQUENCIES


def plain_gc(x: Any) -> Any:
    """The global context block with addition as a functional graph."""
    _, height, width, channels = x.shape
    mask = kl.Reshape((1, height * width))(kl.Dense(1)(x))
    pixels = kl.Reshape((height * width, channels))(x)
    context = ops.matmul(kl.Softmax()(mask), pixels)
    hidden = kl.LayerNormalization(epsilon=1e-5)(kl.Dense(channels // 16)(context))
    term = kl.Dense(channels, kernel_initializer="zeros")(kl.Activation("relu")(hidden))
    return kl.Add()([x, kl.Reshape((1, 1, channels))(term)])


def plain_dan(x: Any) -> Any:
    """The attention of DAN as a functional graph."""
    channels = x.shape[-1]
    y = _norm(kl.Conv2D(channels // 2, 1)(x))
    windows = ((3, 3), (3, 1), (1, 3))
    branches = [_norm(kl.Conv2D(channels, window, padding="same")(y)) for window in windows]
    spatial = ops.sum(kl.Activation("relu")(kl.Add()(branches)), axis=-1, keepdims=True)
    x = kl.Multiply()([x, spatial])
    hidden = _norm(kl.Dense(32)(kl.GlobalAveragePooling2D()(x)))
    gate = kl.Dense(channels, activation="sigmoid")(kl.Activation("relu")(hidden))
    return kl.Multiply()([x, kl.Reshape((1, 1, channels))(gate)])


def _norm(x: Any) -> Any:
    return kl.BatchNormalization(epsilon=1e-5, momentum=0.9)(x)


def plain_ema(x: Any, groups: int = 32) -> Any:
    """EMA as a functional graph; the first axis holds the groups of all images."""
    _, height, width, channels = x.shape
    k = channels // groups
    parts = ops.moveaxis(kl.Reshape((height, width, groups, k))(x), 3, 1)
    parts = ops.reshape(parts, (-1, height, width, k))
    dense = kl.Dense(k)
    gates = [ops.sigmoid(dense(ops.mean(parts, axis=axis, keepdims=True))) for axis in (2, 1)]
    first = kl.GroupNormalization(-1, epsilon=1e-5)(parts * gates[0] * gates[1])
    second = kl.Conv2D(k, 3, padding="same")(parts)
    shares = [kl.Softmax()(kl.GlobalAveragePooling2D(keepdims=True)(y)) for y in (first, second)]
    logits = ops.sum(shares[0] * second + shares[1] * first, axis=-1, keepdims=True)
    gated = ops.reshape(parts * ops.sigmoid(logits), (-1, groups, height, width, k))
    return ops.reshape(ops.moveaxis(gated, 1, 3), (-1, height, width, channels))


def plain_fca(x: Any) -> Any:
    """Frequency channel attention as a functional graph."""
    channels = x.shape[-1]
    cells = np.arange(7)[:, None] + 0.5
    rows, columns = (
        np.cos(np.pi * cells * np.array(found) / 7) * np.sqrt(np.where(found, 2, 1) / 7)
        for found in (ROW_FREQUENCIES, COLUMN_FREQUENCIES)
    )
    basis = np.repeat(rows[:, None] * columns, channels // 16, axis=-1).astype("float32")
    gate = ops.sum(kl.AdaptiveAveragePooling2D(7)(x) * basis, axis=(1, 2))
    gate = kl.Dense(channels // 16, activation="relu", use_bias=False)(gate)
    gate = kl.Dense(channels, activation="sigmoid", use_bias=False)(gate)
    return kl.Multiply()([x, kl.Reshape((1, 1, channels))(gate)])


def plain_shuffle(x: Any, groups: int = 64) -> Any:
    """Shuffle attention as a functional graph."""
    _, height, width, channels = x.shape
    c = channels // (2 * groups)
    parts = kl.Reshape((height, width, groups, 2, c))(x)
    first, second = parts[..., 0, :], parts[..., 1, :]
    gate = _affine("bgc", (groups, c), "zeros", "ones")(ops.mean(first, axis=(1, 2)))
    first = first * ops.sigmoid(kl.Reshape((1, 1, groups, c))(gate))
    flat = kl.Reshape((height, width, channels // 2))(second)
    normalised = kl.GroupNormalization(-1, epsilon=1e-5, center=False, scale=False)(flat)
    shape = (height, width, groups, c)
    logits = _affine("bhwgc", shape, "ones", "zeros")(kl.Reshape(shape)(normalised))
    second = second * ops.sigmoid(_affine("bhwgc", shape, "zeros", "ones")(logits))
    gated = kl.Reshape((height, width, channels))(ops.stack([first, second], axis=-2))
    halves = kl.Reshape((height, width, 2, channels // 2))(gated)
    return kl.Reshape((height, width, channels))(ops.moveaxis(halves, -2, -1))


def _affine(axes: str, shape: tuple[int, ...], kernel: str, bias: str) -> kl.Layer:
    """A factor and a summand for each channel of a group."""
    return kl.EinsumDense(
        f"{axes},c->{axes}",
        shape,
        bias_axes="c",
        kernel_initializer=kernel,
        bias_initializer=bias,
    )
