"""Gated Channel Transformation for Visual Recognition.

Yang et al., CVPR 2020, https://arxiv.org/abs/1909.11519
"""

from __future__ import annotations

from typing import Any

from keras import ops

from attention_fer.common.checks import one_of, positive_float
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register


@register("gct")
class GCT(AttentionModule):
    """Gated channel transformation: channels compete or cooperate by their norms.

    Over the spatial axes each channel has the embedding `e = alpha sqrt(sum(x^2) + epsilon)`. Over
    the channels `n = sqrt(mean(e^2) + epsilon)`, and `y = x * (1 + tanh(gamma e / n + beta))`. With
    the l1 norm `e = alpha sum(|x|)` and `n = mean(|e|) + epsilon`. alpha starts at one, gamma and
    beta at zero, so a new layer returns its input with both values of `start`.

    The authors place the module before every convolution, and decay alpha and gamma, but not beta.
    Gaussian context transformers, which some libraries also call GCT, are another module.

    Args:
        norm: `"l2"` or `"l1"`.
        epsilon: above 0.
        start, data_format: see `AttentionModule`.

    Raises:
        ValueError: `norm` is unknown, or `epsilon` is not above 0.
    """

    gate_kind = "one_plus_tanh"

    def __init__(
        self,
        norm: str = "l2",
        epsilon: float = 1e-5,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.norm = one_of("norm", norm, ("l2", "l1"))
        self.epsilon = positive_float("epsilon", epsilon)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.alpha, self.gamma, self.beta = (
            self.add_weight(
                shape=(self.channels,), initializer=initializer, autocast=False, name=name
            )
            for name, initializer in (("alpha", "ones"), ("gamma", "zeros"), ("beta", "zeros"))
        )

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        x = self.precise(inputs)
        if self.norm == "l2":
            size = ops.sqrt(ops.sum(ops.square(x), axis=self.spatial_axes) + self.epsilon)
            embedding = ops.multiply(self.alpha, size)
            mean = ops.mean(ops.square(embedding), axis=-1, keepdims=True)
            scale = ops.sqrt(mean + self.epsilon)
        else:
            embedding = ops.multiply(self.alpha, ops.sum(ops.abs(x), axis=self.spatial_axes))
            scale = ops.mean(ops.abs(embedding), axis=-1, keepdims=True) + self.epsilon
        logits = ops.add(ops.multiply(self.gamma, embedding / scale), self.beta)
        return {"channel": self.per_channel(self.compute(self.to_gate(logits)))}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "norm": self.norm, "epsilon": self.epsilon}
