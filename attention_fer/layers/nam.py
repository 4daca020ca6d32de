"""NAM: Normalization-based Attention Module. Liu et al. 2021, https://arxiv.org/abs/2111.12419"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register


@register("nam")
class NAM(AttentionModule):
    """Normalisation-based attention: a gate for every value, from a batch normalisation of `x`.

    `x * sigmoid(w bn(x))`, where `w = |gamma| / sum(|gamma|)` is the share that each channel has in
    the scales of this batch normalisation. No gradient flows through `w`. The epsilon is 1e-5 and
    the momentum 0.9. The gates, named `"all"`, have the shape of the input.

    This is the channel half of the paper, as in the authors' code; their code has no spatial half.

    Args:
        start: only `"paper"`.
        data_format: see `AttentionModule`.

    Raises:
        IdentityStartError: `start="identity"`.
    """

    no_identity = "its gates follow the normalised input, whatever the weights are"

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.bn = keras.layers.BatchNormalization(
            axis=self.channel_axis, epsilon=1e-5, momentum=0.9, dtype=self.dtype_policy, name="bn"
        )
        self.bn.build(input_shape)

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        scales = ops.abs(self.precise(ops.stop_gradient(self.bn.gamma)))
        shares = self.per_channel(self.compute(scales / ops.sum(scales)))
        return {"all": self.to_gate(self.bn(inputs, training=training) * shares)}
