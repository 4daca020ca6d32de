"""BAM: Bottleneck Attention Module. Park, Woo, Lee, Kweon 2018, https://arxiv.org/abs/1807.06514"""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from attention_fer.common.checks import one_of, positive_int, reduced_channels
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.convolutions import CONVOLUTIONS, kaiming_fan_out
from attention_fer.layers.registry import register


@register("bam")
class BAM(AttentionModule):
    """Bottleneck Attention Module: `x * (1 + sigmoid(channel * spatial))`, one gate per value.

    - `channel = dense(relu(bn(dense(mean(x)))))`, of shape `(batch, 1, 1, channels)`;
    - `spatial = conv(h(h(h(x))))`, of shape `(batch, height, width, 1)`, where each `h` is a
      convolution, batch normalisation and ReLU; the windows are 1, 3, 3 and 1, the two of 3 are
      dilated, and all but the last have `channels // reduction_ratio` filters.

    All have biases; the batch normalisations have epsilon 1e-5 and momentum 0.9. The gates, named
    `"all"`, have the shape of `x`; the two logits are the views `"channel"` and `"spatial"`.

    This is the authors' code. Their paper adds the two logits and normalises at the end of each
    branch; the networks that they released multiply. `combination="sum"` adopts only the sum from
    the paper's form. Their code takes the mean over a square window, which fits only square maps;
    here it is over the whole map, of any size. The authors place the module between the stages of a
    ResNet.

    Args:
        reduction_ratio: both branches have the hidden width `channels // reduction_ratio`.
        dilation: dilation of the two convolutions in the spatial branch.
        combination: how the two logits are combined: `"product"` or `"sum"`.
        start, data_format: see `AttentionModule`. For the identity start, the last kernel of the
            spatial branch is zero, with a sum also that of the channel branch, and gates are in
            (0.5, 1.5).

    Raises:
        ValueError: an unknown combination, `dilation` is below 1, or `reduction_ratio` is below 1
            or above the number of channels.
    """

    gate_kind: ClassVar[str] = "one_plus_sigmoid"

    def __init__(
        self,
        reduction_ratio: int = 16,
        dilation: int = 4,
        combination: str = "product",
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.reduction_ratio = positive_int("reduction_ratio", reduction_ratio)
        self.dilation = positive_int("dilation", dilation)
        self.combination = one_of("combination", combination, ("product", "sum"))

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        hidden = reduced_channels(self.channels, self.reduction_ratio)
        # The product of two zeros would have no gradient: one branch must start elsewhere.
        excite = self.last_initializer(_linear()) if self.combination == "sum" else _linear()
        self.squeeze = self._dense(hidden, _linear(), "squeeze")
        self.squeeze_bn = self._norm("squeeze_bn")
        self.excite = self._dense(self.channels, excite, "excite")
        # On maps with the channels last, a convolution of one pixel is a dense layer.
        self.convs = [
            self._dense(hidden, kaiming_fan_out(), "reduce"),
            self._dilated(hidden, "conv_1"),
            self._dilated(hidden, "conv_2"),
        ]
        self.bns = [self._norm(name) for name in ("reduce_bn", "conv_1_bn", "conv_2_bn")]
        self.score = self._dense(1, self.last_initializer(kaiming_fan_out()), "score")
        positions = (None,) * (len(self.spatial_axes) + 1)
        self.squeeze.build((None, self.channels))
        self.squeeze_bn.build((None, hidden))
        self.excite.build((None, hidden))
        self.convs[0].build((*positions, self.channels))
        for layer in (*self.convs[1:], *self.bns, self.score):
            layer.build((*positions, hidden))

    def _dense(self, units: int, initializer: Any, name: str) -> keras.layers.Layer:
        return keras.layers.Dense(
            units, kernel_initializer=initializer, dtype=self.dtype_policy, name=name
        )

    def _dilated(self, filters: int, name: str) -> keras.layers.Layer:
        return CONVOLUTIONS[len(self.spatial_axes)](
            filters,
            3,
            padding="same",
            dilation_rate=self.dilation,
            data_format="channels_last",
            kernel_initializer=kaiming_fan_out(),
            dtype=self.dtype_policy,
            name=name,
        )

    def _norm(self, name: str) -> keras.layers.Layer:
        return keras.layers.BatchNormalization(
            epsilon=1e-5, momentum=0.9, dtype=self.dtype_policy, name=name
        )

    def views(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        mean = ops.mean(inputs, axis=self.spatial_axes)
        hidden = ops.relu(self.squeeze_bn(self.squeeze(mean), training=training))
        channel = self.per_channel(self.excite(hidden))
        spatial = self.to_channels_last(inputs)
        for conv, bn in zip(self.convs, self.bns, strict=True):
            spatial = ops.relu(bn(conv(spatial), training=training))
        return {"channel": channel, "spatial": self.from_channels_last(self.score(spatial))}

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        logits = self.views(inputs, training=training)
        combine = ops.multiply if self.combination == "product" else ops.add
        return {"all": self.to_gate(combine(logits["channel"], logits["spatial"]))}

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "reduction_ratio": self.reduction_ratio,
            "dilation": self.dilation,
            "combination": self.combination,
        }


def _linear() -> keras.initializers.Initializer:
    """PyTorch's initializer of dense layers, which the authors leave as it is."""
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
