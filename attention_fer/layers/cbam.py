"""Convolutional Block Attention Module. Woo et al. 2018, https://arxiv.org/abs/1807.06521"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import odd_int, positive_int, reduced_channels
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.convolutions import CONVOLUTIONS
from attention_fer.layers.registry import register


@register("cbam_channel")
class ChannelAttention(AttentionModule):
    """Channel half of CBAM: one MLP on the mean and on the maximum of each channel, summed.

    `x * sigmoid(mlp(mean(x)) + mlp(max(x)))`, where the MLP is dense, ReLU, dense, with biases.

    Args:
        reduction_ratio: the hidden width of the MLP is `channels // reduction_ratio`.
        start, data_format: see `AttentionModule`.

    Raises:
        ValueError: `reduction_ratio` is below 1 or above the number of channels.
    """

    def __init__(
        self,
        reduction_ratio: int = 16,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.reduction_ratio = positive_int("reduction_ratio", reduction_ratio)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        hidden = reduced_channels(self.channels, self.reduction_ratio)
        self.mlp1 = keras.layers.Dense(
            hidden, activation="relu", dtype=self.dtype_policy, name="mlp1"
        )
        self.mlp2 = keras.layers.Dense(
            self.channels,
            kernel_initializer=self.last_initializer(),
            dtype=self.dtype_policy,
            name="mlp2",
        )
        self.mlp1.build((None, self.channels))
        self.mlp2.build((None, hidden))

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        mean = ops.mean(inputs, axis=self.spatial_axes)
        maximum = ops.max(inputs, axis=self.spatial_axes)
        logits = self.mlp2(self.mlp1(mean)) + self.mlp2(self.mlp1(maximum))
        return {"channel": self.per_channel(self.to_gate(logits))}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reduction_ratio": self.reduction_ratio}


@register("cbam_spatial")
class SpatialAttention(AttentionModule):
    """Spatial half of CBAM: a convolution over the maximum and the mean of the channels.

    `x * sigmoid(bn(conv([max(x), mean(x)])))`. As in the authors' code, the convolution has no
    bias, and the batch normalisation has epsilon 1e-5 and a gamma that starts at zero. The paper's
    equations have no normalisation and use the order [mean; max].

    Args:
        kernel_size: size of the convolution window along every spatial axis; odd.
        start, data_format: see `AttentionModule`.

    Raises:
        ValueError: `kernel_size` is even.
    """

    def __init__(
        self,
        kernel_size: int = 7,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.kernel_size = odd_int("kernel_size", kernel_size)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        rank = len(self.spatial_axes)
        # The pooled map has two channels and is always channels last, whatever the format of x:
        # this costs nothing, and not every backend convolves channels first on a CPU.
        self.conv = CONVOLUTIONS[rank](
            1,
            self.kernel_size,
            padding="same",
            use_bias=False,
            data_format="channels_last",
            dtype=self.dtype_policy,
            name="conv",
        )
        self.bn = keras.layers.BatchNormalization(
            epsilon=1e-5,
            momentum=0.99,
            gamma_initializer="zeros",
            dtype=self.dtype_policy,
            name="bn",
        )
        self.conv.build((None,) * (rank + 1) + (2,))
        self.bn.build((None,) * (rank + 1) + (1,))

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        pooled = ops.stack(
            [ops.max(inputs, axis=self.channel_axis), ops.mean(inputs, axis=self.channel_axis)],
            axis=-1,
        )
        gate = self.to_gate(self.bn(self.conv(pooled), training=training))
        if self.channel_axis == 1:
            gate = ops.expand_dims(ops.squeeze(gate, -1), 1)
        return {"spatial": gate}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kernel_size": self.kernel_size}


@register("cbam")
class CBAM(AttentionModule):
    """Convolutional Block Attention Module: a channel gate, then a spatial gate.

    The spatial gate is computed from the map that the channel gate has already scaled.

    Args:
        reduction_ratio: see `ChannelAttention`.
        kernel_size: see `SpatialAttention`.
        start, data_format: see `AttentionModule`.

    Example:
        >>> CBAM(reduction_ratio=8)(keras.ops.ones((2, 12, 12, 64))).shape
        (2, 12, 12, 64)

    Raises:
        ValueError: as `ChannelAttention` and `SpatialAttention`.
    """

    def __init__(
        self,
        reduction_ratio: int = 16,
        kernel_size: int = 7,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.reduction_ratio = positive_int("reduction_ratio", reduction_ratio)
        self.kernel_size = odd_int("kernel_size", kernel_size)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        shared = {
            "start": self.start,
            "data_format": self.data_format,
            "dtype": self.dtype_policy,
        }
        self.channel = ChannelAttention(self.reduction_ratio, name="channel", **shared)
        self.spatial = SpatialAttention(self.kernel_size, name="spatial", **shared)
        self.channel.build(input_shape)
        self.spatial.build(input_shape)

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        channel = self.channel.gates(inputs, training=training)
        refined = ops.multiply(inputs, channel["channel"])
        return {**channel, **self.spatial.gates(refined, training=training)}

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        # Calling the halves in turn avoids computing the refined map twice, as the base would.
        return self.spatial(self.channel(inputs), training=training)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "reduction_ratio": self.reduction_ratio,
            "kernel_size": self.kernel_size,
        }
