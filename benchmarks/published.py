"""The networks of the published attention table, with every deviation of their code kept.

The published implementation (github.com/AndrzejMiskow/comp3931-emotion-recognition) differs from
the papers it cites. Its deviations live here and nowhere else, written with the public options of
the builders, so that the table can be rebuilt as it was and compared with the corrected networks:

- batch normalisation over axis 1 of channels-last maps, that is over image rows; the shortcut of
  V1 has Keras's default epsilon 1e-3;
- ECA's convolution slides over a sequence of length 1 whose input channels are the map's channels:
  kernel size x channels weights and a single gate for the whole image, and a larger kernel size;
- CBAM's spatial gate is computed from the block's input, by a convolution with bias and without
  normalisation; the pooled maps are in the order mean, max;
- VGG adds the attention's output to the map instead of replacing it;
- ELU inside the networks, ReLU in V1's stem and before V2's pooling; VGG pools with "same" padding.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers as kl
from keras import ops

from attention_fer import layers, models
from attention_fer.common.checks import one_of
from attention_fer.layers import SE, AttentionModule, ChannelAttention
from benchmarks.tables.attention import BACKBONES

PACKAGE = "attention_fer.published"


def row_normalization(name: str) -> kl.Layer:
    """Batch normalisation over axis 1, with the epsilons of the published code."""
    v1_shortcut = name.endswith("_0_bn")
    return kl.BatchNormalization(axis=1, epsilon=1e-3 if v1_shortcut else 1.001e-5, name=name)


def published_kernel_size(channels: int) -> int:
    """9 for 256 and 512 channels, 11 for 1024 and 2048."""
    size = int(abs(math.log2(channels) + 0.5))
    return size if size % 2 else size + 1


@keras.saving.register_keras_serializable(package=PACKAGE)
class PublishedECA(AttentionModule):
    """One gate an image, from a convolution over a sequence of length 1.

    Args:
        kernel_size: kernel size of the convolution; None for the published choice by number of
            channels.
    """

    def __init__(self, kernel_size: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.kernel_size = kernel_size

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.conv = kl.Conv1D(
            1,
            self.kernel_size or published_kernel_size(self.channels),
            padding="same",
            use_bias=False,
            dtype=self.dtype_policy,
            name="conv",
        )
        self.conv.build((None, 1, self.channels))

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        mean = ops.mean(inputs, axis=self.spatial_axes)
        logits = self.conv(ops.expand_dims(mean, 1))
        return {"image": self.to_gate(ops.reshape(logits, (-1, 1, 1, 1)))}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "kernel_size": self.kernel_size}


@keras.saving.register_keras_serializable(package=PACKAGE)
class PublishedCBAM(AttentionModule):
    """Both gates from the block's input; the convolution has a bias and no normalisation."""

    def __init__(self, reduction_ratio: int = 16, **kwargs: Any):
        super().__init__(**kwargs)
        self.reduction_ratio = reduction_ratio

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.channel = ChannelAttention(
            self.reduction_ratio, dtype=self.dtype_policy, name="channel"
        )
        self.conv = kl.Conv2D(1, 7, padding="same", dtype=self.dtype_policy, name="conv")
        self.channel.build(input_shape)
        self.conv.build((None, None, None, 2))

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        axis = self.channel_axis
        pooled = ops.stack([ops.mean(inputs, axis=axis), ops.max(inputs, axis=axis)], axis=-1)
        spatial = self.to_gate(self.conv(pooled))
        return {**self.channel.gates(inputs, training=training), "spatial": spatial}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "reduction_ratio": self.reduction_ratio}


@keras.saving.register_keras_serializable(package=PACKAGE)
class Added(kl.Layer):
    """`x + attention(x)`, as the published VGG uses its attention.

    Args:
        attention: a configured attention layer.
    """

    def __init__(self, attention: kl.Layer, **kwargs: Any):
        super().__init__(**kwargs)
        self.attention = attention

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        if not self.attention.built:
            self.attention.build(input_shape)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return inputs + self.attention(inputs, training=training)

    def get_config(self) -> dict[str, Any]:
        attention = keras.saving.serialize_keras_object(self.attention)
        return {**super().get_config(), "attention": attention}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Added:
        attention = keras.saving.deserialize_keras_object(config["attention"])
        return cls(**{**config, "attention": attention})


ATTENTIONS: dict[str, type[AttentionModule] | None] = {
    "none": None,
    "se": SE,
    "eca": PublishedECA,
    "cbam": PublishedCBAM,
}


def build(
    backbone: str, attention: str | tuple[str, dict[str, Any]] | None = "none", **options: Any
) -> keras.Model:
    """One of the 32 networks of the table, as the published code builds it.

    Args:
        backbone: vgg16, vgg19, resnet50, resnet101, resnet152 or its V2 with suffix "v2".
        attention: "none" (or None), "se", "eca" or "cbam", or one with its configuration.
        **options: options of the builder, such as `input_shape`, `classes`, `width`; they come
            before the published ones.

    Raises:
        ValueError: an unknown backbone or attention.
    """
    one_of("published backbone", backbone, BACKBONES)
    name, config = attention if isinstance(attention, tuple) else (attention or "none", {})
    spec = ATTENTIONS[one_of("published attention", name, ATTENTIONS)]
    if spec is not None and config:
        spec = spec(**config)
    if backbone.startswith("vgg"):
        return models.build(backbone, attention=_added(spec), **{**_VGG, **options})
    return models.build(backbone, attention=spec, **{**_RESNET, **options})


_VGG = {"activation": "elu", "pool_padding": "same"}
_RESNET = {
    "activation": "elu",
    "outer_activation": "relu",
    "normalization": row_normalization,
}


def _added(spec: layers.Spec) -> layers.Spec:
    attention = layers.get(spec, name="attention")
    return None if attention is None else Added(attention)
