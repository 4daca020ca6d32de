"""Effective squeeze-and-excitation of CenterMask: Real-Time Anchor-Free Instance Segmentation.

Lee and Park, CVPR 2020, https://arxiv.org/abs/1911.06667
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register


@register("ese")
class ESE(AttentionModule):
    """Effective squeeze-and-excitation: `x * hard_sigmoid(W mean(x) + b)`, one gate per channel.

    One dense layer of full width replaces the bottleneck of `SE`, and
    `hard_sigmoid(z) = min(max(z + 3, 0), 6) / 6`. As in the authors' code the kernel starts as He
    et al. proposed (`"he_normal"`).

    timm's `ese` and the channel attention of keras_cv_attention_models's CSPNeXt compute the same.
    The hard sigmoid of Keras 2 was `min(max(0.2 z + 0.5, 0), 1)`, so weights trained with it give
    other gates here. The authors place the module after the last convolution of a one-shot
    aggregation block, before the addition.

    Args:
        start, data_format: see `AttentionModule`.
    """

    gate_kind = "hard_sigmoid"

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.fc = keras.layers.Dense(
            self.channels,
            kernel_initializer=self.last_initializer("he_normal"),
            dtype=self.dtype_policy,
            name="fc",
        )
        self.fc.build((None, self.channels))

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        mean = ops.mean(inputs, axis=self.spatial_axes)
        return {"channel": self.per_channel(self.to_gate(self.fc(mean)))}
