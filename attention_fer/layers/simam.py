"""SimAM: A Simple, Parameter-Free Attention Module for Convolutional Neural Networks.

Yang et al., ICML 2021, https://proceedings.mlr.press/v139/yang21o.html
"""

from __future__ import annotations

from typing import Any

from keras import ops

from attention_fer.common.checks import positive_float
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.gate_kinds import Range
from attention_fer.layers.registry import register
from attention_fer.layers.statistics import unbiased_variance


@register("simam")
class SimAM(AttentionModule):
    """SimAM: a gate for every value, which grows with its distance from the mean of its channel.

    With `d = (x - mean(x))^2` over the spatial axes of each channel, the gate is
    `sigmoid(d / (4 (var(x) + e_lambda)) + 0.5)`, where `var` is the unbiased variance. There are
    no weights. The gates, named `"all"`, have the shape of the input and lie between 0.62 and 1.

    A map of one pixel has the variance 0 here; the authors' code returns NaN for it. The authors
    place the module before the batch normalisation of the second convolution of a residual block.

    Args:
        e_lambda: the regulariser lambda of the energy function, above 0.
        start: only `"paper"`.
        data_format: see `AttentionModule`.

    Raises:
        ValueError: `e_lambda` is not above 0.
        IdentityStartError: `start="identity"`.
    """

    no_identity = "its gates have no weights, and all lie between 0.62 and 1"

    def __init__(
        self,
        e_lambda: float = 1e-4,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.e_lambda = positive_float("e_lambda", e_lambda)

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        x = self.precise(inputs)
        squares = ops.square(x - ops.mean(x, axis=self.spatial_axes, keepdims=True))
        variance = unbiased_variance(squares, self.spatial_axes)
        logits = squares / (4 * (variance + self.e_lambda)) + 0.5
        return {"all": self.compute(self.to_gate(logits))}

    def gate_range(self, name: str) -> Range:
        # The logits are at least 0.5; sigmoid(0.5) is 0.6225, and half precision may round it down.
        return 0.62, 1.0

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "e_lambda": self.e_lambda}
