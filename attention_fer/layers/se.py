"""Squeeze-and-Excitation. Hu et al. 2018, https://arxiv.org/abs/1709.01507"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import positive_int, reduced_channels
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register


@register("se")
class SE(AttentionModule):
    """Squeeze-and-Excitation: `x * sigmoid(W2 relu(W1 mean(x)))`, one gate per channel.

    The hidden width is `channels // reduction_ratio`, without the rounding to multiples of 8
    that some libraries apply.

    Args:
        reduction_ratio: r in the paper, from 1 to the number of channels.
        use_bias: whether both dense layers have a bias, as in the authors' released models.
        start, data_format: see `AttentionModule`.

    Example:
        >>> SE(reduction_ratio=8)(keras.ops.ones((2, 12, 12, 64))).shape
        (2, 12, 12, 64)

    Raises:
        ValueError: `reduction_ratio` is below 1 or above the number of channels.
    """

    def __init__(
        self,
        reduction_ratio: int = 16,
        use_bias: bool = True,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.reduction_ratio = positive_int("reduction_ratio", reduction_ratio)
        self.use_bias = use_bias

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        hidden = reduced_channels(self.channels, self.reduction_ratio)
        self.squeeze = keras.layers.Dense(
            hidden,
            activation="relu",
            use_bias=self.use_bias,
            dtype=self.dtype_policy,
            name="squeeze",
        )
        self.excite = keras.layers.Dense(
            self.channels,
            use_bias=self.use_bias,
            kernel_initializer=self.last_initializer(),
            dtype=self.dtype_policy,
            name="excite",
        )
        self.squeeze.build((None, self.channels))
        self.excite.build((None, hidden))

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        mean = ops.mean(inputs, axis=self.spatial_axes)
        logits = self.excite(self.squeeze(mean))
        return {"channel": self.per_channel(self.to_gate(logits))}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "reduction_ratio": self.reduction_ratio,
            "use_bias": self.use_bias,
        }
