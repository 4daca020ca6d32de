"""Efficient Multi-scale Attention. Ouyang et al. 2023, https://arxiv.org/abs/2305.13563"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import channel_divisor, positive_int
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register
from attention_fer.layers.softmax import softmax


@register("ema")
class EMA(AttentionModule):
    """Efficient Multi-scale Attention: one gate per position for each group of channels.

    All groups share their weights. In a group `x` of `k` channels:

    - `a = norm(x * sigmoid(dense(rows)) * sigmoid(dense(columns)))`, where `rows` and `columns` are
      the means of `x` along the other axis, `dense` goes from `k` to `k` channels, and `norm`
      normalises each channel over the positions, with epsilon 1e-5;
    - `b = conv(x)`, a convolution from `k` to `k` channels with a window of 3 along each axis;
    - `gate = sigmoid(softmax(mean(a)) . b + softmax(mean(b)) . a)`, with softmax and product over
      the `k` channels.

    `mean(a)` is the beta of the normalisation, so the first softmax does not depend on `x`. In
    sequences there is no other axis, in volumes the means are over the two others.

    Args:
        groups: number of groups, which must divide the number of channels; `factor` in the authors'
            code. With as many groups as channels both softmaxes are 1.
        start, data_format: see `AttentionModule`. For the identity start the convolution and both
            parameters of the normalisation start at zero.

    Example:
        >>> EMA(groups=8)(keras.ops.ones((2, 12, 12, 64))).shape
        (2, 12, 12, 64)

    Raises:
        ValueError: `groups` does not divide the number of channels.
    """

    def __init__(
        self,
        groups: int = 32,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.groups = positive_int("groups", groups)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        rank = len(self.spatial_axes)
        self.width = self.channels // channel_divisor("groups", self.groups, self.channels)
        conv = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)[rank - 1]
        self.dense = keras.layers.Dense(self.width, dtype=self.dtype_policy, name="dense")
        self.norm = keras.layers.GroupNormalization(
            groups=-1,
            epsilon=1e-5,
            gamma_initializer="zeros" if self.start == "identity" else "ones",
            dtype=self.dtype_policy,
            name="norm",
        )
        self.conv = conv(
            self.width,
            3,
            padding="same",
            data_format="channels_last",
            kernel_initializer=self.last_initializer(),
            dtype=self.dtype_policy,
            name="conv",
        )
        for layer in (self.dense, self.norm, self.conv):
            layer.build((None,) * (rank + 1) + (self.width,))

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        x = _fold(self.to_channels_last(inputs), self.groups)
        first, second = self.norm(self._by_position(x)), self.conv(x)
        logits = ops.sum(_shares(first) * second + _shares(second) * first, axis=-1, keepdims=True)
        gate = _unfold(self.to_gate(logits), self.groups)
        return {"group": self.from_channels_last(ops.repeat(gate, self.width, axis=-1))}

    def _by_position(self, x: Any) -> Any:
        """Multiply a folded map by one gate per axis."""
        axes = range(1, len(x.shape) - 1)
        means = [_mean(x, [other for other in axes if other != axis]) for axis in axes]
        for mean in means:
            x = ops.multiply(x, ops.sigmoid(self.dense(mean)))
        return x

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups}


def _mean(x: Any, axes: list[int]) -> Any:
    # Without axes torch would average everything.
    return ops.mean(x, axis=axes, keepdims=True) if axes else x


def _shares(x: Any) -> Any:
    """Return the softmax over the channels of their means over the positions."""
    return softmax(_mean(x, list(range(1, len(x.shape) - 1))), axes=(-1,))


def _fold(x: Any, groups: int) -> Any:
    """Return `(batch, *spatial, groups * k)` as `(batch * groups, *spatial, k)`."""
    *spatial, channels = ops.shape(x)[1:]
    x = ops.reshape(x, (-1, *spatial, groups, channels // groups))
    x = ops.moveaxis(x, -2, 1)
    return ops.reshape(x, (-1, *spatial, channels // groups))


def _unfold(x: Any, groups: int) -> Any:
    """Undo `_fold`."""
    *spatial, width = ops.shape(x)[1:]
    x = ops.moveaxis(ops.reshape(x, (-1, groups, *spatial, width)), 1, -2)
    return ops.reshape(x, (-1, *spatial, groups * width))
