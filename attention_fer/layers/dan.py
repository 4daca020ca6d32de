"""Attention of DAN. Wen et al. 2021, "Distract Your Attention", https://arxiv.org/abs/2109.07270"""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from attention_fer.common.checks import positive_int
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.convolutions import CONVOLUTIONS, kaiming_fan_out
from attention_fer.layers.gate_kinds import GATE_KINDS, Range
from attention_fer.layers.registry import register


@register("dan")
class DAN(AttentionModule):
    """Attention of DAN, a network for facial expressions: a spatial gate, then a channel gate.

    The spatial gate is a sum over channels, not bounded above: `sum_c relu(sum_k bn(conv_k(y)))`
    with `y = bn(conv(x))`, where `conv` has windows of one pixel and half the channels, and
    `conv_k` back to all channels have windows of 3x3, 3x1 and 1x3. The channel gate is
    `sigmoid(dense(relu(bn(dense(mean(x * spatial))))))`. All these have biases.

    On images the head of the authors' network is the mean of this layer's output over the
    positions, which equals their product of the mean and the channel gate. Their network has four
    such heads of 512 channels, and a softmax across them. In sequences the windows are 3, in
    volumes 3x3x3 and 3 along each axis.

    Args:
        hidden: width of the first dense layer; the authors' is 32 for 512 channels.
        start, data_format: see `AttentionModule`; the identity start raises an error.

    Example:
        >>> DAN()(keras.ops.ones((2, 7, 7, 64))).shape
        (2, 7, 7, 64)

    Raises:
        ValueError: `hidden` is below 1.
        IdentityStartError: `start` is `"identity"`.
    """

    no_identity: ClassVar[str] = (
        "its spatial gate is a sum of ReLUs: weights that make it 1 everywhere would receive no "
        "gradient"
    )

    def __init__(
        self,
        hidden: int = 32,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.hidden = positive_int("hidden", hidden)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        rank = len(self.spatial_axes)
        half = max(self.channels // 2, 1)
        self.reduce = self._conv(half, (1,) * rank, "reduce")
        self.reduce_bn = self._norm("reduce_bn")
        windows = [(3,) * rank, *(_along(axis, rank) for axis in range(rank))]
        # In sequences the window along the only axis is the first one again.
        windows = list(dict.fromkeys(windows))
        names = ["x".join(map(str, window)) for window in windows]
        self.convs = [
            self._conv(self.channels, window, f"conv_{name}")
            for window, name in zip(windows, names, strict=True)
        ]
        self.bns = [self._norm(f"bn_{name}") for name in names]
        self.squeeze = self._dense(self.hidden, "squeeze")
        self.squeeze_bn = self._norm("squeeze_bn")
        self.excite = self._dense(self.channels, "excite")
        self._build_sublayers((None,) * (rank + 1), half)

    def _build_sublayers(self, positions: tuple[None, ...], half: int) -> None:
        self.reduce.build((*positions, self.channels))
        self.reduce_bn.build((*positions, half))
        for conv, bn in zip(self.convs, self.bns, strict=True):
            conv.build((*positions, half))
            bn.build((*positions, self.channels))
        self.squeeze.build((None, self.channels))
        self.squeeze_bn.build((None, self.hidden))
        self.excite.build((None, self.hidden))

    def _conv(self, filters: int, window: tuple[int, ...], name: str) -> keras.layers.Layer:
        return CONVOLUTIONS[len(window)](
            filters,
            window,
            padding="same",
            data_format="channels_last",
            kernel_initializer=kaiming_fan_out(),
            dtype=self.dtype_policy,
            name=name,
        )

    def _dense(self, units: int, name: str) -> keras.layers.Layer:
        return keras.layers.Dense(
            units,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
            dtype=self.dtype_policy,
            name=name,
        )

    def _norm(self, name: str) -> keras.layers.Layer:
        return keras.layers.BatchNormalization(
            epsilon=1e-5, momentum=0.9, dtype=self.dtype_policy, name=name
        )

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        spatial = self.from_channels_last(self._spatial(self.to_channels_last(inputs), training))
        mean = ops.mean(ops.multiply(inputs, spatial), axis=self.spatial_axes)
        hidden = ops.relu(self.squeeze_bn(self.squeeze(mean), training=training))
        channel = self.per_channel(self.to_gate(self.excite(hidden)))
        return {"spatial": spatial, "channel": channel}

    def _spatial(self, x: Any, training: bool | None) -> Any:
        x = self.reduce_bn(self.reduce(x), training=training)
        total = sum(
            bn(conv(x), training=training) for conv, bn in zip(self.convs, self.bns, strict=True)
        )
        return self.compute(ops.sum(self.precise(ops.relu(total)), axis=-1, keepdims=True))

    def gate_range(self, name: str) -> Range:
        return GATE_KINDS["relu" if name == "spatial" else "sigmoid"].range(self.start)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "hidden": self.hidden}


def _along(axis: int, rank: int) -> tuple[int, ...]:
    return tuple(3 if other == axis else 1 for other in range(rank))
