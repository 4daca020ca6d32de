"""Coordinate Attention for Efficient Mobile Network Design.

Hou, Zhou, Feng 2021, https://arxiv.org/abs/2103.02907
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import positive_int
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.convolutions import AXIS_NAMES, kaiming_fan_out
from attention_fer.layers.registry import register

MIN_HIDDEN = 8


@register("coord")
class CoordinateAttention(AttentionModule):
    """Coordinate Attention: for each channel a gate per row and a gate per column.

    The means of each row and of each column are concatenated into one sequence, which passes
    through `hard_silu(bn(reduce(...)))` and is split into rows and columns again. One dense layer
    each gives `rows = sigmoid(dense(...))` and `columns = sigmoid(dense(...))`; the output is `x *
    rows * columns`. In training, the batch normalisation sees rows and columns together.

    There is one gate per spatial axis: `"height"` of shape `(batch, height, 1, channels)` and
    `"width"` in images, `"length"` in sequences, and `"depth"`, `"height"`, `"width"` in volumes,
    each from the means over the other axes.

    The hidden width is `max(8, channels // reduction_ratio)`, and all dense layers have biases, as
    in the authors' code; timm has no biases and another width. The authors place the module where
    channels are expanded: in an inverted residual block, after the depthwise convolution.

    Args:
        reduction_ratio: see the hidden width above.
        start, data_format: see `AttentionModule`.

    Example:
        >>> maps = CoordinateAttention().attention_maps(keras.ops.ones((2, 12, 10, 64)))
        >>> {name: gate.shape for name, gate in maps.items()}
        {'height': (2, 12, 1, 64), 'width': (2, 1, 10, 64)}

    Raises:
        ValueError: `reduction_ratio` is below 1.
    """

    def __init__(
        self,
        reduction_ratio: int = 32,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.reduction_ratio = positive_int("reduction_ratio", reduction_ratio)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        hidden = max(MIN_HIDDEN, self.channels // self.reduction_ratio)
        self.reduce = keras.layers.Dense(
            hidden, kernel_initializer=kaiming_fan_out(), dtype=self.dtype_policy, name="reduce"
        )
        self.bn = keras.layers.BatchNormalization(
            epsilon=1e-5, momentum=0.9, dtype=self.dtype_policy, name="bn"
        )
        self.expand = [
            keras.layers.Dense(
                self.channels,
                kernel_initializer=self.last_initializer(kaiming_fan_out()),
                dtype=self.dtype_policy,
                name=f"expand_{name}",
            )
            for name in AXIS_NAMES[len(self.spatial_axes)]
        ]
        self.reduce.build((None, None, self.channels))
        for layer in (self.bn, *self.expand):
            layer.build((None, None, hidden))

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        means = [self._means(inputs, axis) for axis in self.spatial_axes]
        hidden = self.bn(self.reduce(ops.concatenate(means, axis=1)), training=training)
        hidden = ops.hard_silu(hidden)
        gates, first = {}, 0
        names = AXIS_NAMES[len(self.spatial_axes)]
        for name, axis, mean, expand in zip(
            names, self.spatial_axes, means, self.expand, strict=True
        ):
            last = first + ops.shape(mean)[1]
            gate = self.to_gate(expand(hidden[:, first:last]))
            gates[name] = ops.expand_dims(self.from_channels_last(gate), self._others(axis))
            first = last
        return gates

    def _means(self, inputs: Any, axis: int) -> Any:
        """The means over all spatial axes but one, `(batch, size of the axis, channels)`."""
        others = self._others(axis)
        return self.to_channels_last(ops.mean(inputs, axis=others) if others else inputs)

    def _others(self, axis: int) -> tuple[int, ...]:
        return tuple(other for other in self.spatial_axes if other != axis)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reduction_ratio": self.reduction_ratio}
