"""Shuffle attention. Zhang and Yang 2021, "SA-Net", https://arxiv.org/abs/2102.00240"""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from attention_fer.common.checks import channel_divisor, positive_int
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register


@register("shuffle")
class ShuffleAttention(AttentionModule):
    """Shuffle attention: half of the channels have a channel gate, half a spatial gate.

    The channels form groups of two halves of `c` channels; all groups share their weights:

    - first half: `sigmoid(w mean(x) + b)`;
    - second half: `sigmoid(w' norm(x) + b')`, where `norm` normalises each channel over the
      positions, with epsilon 1e-5 and its own gamma and beta.

    All weights are vectors of `c` numbers. Then the channels are shuffled: the first, the one in
    the middle, the second, the one after the middle, and so on. So the output is not the input
    times a gate, and in a residual branch the channels meet others in the addition, as published.

    Args:
        groups: number of groups, which must divide half the number of channels. The authors' 64
            need 128 channels.
        start, data_format: see `AttentionModule`; the identity start raises an error.

    Example:
        >>> ShuffleAttention(groups=8)(keras.ops.ones((2, 12, 12, 64))).shape
        (2, 12, 12, 64)

    Raises:
        ValueError: the number of channels is odd, or `groups` does not divide half of it.
        IdentityStartError: `start` is `"identity"`.
    """

    no_identity: ClassVar[str] = "it changes the order of the channels, whatever its gates are"

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
        parts = 2 * channel_divisor("groups", self.groups, self.channels, parts=2)
        self.width = self.channels // parts
        self.channel_weight = self._vector("channel_weight", "zeros")
        self.channel_bias = self._vector("channel_bias", "ones")
        self.gamma = self._vector("gamma", "ones")
        self.beta = self._vector("beta", "zeros")
        self.spatial_weight = self._vector("spatial_weight", "zeros")
        self.spatial_bias = self._vector("spatial_bias", "ones")
        # Scale and shift follow by hand, because the groups share them.
        self.norm = keras.layers.GroupNormalization(
            groups=-1,
            axis=self.channel_axis,
            epsilon=1e-5,
            center=False,
            scale=False,
            dtype=self.dtype_policy,
            name="norm",
        )
        self.norm.build(input_shape)

    def _vector(self, name: str, initializer: str) -> Any:
        return self.add_weight(shape=(self.width,), initializer=initializer, name=name)

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        mean = ops.mean(inputs, axis=self.spatial_axes, keepdims=True)
        first = self._affine(mean, self.channel_weight, self.channel_bias)
        normalized = self._affine(self.norm(inputs), self.gamma, self.beta)
        second = self._affine(normalized, self.spatial_weight, self.spatial_bias)
        # Every second run of `width` channels is the second half of its group.
        half = ops.arange(self.channels) // self.width % 2
        logits = ops.where(self.per_channel(ops.equal(half, 1)), second, first)
        return {"channel_or_spatial": self.to_gate(logits)}

    def _affine(self, x: Any, weight: Any, bias: Any) -> Any:
        """Return `weight * x + bias`, with vectors that every half of every group shares."""
        repeats = 2 * self.groups
        weight, bias = (self.per_channel(ops.tile(v, repeats)) for v in (weight, bias))
        return ops.add(ops.multiply(x, weight), bias)

    def combine(self, inputs: Any, gates: dict[str, Any]) -> Any:
        gated = super().combine(inputs, gates)
        halves = ops.split(gated, 2, axis=self.channel_axis)
        pairs = ops.stack(halves, axis=self.channel_axis + 1)
        return ops.reshape(pairs, ops.shape(gated))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "groups": self.groups}
