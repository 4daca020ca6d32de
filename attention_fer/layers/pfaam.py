"""Parameter-Free Average Attention Improves Convolutional Neural Network Performance (Almost) Free
of Charge. Körber 2022, https://arxiv.org/abs/2210.07828
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register


@register("pfaam")
class PfAAM(AttentionModule):
    """Parameter-free average attention: the mean of a channel times the mean of a position.

    `x * sigmoid(a b)`, where `a` is the mean over the spatial axes and `b` the mean over the
    channels. The gates, named `"all"`, have the shape of the input.

    The author's two files differ: the one for PyTorch has no normalisation (and multiplies shapes
    that do not fit), the one for TensorFlow takes both means of `bn(x)` by default.

    Args:
        use_bn: whether to take the means of a batch normalisation of `x`, with the epsilon 1e-3 and
            the momentum 0.99 of Keras; `x` itself is multiplied in both cases.
        start: only `"paper"`.
        data_format: see `AttentionModule`.

    Raises:
        IdentityStartError: `start="identity"`.
    """

    no_identity = "its gates follow the means of the input, and no weight can make them all one"

    def __init__(
        self,
        use_bn: bool = False,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.use_bn = use_bn

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        if self.use_bn:
            self.bn = keras.layers.BatchNormalization(
                axis=self.channel_axis, dtype=self.dtype_policy, name="bn"
            )
            self.bn.build(input_shape)

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        x = self.bn(inputs, training=training) if self.use_bn else inputs
        x = self.precise(x)
        of_channel = ops.mean(x, axis=self.spatial_axes, keepdims=True)
        of_position = ops.mean(x, axis=self.channel_axis, keepdims=True)
        return {"all": self.compute(self.to_gate(of_channel * of_position))}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "use_bn": self.use_bn}
