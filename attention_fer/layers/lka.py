"""Visual Attention Network. Guo, Lu, Liu, Cheng, Hu 2022, https://arxiv.org/abs/2202.09741"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import keras
from keras import ops

from attention_fer.common.checks import odd_int, positive_int
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.convolutions import CONVOLUTIONS, kaiming_fan_out
from attention_fer.layers.registry import register

DEPTHWISE = {1: keras.layers.DepthwiseConv1D, 2: keras.layers.DepthwiseConv2D}


@register("lka")
class LKA(AttentionModule):
    """Large kernel attention: `x * dense(dilated(local(x)))`, one gate per value, not bounded.

    `local` and `dilated` are depthwise convolutions, `dense` mixes the channels of a position; all
    have biases, and there is no activation. The default sizes reach as far as a window of 23 pixels
    at the cost of 5 x 5 + 7 x 7. The gates, named `"all"`, have the shape of `x`.

    In the authors' network the gate is inside `VANAttention`, whose shortcut keeps the input.

    Args:
        kernel_size: size of the window of `local` along every spatial axis; odd.
        dilated_kernel_size: size of the window of `dilated`; odd.
        dilation: distance of the pixels that `dilated` sees; smaller for small maps.
        start, data_format: see `AttentionModule`. For the identity start the last kernel is zero,
            and the gate is `1 + dense(...)`.

    Raises:
        ValueError: a size is even, or `dilation` is below 1.
    """

    gate_kind: ClassVar[str] = "linear"

    def __init__(
        self,
        kernel_size: int = 5,
        dilated_kernel_size: int = 7,
        dilation: int = 3,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.kernel_size = odd_int("kernel_size", kernel_size)
        self.dilated_kernel_size = odd_int("dilated_kernel_size", dilated_kernel_size)
        self.dilation = positive_int("dilation", dilation)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.local = self._depthwise(self.kernel_size, 1, "local")
        self.dilated = self._depthwise(self.dilated_kernel_size, self.dilation, "dilated")
        self.dense = keras.layers.Dense(
            self.channels,
            kernel_initializer=self.last_initializer(kaiming_fan_out()),
            dtype=self.dtype_policy,
            name="dense",
        )
        for layer in (self.local, self.dilated, self.dense):
            layer.build((None,) * (len(self.spatial_axes) + 1) + (self.channels,))

    def _depthwise(self, size: int, dilation: int, name: str) -> keras.layers.Layer:
        rank = len(self.spatial_axes)
        # As `kaiming_fan_out` with one filter per channel; Keras counts groups differently.
        start = keras.initializers.RandomNormal(stddev=math.sqrt(2 / size**rank))
        shared = {
            "padding": "same",
            "dilation_rate": dilation,
            "data_format": "channels_last",
            "dtype": self.dtype_policy,
            "name": name,
        }
        if rank in DEPTHWISE:
            return DEPTHWISE[rank](size, depthwise_initializer=start, **shared)
        return CONVOLUTIONS[rank](
            self.channels, size, groups=self.channels, kernel_initializer=start, **shared
        )

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        logits = self.dense(self.dilated(self.local(self.to_channels_last(inputs))))
        return {"all": self.from_channels_last(self.to_gate(logits))}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "dilated_kernel_size": self.dilated_kernel_size,
            "dilation": self.dilation,
        }


@register("van_attention")
class VANAttention(AttentionModule):
    """Attention of the Visual Attention Network: `x + dense2(lka(gelu(dense1(x))))`.

    `lka` is `LKA`, both dense layers mix the channels of a position and have biases, and the GELU
    is exact. The module has no gates on `x`, but the term `"attention"`; the gates of `lka` are the
    view `"lka"`. The authors place it after a batch normalisation, and scale it for each channel.

    Args:
        start, data_format: see `AttentionModule`. For the identity start `dense2` is zero.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.dense1 = self._dense(kaiming_fan_out(), "dense1")
        self.lka = LKA(data_format="channels_last", dtype=self.dtype_policy, name="lka")
        self.dense2 = self._dense(self.last_initializer(kaiming_fan_out()), "dense2")
        for layer in (self.dense1, self.lka, self.dense2):
            layer.build((None,) * (len(self.spatial_axes) + 1) + (self.channels,))

    def _dense(self, initializer: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Dense(
            self.channels, kernel_initializer=initializer, dtype=self.dtype_policy, name=name
        )

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        return {}

    def terms(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        term = self.dense2(self.lka(self._activated(inputs), training=training))
        return {"attention": self.from_channels_last(term)}

    def views(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        gates = self.lka.gates(self._activated(inputs), training=training)
        return {"lka": self.from_channels_last(gates["all"])}

    def _activated(self, inputs: Any) -> Any:
        x = self.dense1(self.to_channels_last(inputs))
        # `ops.gelu` computes it with a function that ONNX lacks.
        return 0.5 * x * (1 + ops.erf(x / math.sqrt(2)))
