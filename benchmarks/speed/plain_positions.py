"""Modules whose gates depend on the position, as functional graphs of Keras layers."""

from __future__ import annotations

from typing import Any

from keras import layers as kl
from keras import ops


def plain_coord(x: Any) -> Any:
    """Coordinate Attention as a functional graph."""
    _, height, _, channels = x.shape
    rows, columns = ops.mean(x, axis=2), ops.mean(x, axis=1)
    hidden = kl.Dense(max(8, channels // 32))(kl.Concatenate(axis=1)([rows, columns]))
    hidden = kl.BatchNormalization(epsilon=1e-5, momentum=0.9)(hidden)
    hidden = kl.Activation("hard_swish")(hidden)
    rows = kl.Dense(channels, activation="sigmoid")(hidden[:, :height])
    columns = kl.Dense(channels, activation="sigmoid")(hidden[:, height:])
    gates = [ops.expand_dims(rows, 2), ops.expand_dims(columns, 1)]
    return kl.Multiply()([kl.Multiply()([x, gates[0]]), gates[1]])


def plain_triplet(x: Any) -> Any:
    """Triplet Attention as a functional graph."""
    gates = []
    for axis in (1, 2, 3):
        pooled = ops.stack([ops.max(x, axis=axis), ops.mean(x, axis=axis)], axis=-1)
        gate = kl.Conv2D(1, 7, padding="same", use_bias=False)(pooled)
        gate = kl.BatchNormalization(epsilon=1e-5)(gate)
        gate = kl.Activation("sigmoid")(gate)
        gates.append(ops.expand_dims(ops.squeeze(gate, -1), axis))
    return kl.Average()([kl.Multiply()([x, gate]) for gate in gates])


def plain_cse(x: Any) -> Any:
    """Channel half of scSE as a functional graph."""
    gate = kl.GlobalAveragePooling2D(keepdims=True)(x)
    gate = kl.Dense(x.shape[-1] // 2, activation="relu")(gate)
    return kl.Multiply()([x, kl.Dense(x.shape[-1], activation="sigmoid")(gate)])


def plain_sse(x: Any) -> Any:
    """Spatial half of scSE as a functional graph."""
    return kl.Multiply()([x, kl.Dense(1, activation="sigmoid")(x)])


def plain_scse(x: Any) -> Any:
    """The maximum of both halves of scSE as a functional graph."""
    return kl.Maximum()([plain_cse(x), plain_sse(x)])


def plain_bam(x: Any) -> Any:
    """BAM as a functional graph."""
    channels = x.shape[-1]
    hidden = channels // 16

    def normalised(y: Any, name: str) -> Any:
        y = kl.BatchNormalization(epsilon=1e-5, momentum=0.9, name=f"{name}_bn")(y)
        return kl.Activation("relu")(y)

    channel = kl.GlobalAveragePooling2D(keepdims=True)(x)
    channel = normalised(kl.Dense(hidden, name="squeeze")(channel), "squeeze")
    channel = kl.Dense(channels, name="excite")(channel)
    spatial = normalised(kl.Dense(hidden, name="reduce")(x), "reduce")
    for name in ("conv_1", "conv_2"):
        dilated = kl.Conv2D(hidden, 3, padding="same", dilation_rate=4, name=name)
        spatial = normalised(dilated(spatial), name)
    spatial = kl.Dense(1, name="score")(spatial)
    return kl.Multiply()([x, 1 + kl.Activation("sigmoid")(kl.Multiply()([channel, spatial]))])


def plain_lka(x: Any) -> Any:
    """Large kernel attention as a functional graph."""
    gate = kl.DepthwiseConv2D(5, padding="same")(x)
    gate = kl.DepthwiseConv2D(7, padding="same", dilation_rate=3)(gate)
    return kl.Multiply()([x, kl.Dense(x.shape[-1])(gate)])


def plain_van_attention(x: Any) -> Any:
    """Attention of the Visual Attention Network as a functional graph."""
    channels = x.shape[-1]
    term = ops.gelu(kl.Dense(channels)(x), approximate=False)
    return kl.Add()([x, kl.Dense(channels)(plain_lka(term))])
