"""A small residual network for 48-pixel grey faces, with attention.

Dykun, "Facial Emotion Recognition with Data Augmentation", report, Technological University of
the Shannon, appendix 1: a table of the layers with their shapes and numbers of parameters, in all
3,817,079. PyTorch does not count the moving statistics of batch normalisation as parameters; in
Keras this is the number of trainable parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
from keras import layers as kl

from attention_fer.layers import Spec
from attention_fer.models.parts import heads
from attention_fer.models.parts.assembly import NetworkFeatures, whole_network
from attention_fer.models.parts.basic_block import POSITIONS, BasicBlocks
from attention_fer.models.parts.common import draw_seed, scaled
from attention_fer.models.parts.placement import block_placement
from attention_fer.models.registry import register

STAGES = (1, 2, 3)
DEPTHS = (2, 3, 4)
FILTERS = (32, 64, 128)


def _features(x: Any, width: float, dropout: float, net: BasicBlocks) -> Any:
    """Stem and three stages, each followed by a max-pool; the first block of a stage widens."""
    x = net.conv_norm_act(x, scaled(16, width), 3, 1, "stem")
    x = kl.MaxPooling2D(2, name="stem_pool")(x)
    for stage, depth, filters in zip(STAGES, DEPTHS, FILTERS, strict=True):
        for i in range(1, depth + 1):
            name = f"stage{stage}_block{i}"
            x = net.block(x, scaled(filters, width), 1, i == 1, name, stage)
        x = kl.MaxPooling2D(2, name=f"stage{stage}_pool")(x)
    name = "map_dropout"
    return kl.SpatialDropout2D(dropout, seed=draw_seed(net.seed, name), name=name)(x)


def _hidden(x: Any, units: int, dropout: float, net: BasicBlocks) -> Any:
    return net.dropout(net.act(net.dense(x, units, "fc1"), "fc1_relu"), dropout, "fc1_dropout")


@register("mini_resnet")
@whole_network
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
    activation: Any = None,
    width: float = 1.0,
    negative_slope: float = 0.01,
    map_dropout: float = 0.5,
    dropout: float = 0.5,
    head: str | heads.Head | None = None,
    kernel_initializer: str | keras.initializers.Initializer = "he_normal",
    seed: int | None = None,
) -> NetworkFeatures:
    """A stem of 16 channels, 2, 3 and 4 blocks of 32, 64 and 128 channels, 2048 dense units.

    Choices that the report's table leaves open: the second LeakyReLU of a block follows the
    addition, as in He et al. 2015; a shortcut that widens is a 3x3 convolution and its
    normalisation, without an activation; slope, epsilon and momentum are PyTorch's defaults.

    Args:
        include_top: whether to include the dense layers.
        weights: None or any source that `models.load_into` accepts, except "imagenet".
        input_tensor: a Keras tensor to use as the image, in place of `input_shape`.
        input_shape: shape of an image; None for 48 pixels per side and one channel.
        pooling: pooling of the last map if `include_top` is False: None, "avg" or "max".
        classes: number of classes.
        classifier_activation: activation of the last layer; None for logits.
        name: name of the network.
        attention: None, a name, a `(name, config)` pair, a layer class, a layer as a template, or a
            callable; see `layers.get`.
        attention_position: "pre-add": on the residual branch, before the addition (standard);
            "post-add": on the output of the block; "pre": on the input of the branch; "identity":
            on the shortcut; "pre-norm": before the last normalisation of the branch; "pre-conv":
            before each convolution of the block.
        attention_stages: some of (1, 2, 3); None for all.
        activation: any Keras activation; None for the report's LeakyReLU.
        width: multiplier for every number of channels and units.
        negative_slope: slope of the LeakyReLUs; 0 makes them ReLUs. Ignored if `activation` is
            given.
        map_dropout, dropout: rates of the dropout of whole channels after the last max-pool and of
            the dropout after the dense layer; the report has both but states neither rate.
        head: a name in `models.HEADS` or a `models.Head`, in place of both dense layers.
        kernel_initializer: initializer of the convolutions and the dense layer. "he_normal" has the
            standard deviation of PyTorch's `kaiming_normal_`, but is truncated at two of them.
        seed: makes the initial weights and dropouts of the backbone depend on the seed and layer
            names alone, so networks that differ in attention start equal wherever both have a
            layer. Attention modules draw from Keras's global seed, see
            `keras.utils.set_random_seed`.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`; without the top, to the last map or its pooled vector.

    Raises:
        ValueError: an option value that is not allowed, an image below 16 pixels per side, or
            weights of which nothing matched.
    """
    net = BasicBlocks(
        attend=block_placement(attention, attention_position, POSITIONS, attention_stages, STAGES),
        negative_slope=negative_slope,
        projection=3,
        kernel_initializer=kernel_initializer,
        seed=seed,
        activation=activation,
    )
    hidden = partial(_hidden, units=scaled(2048, width), dropout=dropout, net=net)
    return NetworkFeatures(
        network="MiniResNet",
        layers=partial(_features, width=width, dropout=map_dropout, net=net),
        default_input=(48, 1),
        minimum=(16, "it has four max-pools"),
        flatten=True,
        neck=hidden if include_top and head is None else None,
    )
