"""VGG-16 and VGG-19, layer for layer as in `keras.applications`, with attention.

Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
from keras import layers as kl

from attention_fer.common.checks import one_of
from attention_fer.layers import Spec
from attention_fer.models.parts import heads
from attention_fer.models.parts.assembly import STEMS, NetworkFeatures, variant, whole_network
from attention_fer.models.parts.common import scaled, spatial_sizes
from attention_fer.models.parts.placement import Positions, convolution_placement
from attention_fer.models.parts.seeded_layers import SeededLayers
from attention_fer.models.registry import register

STAGES = (1, 2, 3, 4, 5)
FILTERS = (64, 128, 256, 512, 512)


@dataclass(frozen=True)
class _Layers(SeededLayers):
    width: float
    stem: str
    pool_padding: str

    def features(self, x: Any, depths: Sequence[int]) -> Any:
        """Five blocks of 3x3 convolutions and a max-pool, the first of which may be left out."""
        index = 0
        for stage, depth, filters in zip(STAGES, depths, FILTERS, strict=True):
            for i in range(1, depth + 1):
                index += 1
                name = f"block{stage}_conv{i}"
                channels = scaled(filters, self.width)
                x = self.conv(x, channels, 3, name, padding="same", activation=self.activation)
                x = self.attend(x, index, stage, name)
            if stage > 1 or self.stem == "imagenet":
                self._check_poolable(x, stage)
                x = kl.MaxPooling2D(2, padding=self.pool_padding, name=f"block{stage}_pool")(x)
        return self.attend(x, "last", STAGES[-1], "block5_pool")

    def _check_poolable(self, x: Any, stage: int) -> None:
        if self.pool_padding == "valid" and 1 in spatial_sizes(x):
            raise ValueError(
                "The image for VGG must have at least 32 pixels per side (16 with stem='small'), "
                f"got a map of shape {tuple(x.shape[1:])} before the max-pool of block {stage}. "
                "Use a larger image or pool_padding='same'."
            )

    def hidden(self, x: Any) -> Any:
        """Two dense layers of 4096 units times the width."""
        for name in ("fc1", "fc2"):
            x = self.dense(x, scaled(4096, self.width), name, activation=self.activation)
        return x


@dataclass(frozen=True)
class _Architecture:
    """Name in `keras.applications`, and convolutions of each block."""

    title: str
    depths: tuple[int, int, int, int, int]


@whole_network
def vgg(
    architecture: _Architecture,
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
    *,
    attention: Spec = None,
    attention_position: Positions = "last",
    attention_stages: Sequence[int] | None = None,
    activation: Any = "relu",
    width: float = 1.0,
    stem: str = "imagenet",
    pool_padding: str = "valid",
    head: str | heads.Head | None = None,
    kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
    seed: int | None = None,
) -> NetworkFeatures:
    """VGG with any attention module.

    Layer names and outputs are those of `keras.applications.{title}` if `attention` is None.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name: as in `keras.applications`, with these differences: `weights`
            is None by default, and any number of input channels is accepted. `weights` accepts
            "imagenet" or a path; `models.load_into` describes what is loaded and reported.
        attention: None, a name, a `(name, config)` pair, a layer class, a layer as a template, or a
            callable; see `layers.get`.
        attention_position: "last": on the last map, between the last max-pool and the head;
            "every": after the activation of each convolution; or a tuple of indices of
            convolutions, counted from 1.
        attention_stages: some of (1, 2, 3, 4, 5), the blocks to which those places are restricted;
            None for all.
        activation: activation of the convolutions and dense layers; any Keras activation.
        width: multiplier for every number of channels and units.
        stem: "imagenet", or "small" to leave out the first max-pool, for images of about 48 pixels.
        pool_padding: padding of the max-pools, "valid" or "same".
        head: a name in `models.HEADS` or a `models.Head`, in place of the two dense layers and the
            classifier.
        kernel_initializer: initializer of the convolutions and the two dense layers;
            `keras.applications` uses "glorot_uniform", with which ReLU networks of this depth start
            slowly, because their signal fades; "he_normal" preserves it.
        seed: makes the initial weights of the backbone depend on the seed and layer names alone, so
            networks that differ in attention start equal wherever both have a layer. Attention
            modules draw from Keras's global seed, see `keras.utils.set_random_seed`.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`; without the top, to the last map or its pooled vector.

    Raises:
        ValueError: an option value that is not allowed, an image too small for the five max-pools,
            or weights of which nothing matched.
    """
    one_of("stem", stem, STEMS)
    one_of("pool_padding", pool_padding, ("valid", "same"))
    title, depths = architecture.title, architecture.depths
    attend = convolution_placement(attention, attention_position, attention_stages, depths)
    net = _Layers(attend, activation, kernel_initializer, seed, width, stem, pool_padding)
    return NetworkFeatures(
        network="VGG",
        layers=partial(net.features, depths=depths),
        flatten=True,
        neck=net.hidden if include_top and head is None else None,
        imagenet=title,
        default_name=title.lower(),
    )


@register("vgg16")
@variant(vgg)
def VGG16() -> _Architecture:  # noqa: N802
    """VGG-16 with any attention module."""
    return _Architecture("VGG16", (2, 2, 3, 3, 3))


@register("vgg19")
@variant(vgg)
def VGG19() -> _Architecture:  # noqa: N802
    """VGG-19 with any attention module."""
    return _Architecture("VGG19", (2, 2, 4, 4, 4))
