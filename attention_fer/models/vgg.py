"""VGG-16 and VGG-19, layer for layer as in `keras.applications`, with attention.

Simonyan and Zisserman 2014, https://arxiv.org/abs/1409.1556.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers as kl

from attention_fer.common.checks import one_of
from attention_fer.layers import Spec
from attention_fer.models.parts import heads
from attention_fer.models.parts.common import (
    POOLINGS,
    STEMS,
    flattened,
    image_input,
    pool,
    scaled,
    seeded,
    spatial_sizes,
)
from attention_fer.models.parts.placement import Placement, Positions, convolution_placement
from attention_fer.models.pretrained.by_name import load_into
from attention_fer.models.registry import Builder, register

STAGES = (1, 2, 3, 4, 5)
FILTERS = (64, 128, 256, 512, 512)


def _features(
    x: Any, depths: Sequence[int], stem: str, padding: str, attend: Placement, options: Any
) -> Any:
    """Five blocks of 3x3 convolutions and a max-pool; `stem="small"` leaves the first pool out."""
    activation, width, initializer, seed = options
    index = 0
    for stage, depth, filters in zip(STAGES, depths, FILTERS, strict=True):
        for i in range(1, depth + 1):
            index += 1
            name = f"block{stage}_conv{i}"
            x = kl.Conv2D(
                scaled(filters, width),
                3,
                padding="same",
                activation=activation,
                kernel_initializer=seeded(initializer, seed, name),
                name=name,
            )(x)
            x = attend(x, index, stage, name)
        if stage > 1 or stem == "imagenet":
            _check_poolable(x, padding, stage)
            x = kl.MaxPooling2D(2, padding=padding, name=f"block{stage}_pool")(x)
    return attend(x, "last", STAGES[-1], "block5_pool")


def _check_poolable(x: Any, padding: str, stage: int) -> None:
    if padding == "valid" and 1 in spatial_sizes(x):
        raise ValueError(
            f"The image is too small for VGG's five max-pools: before the one of block {stage} the "
            f"map has shape {tuple(x.shape[1:])}. Use at least 32 pixels (16 with stem='small') or "
            "pool_padding='same'."
        )


def _head(x: Any, options: Any) -> Any:
    """Two dense layers of 4096 units times the width."""
    activation, width, initializer, seed = options
    for name in ("fc1", "fc2"):
        x = kl.Dense(
            scaled(4096, width),
            activation=activation,
            kernel_initializer=seeded(initializer, seed, name),
            name=name,
        )(x)
    return x


_DOC = """{title}, with any attention module.

    Layer names and outputs are those of `keras.applications.{title}` where attention is None.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name: as in `keras.applications`, except that `weights` is None
            by default and that any number of input channels is taken. `weights` takes
            "imagenet" or a path; see `models.load_into` for what is loaded and reported.
        attention: None, a name, a (name, config) pair, a layer class, a layer as template or a
            callable; see `layers.get`.
        attention_position: "last": on the last map, between the last max-pool and the head;
            "every": after the activation of each convolution; or a tuple of indices of
            convolutions, from 1.
        attention_stages: some of (1, 2, 3, 4, 5), the blocks that keep those places; None for
            all.
        activation: of the convolutions and the dense layers, any Keras activation.
        width: multiplies every number of channels and units.
        stem: "small" leaves out the first max-pool, for images of about 48 pixels.
        pool_padding: of the max-pools, "valid" or "same".
        kernel_initializer: of the convolutions and the two dense layers; `keras.applications`
            has "glorot_uniform", under which ReLU networks of this depth start slowly:
            "he_normal" keeps their signal.
        head: a name in `heads.HEADS` or a `Head` instead of VGG's two dense layers and classifier.
        seed: makes the backbone's initial weights a function of seed and layer name alone, so
            that networks that differ in attention start equal where both have a layer.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`, or to the last map or its pooled vector without the top.

    Raises:
        ValueError: an unknown option value, with the allowed ones; an image too small for the
            five max-pools; weights of which nothing matched.
    """


def _builder(title: str, depths: Sequence[int]) -> Builder:
    default_name = title.lower()

    def build(
        include_top: bool = True,
        weights: Any = None,
        input_tensor: Any = None,
        input_shape: tuple[int | None, ...] | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str = default_name,
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
    ) -> keras.Model:
        one_of("stem", stem, STEMS)
        one_of("pool_padding", pool_padding, ("valid", "same"))
        one_of("pooling", pooling or "avg", POOLINGS)
        chosen = heads.chosen(head, include_top)
        attend = convolution_placement(attention, attention_position, attention_stages, depths)
        options = (activation, width, kernel_initializer, seed)
        inputs, x = image_input(input_tensor, input_shape, include_top)
        x = _features(x, depths, stem, pool_padding, attend, options)
        if include_top:
            x = flattened(x, "VGG")
            x = _head(x, options) if chosen is None else x
            x = heads.apply(x, chosen, classes, classifier_activation, seed)
        else:
            x = pool(x, pooling)
        model = keras.Model(inputs, x, name=name)
        if weights is not None:
            load_into(model, weights, imagenet=title)
        return model

    build.__name__ = build.__qualname__ = title
    build.__doc__ = _DOC.format(title=title)
    return register(default_name, build)


VGG16 = _builder("VGG16", (2, 2, 3, 3, 3))
VGG19 = _builder("VGG19", (2, 2, 4, 4, 4))
