"""Global context block. Cao et al. 2019, "GCNet", https://arxiv.org/abs/1904.11492"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import one_of, positive_int, reduced_channels
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register
from attention_fer.layers.softmax import softmax

FUSIONS = ("add", "mul", "both")


@register("gc")
class GlobalContext(AttentionModule):
    """Global context block: every position receives the same transformed average of all positions.

    `context = sum_i softmax_i(w x_i + b) x_i` is an average over the positions `i` with learned
    weights. A branch is dense, layer normalisation, ReLU, dense, with biases. The output is

    - fusion `"add"`: `x + branch(context)`;
    - fusion `"mul"`: `x * sigmoid(branch(context))`;
    - fusion `"both"`: `x * sigmoid(branch1(context)) + branch2(context)`.

    `attention_maps` shows the gate `"channel"` of `"mul"`, `attention_terms` the term `"channel"`
    of `"add"`, and `attention_views` the softmax as `"spatial"`; it sums to 1.

    Args:
        reduction_ratio: the hidden width is `channels // reduction_ratio`. The authors train with
            16 and 4. With a hidden width of 1 the normalisation leaves nothing of the context.
        fusion: `"add"`, `"mul"` or `"both"`.
        start, data_format: see `AttentionModule`. As in the authors' code the last dense layer of
            a branch starts at zero, so that a fresh `"add"` returns its input with either start.

    Example:
        >>> GlobalContext(reduction_ratio=4)(keras.ops.ones((2, 12, 12, 64))).shape
        (2, 12, 12, 64)

    Raises:
        ValueError: `fusion` is unknown, or `reduction_ratio` is below 1 or above the number of
            channels.

    Differences elsewhere: `gc` of timm is `"mul"` with ratio 8, its `gca` is `"add"`; the layer of
    keras_cv_attention_models is `"mul"` with ratio 4.
    """

    def __init__(
        self,
        reduction_ratio: int = 16,
        fusion: str = "add",
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.reduction_ratio = positive_int("reduction_ratio", reduction_ratio)
        self.fusion = one_of("fusion", fusion, FUSIONS)

    @property
    def only_gates(self) -> bool:
        return self.fusion == "mul"

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.mask = keras.layers.Dense(
            1,
            kernel_initializer=keras.initializers.VarianceScaling(
                2.0, "fan_in", "untruncated_normal"
            ),
            dtype=self.dtype_policy,
            name="mask",
        )
        self.mask.build((None, self.channels))
        self.mul_branch = self._branch("mul") if self.fusion != "add" else []
        self.add_branch = self._branch("add") if self.fusion != "mul" else []

    def _branch(self, name: str) -> list[keras.layers.Layer]:
        hidden = reduced_channels(self.channels, self.reduction_ratio)
        policy = self.dtype_policy
        reduce = keras.layers.Dense(hidden, dtype=policy, name=f"{name}_reduce")
        norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype=policy, name=f"{name}_norm")
        expand = keras.layers.Dense(
            self.channels, kernel_initializer="zeros", dtype=policy, name=f"{name}_expand"
        )
        reduce.build((None, self.channels))
        norm.build((None, hidden))
        expand.build((None, hidden))
        return [reduce, norm, expand]

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        return self._gates(self._context(inputs)) if self.mul_branch else {}

    def terms(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        return self._terms(self._context(inputs)) if self.add_branch else {}

    def views(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        return {"spatial": self.from_channels_last(self._shares(self.to_channels_last(inputs)))}

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        # The base would compute the context once for the gates and once for the terms.
        context, outputs = self._context(inputs), inputs
        if self.mul_branch:
            outputs = self.combine(outputs, self._gates(context))
        if self.add_branch:
            outputs = ops.add(outputs, self._terms(context)["channel"])
        return outputs

    def _gates(self, context: Any) -> dict[str, Any]:
        logits = _transformed(context, *self.mul_branch)
        return {"channel": self.per_channel(self.to_gate(logits))}

    def _terms(self, context: Any) -> dict[str, Any]:
        return {"channel": self.per_channel(_transformed(context, *self.add_branch))}

    def _context(self, inputs: Any) -> Any:
        """Return the weighted average over the positions, (batch, channels)."""
        x = self.to_channels_last(inputs)
        batch = ops.shape(x)[0]
        shares = ops.reshape(self._shares(x), (batch, 1, -1))
        pixels = ops.reshape(self.precise(x), (batch, -1, self.channels))
        return self.compute(ops.squeeze(ops.matmul(shares, pixels), 1))

    def _shares(self, x: Any) -> Any:
        """Return the weight of each position of a channels-last map, (batch, *spatial, 1)."""
        return softmax(self.precise(self.mask(x)), tuple(range(1, len(x.shape) - 1)))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "reduction_ratio": self.reduction_ratio,
            "fusion": self.fusion,
        }


def _transformed(context: Any, reduce: Any, norm: Any, expand: Any) -> Any:
    return expand(ops.relu(norm(reduce(context))))
