"""A small residual network for 48-pixel grey faces, with attention.

Dykun, "Facial Emotion Recognition with Data Augmentation", report, Technological University of
the Shannon, appendix 1: a table of the layers with their shapes and numbers of parameters, in all
3,817,079. PyTorch does not count the moving statistics of batch normalisation as parameters: in
Keras it is the number of the trainable ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import layers as kl

from attention_fer.common.checks import one_of
from attention_fer.layers import Spec
from attention_fer.models.parts.basic_block import POSITIONS, BasicBlocks
from attention_fer.models.parts.common import (
    POOLINGS,
    check_size,
    classifier,
    draw_seed,
    flattened,
    image_input,
    pool,
    scaled,
    seeded,
)
from attention_fer.models.parts.placement import Placement, chosen_stages
from attention_fer.models.pretrained.by_name import load_into
from attention_fer.models.registry import register

STAGES = (1, 2, 3)
DEPTHS = (2, 3, 4)
FILTERS = (32, 64, 128)


def _features(x: Any, width: float, dropout: float, net: BasicBlocks) -> Any:
    """Stem and three stages, each with a max-pool at its end; the first block of a stage widens."""
    x = net.conv_norm_act(x, scaled(16, width), 3, 1, "stem")
    x = kl.MaxPooling2D(2, name="stem_pool")(x)
    for stage, depth, filters in zip(STAGES, DEPTHS, FILTERS, strict=True):
        for i in range(1, depth + 1):
            name = f"stage{stage}_block{i}"
            x = net.block(x, scaled(filters, width), 1, i == 1, name, stage)
        x = kl.MaxPooling2D(2, name=f"stage{stage}_pool")(x)
    name = "map_dropout"
    return kl.SpatialDropout2D(dropout, seed=draw_seed(net.seed, name), name=name)(x)


def _head(x: Any, units: int, dropout: float, net: BasicBlocks) -> Any:
    x = flattened(x, "MiniResNet")
    kernel = seeded(net.kernel_initializer, net.seed, "fc1")
    x = net.act(kl.Dense(units, kernel_initializer=kernel, name="fc1")(x), "fc1_relu")
    return kl.Dropout(dropout, seed=draw_seed(net.seed, "fc1_dropout"), name="fc1_dropout")(x)


def MiniResNet(  # noqa: N802
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 7,
    classifier_activation: Any = "softmax",
    name: str = "mini_resnet",
    *,
    attention: Spec = None,
    attention_position: str = "pre-add",
    attention_stages: Sequence[int] | None = None,
    width: float = 1.0,
    negative_slope: float = 0.01,
    map_dropout: float = 0.5,
    dropout: float = 0.5,
    kernel_initializer: str | keras.initializers.Initializer = "he_normal",
    seed: int | None = None,
) -> keras.Model:
    """A stem of 16 channels, stages of 2, 3 and 4 blocks with 32, 64 and 128, 2048 dense units.

    The table leaves open, and is read here as: the second LeakyReLU of a block comes after the
    addition, as in He et al. 2015; the shortcut that widens is a 3x3 convolution and its
    normalisation, without an activation; slope, epsilon and momentum are PyTorch's defaults.

    Args:
        include_top: with the dense layers and the classifier.
        weights: None, or what `models.load_into` takes; there are none for ImageNet.
        input_tensor: a Keras tensor to continue, instead of `input_shape`.
        input_shape: of an image; None for 48 pixels a side and one channel.
        pooling: of the last map where `include_top` is False: None, "avg" or "max".
        classes: number of classes.
        classifier_activation: of the last layer; None for logits.
        name: of the network.
        attention: None, a name, a (name, config) pair, a layer class, a layer as template or a
            callable; see `layers.get`.
        attention_position: "pre-add": on the residual branch, before the addition (standard);
            "post-add": on the block's output; "pre": on the branch's input; "identity": on the
            shortcut.
        attention_stages: some of (1, 2, 3); None for all.
        width: multiplies every number of channels and units.
        negative_slope: of the LeakyReLUs; 0 makes them ReLUs.
        map_dropout, dropout: rates of the dropout of whole channels after the last max-pool and
            of the dropout after the dense layer; the report has both and prints neither rate.
        kernel_initializer: of the convolutions and the dense layer. "he_normal" has the standard
            deviation of PyTorch's `kaiming_normal_`, with the tails beyond two of them cut.
        seed: makes the initial weights and the dropouts a function of seed and layer name alone,
            so that networks that differ in attention start equal where both have a layer.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`, or to the last map or its pooled vector without the top.

    Raises:
        ValueError: an unknown option value, with the allowed ones; an image below 16 pixels a
            side; weights of which nothing matched.
    """
    one_of("attention_position", attention_position, POSITIONS)
    one_of("pooling", pooling or "avg", POOLINGS)
    net = BasicBlocks(
        attend=Placement(
            attention,
            frozenset({attention_position}),
            chosen_stages(attention_stages, STAGES),
        ),
        negative_slope=negative_slope,
        projection=3,
        kernel_initializer=kernel_initializer,
        seed=seed,
    )
    inputs, x = image_input(input_tensor, input_shape, include_top, default=(48, 1))
    check_size(x, 16, "MiniResNet", "it has four max-pools")
    x = _features(x, width, map_dropout, net)
    if include_top:
        x = _head(x, scaled(2048, width), dropout, net)
        x = classifier(x, classes, classifier_activation, seed)
    else:
        x = pool(x, pooling)
    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        load_into(model, weights)
    return model


register("mini_resnet", MiniResNet)
