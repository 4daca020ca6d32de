"""SRM: A Style-Based Recalibration Module for Convolutional Neural Networks.

Lee, Kim and Nam, ICCV 2019, https://arxiv.org/abs/1903.10829
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register
from attention_fer.layers.statistics import unbiased_variance


@register("srm")
class SRM(AttentionModule):
    """Style-based recalibration: one gate per channel, from its mean and standard deviation.

    `x * sigmoid(bn(w1 mean(x) + w2 std(x)))`. Each channel has its own two weights, which start at
    zero, and `std(x) = sqrt(var(x) + 1e-5)` with the unbiased variance. The batch normalisation
    sees one value per image and channel; its epsilon is 1e-5 and its momentum 0.9. There are four
    trainable weights per channel.

    A map of one pixel has the variance 0 here; the authors' code returns NaN for it. In training
    with a batch of one image the batch normalisation returns its beta; PyTorch's refuses it. Other
    implementations start with random weights and take the deviation without epsilon. The authors
    place the module after the last normalisation of a residual block, before the addition.

    Args:
        start, data_format: see `AttentionModule`.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.mean_weight, self.std_weight = (
            self.add_weight(
                shape=(self.channels,), initializer="zeros", autocast=False, name=f"{name}_weight"
            )
            for name in ("mean", "std")
        )
        self.bn = keras.layers.BatchNormalization(
            epsilon=1e-5, momentum=0.9, dtype=self.dtype_policy, name="bn"
        )
        self.bn.build((None, self.channels))

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        x = self.precise(inputs)
        mean = ops.mean(x, axis=self.spatial_axes, keepdims=True)
        variance = unbiased_variance(ops.square(x - mean), self.spatial_axes)
        std = ops.sqrt(variance + 1e-5)
        mean, std = (ops.squeeze(v, self.spatial_axes) for v in (mean, std))
        style = ops.multiply(self.mean_weight, mean) + ops.multiply(self.std_weight, std)
        logits = self.bn(self.compute(style), training=training)
        return {"channel": self.per_channel(self.to_gate(logits))}
