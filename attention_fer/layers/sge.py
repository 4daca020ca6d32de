"""Spatial Group-wise Enhance: Improving Semantic Feature Learning in Convolutional Networks.

Li, Hu and Yang 2019, https://arxiv.org/abs/1905.09646
"""

from __future__ import annotations

from typing import Any

from keras import ops

from attention_fer.common.checks import channel_divisor, positive_int
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register
from attention_fer.layers.statistics import unbiased_variance


@register("sge")
class SGE(AttentionModule):
    """Spatial group-wise enhance: a spatial gate for each group of channels.

    Each position is compared with the mean of the map: `t` is the sum of `x * mean(x)` over the
    channels of a group, with the mean over the spatial axes. The gate of the group is
    `sigmoid(w (t - mean(t)) / (std(t) + 1e-5) + b)`, with the unbiased standard deviation over the
    spatial axes. Each group has one weight `w`, which starts at zero, and one `b`, which starts at
    one, or at zero with the identity start. The gates, named `"group"`, have the shape of the
    input: they are equal for the channels of a group, which are neighbours.

    A map of one pixel has the deviation 0 here; the authors' code returns NaN for it.

    Args:
        groups: a divisor of the number of channels.
        start, data_format: see `AttentionModule`.

    Raises:
        ValueError: `groups` does not divide the number of channels.
    """

    def __init__(
        self,
        groups: int = 64,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.groups = positive_int("groups", groups)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        channel_divisor("groups", self.groups, self.channels)
        bias = "zeros" if self.start == "identity" else "ones"
        self.weight, self.bias = (
            self.add_weight(
                shape=(self.groups,), initializer=initializer, autocast=False, name=name
            )
            for name, initializer in (("weight", "zeros"), ("bias", bias))
        )

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        x = self.precise(inputs)
        similarity = self._sums(x * ops.mean(x, axis=self.spatial_axes, keepdims=True))
        deviations = similarity - ops.mean(similarity, axis=self.spatial_axes, keepdims=True)
        variance = unbiased_variance(ops.square(deviations), self.spatial_axes)
        # The square root has no gradient at 0. The bound is far below the epsilon beside it.
        std = ops.sqrt(ops.maximum(variance, 1e-30))
        logits = ops.multiply(self._per_group(self.weight), deviations / (std + 1e-5))
        gate = self.compute(self.to_gate(ops.add(logits, self._per_group(self.bias))))
        return {"group": ops.repeat(gate, self.channels // self.groups, axis=self.channel_axis)}

    def _sums(self, x: Any) -> Any:
        """Sum a map over the channels of each group, which takes their place."""
        axis, sizes = self.channel_axis, list(ops.shape(x))
        sizes[axis : axis + 1] = self.groups, self.channels // self.groups
        return ops.sum(ops.reshape(x, sizes), axis=axis + 1)

    def _per_group(self, vector: Any) -> Any:
        """Reshape `(groups,)` so that it broadcasts to a map with a channel for each group."""
        shape = [1] * (len(self.spatial_axes) + 2)
        shape[self.channel_axis] = self.groups
        return ops.reshape(vector, shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups}
