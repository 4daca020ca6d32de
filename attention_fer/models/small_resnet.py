"""A small residual network with attention that learns 48-pixel faces on a CPU.

He et al. 2015, https://arxiv.org/abs/1512.03385, figure 5, left, four stages of so few channels
and blocks that an epoch of FER2013 takes about a minute on two cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import keras
import numpy as np

from attention_fer.layers import Spec
from attention_fer.models.parts import basic_block, heads
from attention_fer.models.parts.assembly import NetworkFeatures, whole_network
from attention_fer.models.parts.basic_block import BasicBlocks
from attention_fer.models.parts.common import scaled
from attention_fer.models.parts.placement import block_placement
from attention_fer.models.registry import register

STAGES = (1, 2, 3, 4)
DEPTHS = (1, 2, 2, 1)
FILTERS = (24, 48, 96, 192)
POSITIONS = (*basic_block.POSITIONS, "stage")


def _features(x: Any, width: float, stem_stride: int, drop_path: float, net: BasicBlocks) -> Any:
    """Stem and four stages; all but the first stage halve the map and double the channels."""
    rates = iter(np.linspace(0.0, drop_path, sum(DEPTHS)).tolist())
    x = net.conv_norm_act(x, scaled(FILTERS[0], width), 3, stem_stride, "stem")
    for stage, depth, filters in zip(STAGES, DEPTHS, FILTERS, strict=True):
        for i in range(1, depth + 1):
            widens = stage > STAGES[0] and i == 1
            name = f"stage{stage}_block{i}"
            stride = 2 if widens else 1
            x = net.block(x, scaled(filters, width), stride, widens, name, stage, next(rates))
        x = net.attend(x, "stage", stage, f"stage{stage}")
    return x


@register("small_resnet")
@whole_network
def SmallResNet(  # noqa: N802
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 7,
    classifier_activation: Any = "softmax",
    name: str = "small_resnet",
    *,
    attention: Spec = None,
    attention_position: str = "pre-add",
    attention_stages: Sequence[int] | None = None,
    activation: Any = "relu",
    width: float = 1.0,
    stem_stride: int = 2,
    drop_path: float = 0.0,
    dropout: float = 0.3,
    head: str | heads.Head | None = None,
    kernel_initializer: str | keras.initializers.Initializer = "he_normal",
    seed: int | None = None,
) -> NetworkFeatures:
    """A 3x3 stem, then 1, 2, 2 and 1 basic blocks of 24, 48, 96 and 192 channels.

    The scale of the last normalisation of each branch starts at zero, so every block starts as its
    shortcut (Goyal et al. 2017, https://arxiv.org/abs/1706.02677).

    Args:
        include_top: whether to include the pooling, the dropout and the classifier.
        weights: None or any source that `models.load_into` accepts, except "imagenet".
        input_tensor: a Keras tensor to use as the image, in place of `input_shape`.
        input_shape: shape of an image; None for 48 pixels per side and one channel.
        pooling: pooling of the last map, "avg" or "max"; None for "avg", or for no pooling without
            the top.
        classes: number of classes.
        classifier_activation: activation of the last layer; None for logits.
        name: name of the network.
        attention: None, a name, a `(name, config)` pair, a layer class, a layer as a template, or a
            callable; see `layers.get`.
        attention_position: "pre-add": on the residual branch, before the addition (standard);
            "post-add": on the output of the block; "pre": on the input of the branch; "identity":
            on the shortcut; "pre-norm": before the last normalisation of the branch; "pre-conv":
            before each convolution of the block; "stage": on the output of the stage's last block.
        attention_stages: some of (1, 2, 3, 4); None for all.
        activation: any Keras activation.
        width: multiplier for every number of channels.
        stem_stride: 2, or 1 for maps of twice the size: as many parameters and four times as many
            multiply-adds.
        drop_path: rate of stochastic depth in the last block; it grows evenly from 0 in the first.
        dropout: rate before the classifier or head.
        head: a name in `models.HEADS` or a `models.Head`, in place of the classifier alone.
        kernel_initializer: initializer of the convolutions.
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
    if stem_stride not in (1, 2):
        raise ValueError(f"stem_stride must be 1 or 2, got {stem_stride!r}.")
    net = BasicBlocks(
        attend=block_placement(attention, attention_position, POSITIONS, attention_stages, STAGES),
        negative_slope=0.0,
        projection=1,
        kernel_initializer=kernel_initializer,
        seed=seed,
        branch_gamma="zeros",
        activation=activation,
    )
    return NetworkFeatures(
        network="SmallResNet",
        layers=partial(
            _features, width=width, stem_stride=stem_stride, drop_path=drop_path, net=net
        ),
        default_input=(48, 1),
        minimum=(16, "the stem and three stages halve it"),
        neck=partial(net.dropout, rate=dropout, name="dropout") if include_top else None,
    )
