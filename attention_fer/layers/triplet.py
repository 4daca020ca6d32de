"""Rotate to Attend: Convolutional Triplet Attention Module.

Misra, Nalamada, Arasanipalai, Hou 2021, https://arxiv.org/abs/2010.03045
"""

from __future__ import annotations

import functools
from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import odd_int
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.convolutions import AXIS_NAMES, CONVOLUTIONS, kaiming_fan_out
from attention_fer.layers.registry import register


@register("triplet")
class TripletAttention(AttentionModule):
    """Triplet Attention: `x` times the mean of three gates, each over two of its three axes.

    For each of height, width and channels: `sigmoid(bn(conv([max(x), mean(x)])))`, where maximum
    and mean are along that axis, and the convolution, without bias, runs over the two others. The
    batch normalisations have epsilon 1e-5 and momentum 0.99.

    The gates are named by the axes that they have: `"channel_width"` of shape
    `(batch, 1, width, channels)`, `"channel_height"`, and `"spatial"`, the one over height and
    width. In sequences they are `"channel"` and `"spatial"`; in volumes there are four, with
    convolutions over three axes.

    A convolution over channels takes them in their order, and its cost grows with their number. In
    the networks that the authors released, the gamma of the spatial gate started at zero, so that
    this gate was 0.5; their module itself, and this one, start all three at one.

    Args:
        kernel_size: size of the convolution window along every axis; odd.
        use_spatial: whether to include the gate over the spatial axes; if not, the mean is over the
            other gates only.
        start, data_format: see `AttentionModule`. For the identity start the gammas are zero.

    Raises:
        ValueError: `kernel_size` is even.
    """

    def __init__(
        self,
        kernel_size: int = 7,
        use_spatial: bool = True,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.kernel_size = odd_int("kernel_size", kernel_size)
        self.use_spatial = use_spatial

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        positions = (None,) * (len(self.spatial_axes) + 1)
        names = self._pooled_axes()
        # The pooled maps are always channels last: see `SpatialAttention`.
        self.convs = [
            CONVOLUTIONS[len(self.spatial_axes)](
                1,
                self.kernel_size,
                padding="same",
                use_bias=False,
                data_format="channels_last",
                kernel_initializer=kaiming_fan_out(),
                dtype=self.dtype_policy,
                name=f"{name}_conv",
            )
            for name in names
        ]
        self.bns = [
            keras.layers.BatchNormalization(
                epsilon=1e-5,
                momentum=0.99,
                gamma_initializer=self.last_initializer("ones"),
                dtype=self.dtype_policy,
                name=f"{name}_bn",
            )
            for name in names
        ]
        for conv, bn in zip(self.convs, self.bns, strict=True):
            conv.build((*positions, 2))
            bn.build((*positions, 1))

    def _pooled_axes(self) -> dict[str, int]:
        """The axis that is pooled for each gate."""
        names = AXIS_NAMES[len(self.spatial_axes)]
        found = {
            "_".join(["channel", *(other for other in names if other != name)]): axis
            for name, axis in zip(names, self.spatial_axes, strict=True)
        }
        return {**found, "spatial": self.channel_axis} if self.use_spatial else found

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        gates = {}
        axes = self._pooled_axes().items()
        for (name, axis), conv, bn in zip(axes, self.convs, self.bns, strict=True):
            pooled = [ops.max(inputs, axis=axis), ops.mean(inputs, axis=axis)]
            if axis != self.channel_axis:  # The kernels have the channels last in both formats.
                pooled = [self.to_channels_last(one) for one in pooled]
            logits = bn(conv(ops.stack(pooled, axis=-1)), training=training)
            gate = ops.squeeze(self.to_gate(logits), -1)
            if axis != self.channel_axis:
                gate = self.from_channels_last(gate)
            gates[name] = ops.expand_dims(gate, axis)
        return gates

    def combine(self, inputs: Any, gates: dict[str, Any]) -> Any:
        return ops.multiply(inputs, functools.reduce(ops.add, gates.values()) / len(gates))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "use_spatial": self.use_spatial,
        }
