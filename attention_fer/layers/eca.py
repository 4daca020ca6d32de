"""Efficient Channel Attention. Wang et al. 2020, https://arxiv.org/abs/1910.03151"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import odd_int
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register


def eca_kernel_size(channels: int, gamma: float = 2, b: float = 1) -> int:
    """Return the authors' adaptive kernel size.

    It is 3 below 128 channels, 5 below 2048, and 7 below 32,768.
    """
    size = int(abs((math.log2(channels) + b) / gamma))
    return max(3, size if size % 2 else size + 1)


@register("eca")
class ECA(AttentionModule):
    """Efficient Channel Attention: a 1-D convolution over the channel means, without bias.

    Args:
        kernel_size: number of neighbouring channels that determine a gate; odd. None computes
            `eca_kernel_size(channels, gamma, b)`. The authors' released ResNet-50 has 3, 5, 5, 7
            set by hand for its four stages.
        gamma, b: constants of that formula; ignored if `kernel_size` is given.
        start, data_format: see `AttentionModule`.

    Example:
        >>> ECA()(keras.ops.ones((2, 12, 12, 64))).shape
        (2, 12, 12, 64)

    Raises:
        ValueError: `kernel_size` is even, or `gamma` is 0.
    """

    def __init__(
        self,
        kernel_size: int | None = None,
        gamma: float = 2,
        b: float = 1,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        if kernel_size is not None:
            kernel_size = odd_int("kernel_size", kernel_size)
        if gamma == 0:
            raise ValueError("gamma must not be 0: the kernel size divides by it.")
        self.kernel_size = kernel_size
        self.gamma = gamma
        self.b = b

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        size = self.kernel_size or eca_kernel_size(self.channels, self.gamma, self.b)
        # The convolution slides along the channels, whatever the data format of x.
        self.conv = keras.layers.Conv1D(
            1,
            size,
            padding="same",
            use_bias=False,
            data_format="channels_last",
            kernel_initializer=self.last_initializer(),
            dtype=self.dtype_policy,
            name="conv",
        )
        self.conv.build((None, self.channels, 1))

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        mean = ops.mean(inputs, axis=self.spatial_axes)
        logits = self.conv(ops.expand_dims(mean, -1))
        return {"channel": self.per_channel(self.to_gate(logits))}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "gamma": self.gamma,
            "b": self.b,
        }
