"""The Residual Masking Network: ResNet-34 with a small U-Net that refines each stage.

Pham, Vu and Tran, "Facial Expression Recognition Using Residual Masking Network", ICPR 2020, and
their code, https://github.com/phamquiluan/ResidualMaskingNetwork, `resmasking_dropout1`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import keras
from keras import layers as kl

from attention_fer.common.checks import one_of
from attention_fer.layers import Spec
from attention_fer.layers.convolutions import kaiming_fan_out
from attention_fer.models.parts import heads
from attention_fer.models.parts.assembly import STEMS, NetworkFeatures, whole_network
from attention_fer.models.parts.basic_block import POSITIONS, BasicBlocks
from attention_fer.models.parts.common import (
    channel_axis,
    draw_seed,
    scaled,
    seeded,
    spatial_sizes,
    torch_batch_normalization,
)
from attention_fer.models.parts.placement import Placement, block_placement
from attention_fer.models.registry import register

STAGES = (2, 3, 4, 5)
DEPTHS = (3, 4, 6, 3)
MASK_DEPTHS = (4, 3, 2, 1)


def _stem(x: Any, filters: int, stem: str, net: BasicBlocks) -> Any:
    if stem == "small":
        return net.conv_norm_act(x, filters, 3, 1, "conv1")
    x = net.conv_norm_act(x, filters, 7, 2, "conv1")
    x = kl.ZeroPadding2D(1, name="pool1_pad")(x)
    return kl.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


def _stages(x: Any, width: float, masks: bool, net: BasicBlocks) -> Any:
    nowhere = Placement(None, frozenset(), frozenset())
    inner = replace(net, attend=nowhere, branch_gamma="zeros")
    for stage, depth, mask_depth in zip(STAGES, DEPTHS, MASK_DEPTHS, strict=True):
        filters = scaled(64 * 2 ** (stage - 2), width)
        for i in range(1, depth + 1):
            widens = stage > STAGES[0] and i == 1
            name = f"conv{stage}_block{i}"
            x = net.block(x, filters, 2 if widens else 1, widens, name, stage)
        if masks:
            x = _masked(x, filters, mask_depth, stage, inner)
    return x


def _masked(x: Any, filters: int, depth: int, stage: int, net: BasicBlocks) -> Any:
    """Return `x * (1 + mask)`, where the mask is a softmax over the channels."""
    mask = _unet(x, filters, depth, f"conv{stage}_mask", stage, net)
    mask = kl.Softmax(axis=channel_axis(), name=f"conv{stage}_mask_softmax")(mask)
    product = kl.Multiply(name=f"conv{stage}_mask_multiply")([x, mask])
    return kl.Add(name=f"conv{stage}_mask_add")([x, product])


def _unet(x: Any, filters: int, depth: int, name: str, stage: int, net: BasicBlocks) -> Any:
    """Go down by max-pools and blocks that double the channels, up by transposed convolutions."""
    skips = []
    for i in range(1, depth + 1):
        if i > 1:
            # "same" keeps the last row and column of an odd map.
            x = kl.MaxPooling2D(2, padding="same", name=f"{name}_pool{i - 1}")(x)
        x = net.block(x, filters * 2**i, 1, True, f"{name}_down{i}", stage)
        skips.append(x)
    for i in range(depth - 1, 0, -1):
        x = _up(x, skips[i - 1], filters * 2**i, f"{name}_up{i}", net)
        x = net.block(x, filters * 2**i, 1, True, f"{name}_fuse{i}", stage)
    return net.block(x, filters, 1, True, f"{name}_out", stage)


def _up(x: Any, skip: Any, filters: int, name: str, net: BasicBlocks) -> Any:
    """Double the size, crop to the size of `skip` if that is odd, and concatenate `skip`."""
    kernel = seeded(net.kernel_initializer, net.seed, f"{name}_conv")
    x = kl.Conv2DTranspose(filters, 2, strides=2, kernel_initializer=kernel, name=f"{name}_conv")(x)
    x = net.act(torch_batch_normalization(f"{name}_bn")(x), f"{name}_relu")
    sizes = zip(spatial_sizes(x), spatial_sizes(skip), strict=True)
    extra = [0 if there is None or here is None else here - there for here, there in sizes]
    if any(extra):
        crop = tuple((0, cut) for cut in extra)
        x = kl.Cropping2D(crop, name=f"{name}_crop")(x)
    return kl.Concatenate(axis=channel_axis(), name=f"{name}_concat")([x, skip])


@register("residual_masking")
@whole_network
def ResidualMaskingNetwork(  # noqa: N802
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 7,
    classifier_activation: Any = "softmax",
    name: str = "residual_masking",
    *,
    attention: Spec = None,
    attention_position: str = "pre-add",
    attention_stages: Sequence[int] | None = None,
    activation: Any = None,
    width: float = 1.0,
    stem: str = "imagenet",
    masks: bool = True,
    dropout: float = 0.4,
    head: str | heads.Head | None = None,
    kernel_initializer: str | keras.initializers.Initializer | None = None,
    seed: int | None = None,
) -> NetworkFeatures:
    """ResNet-34 with masking blocks of depth 4, 3, 2 and 1 after its four stages.

    For images whose sides are multiples of 32, which the authors' code requires, this is the
    authors' network. For other sizes, maps inside a mask are rounded up and the larger one is
    cropped.

    Args:
        include_top: whether to include the pooling, the dropout and the classifier.
        weights: None or any source that `models.load_into` accepts, except "imagenet";
            Keras has no ImageNet weights for this network, from which the authors started.
        input_tensor: a Keras tensor to use as the image, in place of `input_shape`.
        input_shape: shape of an image; None for 224 pixels per side and three channels. If height
            or width is unknown, the sides of images must be multiples of 32.
        pooling: pooling of the last map, "avg" or "max"; None for "avg", or for no pooling without
            the top.
        classes: number of classes.
        classifier_activation: activation of the last layer; None for logits.
        name: name of the network.
        attention: a further module in the residual blocks of ResNet-34: None, a name, a
            `(name, config)` pair, a layer class, a layer as a template, or a callable; see
            `layers.get`.
        attention_position: "pre-add": on the residual branch, before the addition (standard);
            "post-add": on the output of the block; "pre": on the input of the branch; "identity":
            on the shortcut; "pre-norm": before the last normalisation of the branch; "pre-conv":
            before each convolution of the block.
        attention_stages: some of (2, 3, 4, 5), the stages conv2 to conv5; None for all.
        activation: any Keras activation; None for the authors' ReLU.
        width: multiplier for every number of channels.
        stem: "imagenet" (7x7 stride 2, max-pool) or "small" (3x3 stride 1, no max-pool).
        masks: whether to include the masking blocks; without them this is ResNet-34.
        dropout: rate before the classifier or head; the authors use 0.4.
        head: a name in `models.HEADS` or a `models.Head`, in place of the classifier alone.
        kernel_initializer: initializer of the convolutions; None for the authors', a normal
            distribution with variance 2 / fan-out.
        seed: makes the initial weights and dropout of the backbone depend on the seed and layer
            names alone, so networks that differ in attention start equal wherever both have a
            layer. Attention modules draw from Keras's global seed, see
            `keras.utils.set_random_seed`.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`; without the top, to the last map or its pooled vector.

    Raises:
        ValueError: an option value that is not allowed, an image below 32 pixels per side (8 with
            `stem="small"`), or weights of which nothing matched.
    """
    one_of("stem", stem, STEMS)
    net = BasicBlocks(
        attend=block_placement(attention, attention_position, POSITIONS, attention_stages, STAGES),
        negative_slope=0.0,
        projection=1,
        kernel_initializer=kernel_initializer or kaiming_fan_out(),
        seed=seed,
        activation=activation,
    )

    def layers(x: Any) -> Any:
        return _stages(_stem(x, scaled(64, width), stem, net), width, masks, net)

    drop = kl.Dropout(dropout, seed=draw_seed(seed, "dropout"), name="dropout")
    least = 32 if stem == "imagenet" else 8
    return NetworkFeatures(
        network="ResidualMaskingNetwork",
        layers=layers,
        minimum=(least, "each stage and each mask halves the map"),
        neck=drop if include_top else None,
    )
