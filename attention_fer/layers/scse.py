"""Concurrent Spatial and Channel Squeeze & Excitation in Fully Convolutional Networks.

Roy, Navab, Wachinger 2018, https://arxiv.org/abs/1803.02579 (MICCAI) and
https://arxiv.org/abs/1808.08127 (IEEE TMI)
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import one_of
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.gate_kinds import Range
from attention_fer.layers.registry import register
from attention_fer.layers.se import SE


@register("cse")
class ChannelSE(SE):
    """Channel half of scSE: squeeze-and-excitation with the reduction ratio 2.

    Args:
        reduction_ratio: the hidden width is `channels // reduction_ratio`.
        use_bias: whether both dense layers have a bias, as in the authors' code.
        start, data_format: see `AttentionModule`.

    Raises:
        ValueError: `reduction_ratio` is below 1 or above the number of channels.
    """

    def __init__(
        self,
        reduction_ratio: int = 2,
        use_bias: bool = True,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(reduction_ratio, use_bias, start=start, data_format=data_format, **kwargs)


@register("sse")
class SpatialSE(AttentionModule):
    """Spatial half of scSE: `x * sigmoid(conv(x))`, one gate per position.

    The convolution has a window of one pixel and a single filter. Early versions of
    segmentation_models.pytorch, and copies of them, have one filter per channel.

    Args:
        use_bias: whether the convolution has a bias, as in the authors' code.
        start, data_format: see `AttentionModule`.
    """

    def __init__(
        self,
        use_bias: bool = True,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.use_bias = use_bias

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.score = _score(self)

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        logits = self.score(self.to_channels_last(inputs))
        return {"spatial": self.from_channels_last(self.to_gate(logits))}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "use_bias": self.use_bias}


@register("scse")
class SCSE(ChannelSE):
    """Concurrent spatial and channel squeeze and excitation.

    With the gates `c` of `ChannelSE` and `s` of `SpatialSE`, both computed from `x`, the output is
    `max(x c, x s)`, as in the authors' code and as one of four forms in the journal paper; or
    `x c + x s`, as in the first paper. The maximum is of the products: a positive value is scaled
    by the larger gate, a negative one by the smaller.

    segmentation_models.pytorch adds, and has the reduction ratio 16.

    Args:
        combination: `"max"` or `"add"`. The sum of two sigmoids is in (0, 2) and one at zero
            logits, so the identity start does not double gates that are added.
        reduction_ratio: see `ChannelSE`.
        use_bias: whether the dense layers and the convolution have a bias, as in the authors' code.
        start, data_format: see `AttentionModule`.

    Raises:
        ValueError: an unknown combination, or as `ChannelSE`.
    """

    def __init__(
        self,
        combination: str = "max",
        reduction_ratio: int = 2,
        use_bias: bool = True,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(reduction_ratio, use_bias, start=start, data_format=data_format, **kwargs)
        self.combination = one_of("combination", combination, ("max", "add"))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.score = _score(self)

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        logits = self.score(self.to_channels_last(inputs))
        spatial = self.from_channels_last(self.to_gate(logits))
        return {**super().gates(inputs, training=training), "spatial": spatial}

    def combine(self, inputs: Any, gates: dict[str, Any]) -> Any:
        channel, spatial = gates["channel"], gates["spatial"]
        if self.combination == "add":
            return ops.multiply(inputs, ops.add(channel, spatial))
        return ops.maximum(ops.multiply(inputs, channel), ops.multiply(inputs, spatial))

    def to_gate(self, logits: Any) -> Any:
        return ops.sigmoid(logits) if self.combination == "add" else super().to_gate(logits)

    def gate_range(self, name: str) -> Range:
        return (0.0, 1.0) if self.combination == "add" else super().gate_range(name)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "combination": self.combination}


def _score(module: ChannelSE | SpatialSE) -> keras.layers.Dense:
    """The convolution of one pixel: a dense layer on the channels, which are last."""
    score = keras.layers.Dense(
        1,
        use_bias=module.use_bias,
        kernel_initializer=module.last_initializer(),
        dtype=module.dtype_policy,
        name="score",
    )
    score.build((None,) * (len(module.spatial_axes) + 1) + (module.channels,))
    return score
