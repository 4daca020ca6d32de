"""ConvNeXt, layer for layer as in `keras.applications`, with attention.

Liu et al. 2022, https://arxiv.org/abs/2201.03545.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers as kl

from attention_fer.common.checks import one_of, positive_int
from attention_fer.layers import Spec
from attention_fer.models.parts import heads
from attention_fer.models.parts.assembly import NetworkFeatures, whole_network
from attention_fer.models.parts.common import channel_axis, draw_seed, scaled
from attention_fer.models.parts.placement import block_placement
from attention_fer.models.parts.residual_layers import LayerScale, StochasticDepth
from attention_fer.models.parts.seeded_layers import SeededLayers
from attention_fer.models.registry import register

POSITIONS = ("pre-add", "post-add")
STAGES = (0, 1, 2, 3)
# Blocks and channels of each stage.
SIZES = {
    "tiny": ((3, 3, 9, 3), (96, 192, 384, 768)),
    "small": ((3, 3, 27, 3), (96, 192, 384, 768)),
    "base": ((3, 3, 27, 3), (128, 256, 512, 1024)),
    "large": ((3, 3, 27, 3), (192, 384, 768, 1536)),
}


@dataclass(frozen=True)
class _Layers(SeededLayers):
    layer_scale: float


def _norm(x: Any, name: str, axis: int = -1) -> Any:
    return kl.LayerNormalization(axis=axis, epsilon=1e-6, name=name)(x)


def _norm_last(x: Any, name: str) -> Any:
    """Normalise the last map or its pooled vector."""
    return _norm(x, name, 1 if len(x.shape) == 2 else channel_axis())


def _block(x: Any, filters: int, drop: float, name: str, stage: int, net: _Layers) -> Any:
    """A branch of a depthwise 7x7 convolution and two dense layers over the channels."""
    shortcut = x
    name_of = f"{name}_{{}}".format
    x = net.conv(x, filters, 7, name_of("depthwise_conv"), padding="same", groups=filters)
    first = channel_axis() == 1
    x = kl.Permute((2, 3, 1), name=name_of("to_last"))(x) if first else x
    x = _norm(x, name_of("layernorm"))
    x = net.dense(x, 4 * filters, name_of("pointwise_conv_1"))
    x = net.act(x, name_of("gelu"))
    x = net.dense(x, filters, name_of("pointwise_conv_2"))
    x = LayerScale(net.layer_scale, name=name_of("layer_scale"))(x)
    x = kl.Permute((3, 1, 2), name=name_of("to_first"))(x) if first else x
    x = net.attend(x, "pre-add", stage, name)
    if drop:
        depth = name_of("stochastic_depth")
        x = StochasticDepth(drop, seed=draw_seed(net.seed, depth), name=depth)(x)
    x = kl.Add(name=name_of("add"))([shortcut, x])
    return net.attend(x, "post-add", stage, name)


def _features(
    x: Any, prefix: str, patch: int, width: float, drop_path: float, size: str, net: _Layers
) -> Any:
    """Four stages: the first on patches of the image, the others on 2x2 patches of the map."""
    depths, channels = SIZES[size]
    drops = iter(np.linspace(0.0, drop_path, sum(depths)).tolist())
    for stage, depth in enumerate(depths):
        filters = scaled(channels[stage], width)
        if stage == 0:
            x = net.conv(x, filters, patch, f"{prefix}_stem_conv", strides=patch)
            x = _norm(x, f"{prefix}_stem_layernorm", channel_axis())
        else:
            x = _norm(x, f"{prefix}_downsampling_layernorm_{stage - 1}", channel_axis())
            x = net.conv(x, filters, 2, f"{prefix}_downsampling_conv_{stage - 1}", strides=2)
        for i in range(depth):
            name = f"{prefix}_stage_{stage}_block_{i}"
            x = _block(x, filters, next(drops), name, stage, net)
    return x


@register("convnext")
@whole_network
def ConvNeXt(  # noqa: N802
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
    *,
    size: str = "tiny",
    attention: Spec = None,
    attention_position: str = "pre-add",
    attention_stages: Sequence[int] | None = None,
    activation: Any = None,
    width: float = 1.0,
    patch_size: int = 4,
    drop_path: float = 0.0,
    layer_scale: float = 1e-6,
    head: str | heads.Head | None = None,
    kernel_initializer: str | keras.initializers.Initializer | None = None,
    seed: int | None = None,
) -> NetworkFeatures:
    """Patches, then four stages of depthwise 7x7 convolutions and dense layers over the channels.

    If `attention` is None, the outputs are those of `keras.applications.ConvNeXtTiny`, `Small`,
    `Base` and `Large` with `include_preprocessing=False`, and layers with weights have the same
    names, with two exceptions: the last layer, called `predictions` here as in all families, and
    the last normalisation of a network without the top, which has no fixed name in Keras.
    `models.load_into` handles both.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name: as in `keras.applications`, with these differences: `weights`
            is None by default; any number of input channels is accepted; with `include_top=True`,
            `pooling` selects the pooling before the classifier, "avg" if None. `weights` accepts
            "imagenet" or a path; `models.load_into` describes what is loaded and reported.
            The ImageNet weights expect images normalised by ImageNet's mean and deviation.
        size: "tiny", "small", "base" or "large".
        attention: None, a name, a `(name, config)` pair, a layer class, a layer as a template, or a
            callable; see `layers.get`.
        attention_position: "pre-add": on the residual branch, between its layer scale and the
            addition; "post-add": on the output of the block.
        attention_stages: some of (0, 1, 2, 3); None for all.
        activation: any Keras activation; None for the authors' GELU.
        width: multiplier for every number of channels.
        patch_size: pixels per side of the patches of the stem; 4 in the paper. 2 keeps the maps of
            small images larger.
        drop_path: rate of stochastic depth in the last block; it grows from 0 in the first.
        layer_scale: initial scale of the residual branches.
        head: a name in `models.HEADS` or a `models.Head`, in place of the classifier alone.
        kernel_initializer: initializer of the convolutions and the dense layers over the channels;
            None for the authors', a normal distribution with standard deviation 0.02.
        seed: makes the initial weights and stochastic depth of the backbone depend on the seed and
            layer names alone, so networks that differ in attention start equal wherever both have a
            layer. Attention modules draw from Keras's global seed, see
            `keras.utils.set_random_seed`.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`; without the top, to the last map or its pooled vector.

    Raises:
        ValueError: an option value that is not allowed, an image below eight patches per side, or
            weights of which nothing matched.
    """
    one_of("size", size, SIZES)
    patch = positive_int("patch_size", patch_size)
    net = _Layers(
        attend=block_placement(attention, attention_position, POSITIONS, attention_stages, STAGES),
        activation=activation or "gelu",
        layer_scale=layer_scale,
        kernel_initializer=kernel_initializer or keras.initializers.RandomNormal(stddev=0.02),
        seed=seed,
    )
    prefix = f"convnext_{size}"
    return NetworkFeatures(
        network="ConvNeXt",
        layers=lambda x: _features(x, prefix, patch, width, drop_path, size, net),
        minimum=(8 * patch, f"patches of {patch} pixels are joined three times"),
        neck=partial(_norm_last, name=f"{prefix}_head_layernorm"),
        imagenet=f"ConvNeXt{size.title()}",
        default_name=prefix,
    )
