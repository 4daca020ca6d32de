"""ResNet-50/101/152, V1 and V2, layer for layer as in `keras.applications`, with attention.

He et al. 2015, https://arxiv.org/abs/1512.03385, and 2016, https://arxiv.org/abs/1603.05027.
The attention positions are those of Hu et al. 2018, section 6.4.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers as kl

from attention_fer.common.checks import one_of
from attention_fer.layers import Spec
from attention_fer.models.parts import heads
from attention_fer.models.parts.assembly import STEMS, NetworkFeatures, variant, whole_network
from attention_fer.models.parts.common import channel_axis, scaled
from attention_fer.models.parts.placement import block_placement
from attention_fer.models.parts.seeded_layers import SeededLayers
from attention_fer.models.registry import register

POSITIONS = ("pre-add", "post-add", "pre", "identity", "after-3x3")
STAGES = (2, 3, 4, 5)

Normalization = Callable[[str], kl.Layer]


@dataclass(frozen=True)
class _Layers(SeededLayers):
    outer_activation: Any
    width: float
    normalization: Normalization

    def norm(self, x: Any, name: str) -> Any:
        return self.normalization(name)(x)

    def norm_act(self, x: Any, name: str, outer: bool = False) -> Any:
        activation = self.outer_activation if outer else self.activation
        return kl.Activation(activation, name=f"{name}_relu")(self.norm(x, f"{name}_bn"))


def batch_normalization(name: str) -> kl.Layer:
    """Return the normalisation of `keras.applications`: over the channels, epsilon 1.001e-5."""
    return kl.BatchNormalization(axis=channel_axis(), epsilon=1.001e-5, name=name)


def _block_v1(
    x: Any, filters: int, stride: int, project: bool, name: str, stage: int, net: _Layers
) -> Any:
    """Bottleneck of V1: convolution, normalisation, activation; the first 1x1 has the stride."""
    shortcut = x
    if project:
        shortcut = net.conv(x, 4 * filters, 1, f"{name}_0_conv", strides=stride)
        shortcut = net.norm(shortcut, f"{name}_0_bn")
    shortcut = net.attend(shortcut, "identity", stage, name)
    x = net.attend(x, "pre", stage, name)
    x = net.conv(x, filters, 1, f"{name}_1_conv", strides=stride)
    x = net.norm_act(x, f"{name}_1")
    x = net.conv(x, filters, 3, f"{name}_2_conv", padding="same")
    x = net.norm_act(x, f"{name}_2")
    x = net.attend(x, "after-3x3", stage, name)
    x = net.conv(x, 4 * filters, 1, f"{name}_3_conv")
    x = net.norm(x, f"{name}_3_bn")
    x = net.attend(x, "pre-add", stage, name)
    x = kl.Add(name=f"{name}_add")([shortcut, x])
    x = net.act(x, f"{name}_out")
    return net.attend(x, "post-add", stage, name)


def _block_v2(
    x: Any, filters: int, stride: int, project: bool, name: str, stage: int, net: _Layers
) -> Any:
    """Bottleneck of V2: normalisation and activation first; the 3x3 has the stride."""
    preact = net.norm_act(x, f"{name}_preact")
    shortcut = x
    if project:
        shortcut = net.conv(preact, 4 * filters, 1, f"{name}_0_conv", strides=stride)
    elif stride > 1:
        shortcut = kl.MaxPooling2D(1, strides=stride, name=f"{name}_0_pool")(x)
    shortcut = net.attend(shortcut, "identity", stage, name)
    x = net.attend(preact, "pre", stage, name)
    x = net.conv(x, filters, 1, f"{name}_1_conv", use_bias=False)
    x = net.norm_act(x, f"{name}_1")
    x = kl.ZeroPadding2D(1, name=f"{name}_2_pad")(x)
    x = net.conv(x, filters, 3, f"{name}_2_conv", strides=stride, use_bias=False)
    x = net.norm_act(x, f"{name}_2")
    x = net.attend(x, "after-3x3", stage, name)
    x = net.conv(x, 4 * filters, 1, f"{name}_3_conv")
    x = net.attend(x, "pre-add", stage, name)
    x = kl.Add(name=f"{name}_out")([shortcut, x])
    return net.attend(x, "post-add", stage, name)


def _stages(x: Any, depths: Sequence[int], v2: bool, net: _Layers) -> Any:
    """Four stages. V1 halves the map at the start of the last three, V2 at the end of the first."""
    block = _block_v2 if v2 else _block_v1
    for stage, depth in zip(STAGES, depths, strict=True):
        filters = scaled(64 * 2 ** (stage - 2), net.width)
        strided = depth if v2 else 1
        halves = stage != (STAGES[-1] if v2 else STAGES[0])
        for i in range(1, depth + 1):
            stride = 2 if halves and i == strided else 1
            x = block(x, filters, stride, i == 1, f"conv{stage}_block{i}", stage, net)
    return x


def _stem(x: Any, stem: str, v2: bool, net: _Layers) -> Any:
    """7x7 stride 2 and a max-pool, or one 3x3 at full size for small images."""
    filters = scaled(64, net.width)
    if stem == "small":
        x = net.conv(x, filters, 3, "conv1_conv", padding="same")
        return x if v2 else net.norm_act(x, "conv1", outer=True)
    x = kl.ZeroPadding2D(3, name="conv1_pad")(x)
    x = net.conv(x, filters, 7, "conv1_conv", strides=2)
    x = x if v2 else net.norm_act(x, "conv1", outer=True)
    x = kl.ZeroPadding2D(1, name="pool1_pad")(x)
    return kl.MaxPooling2D(3, strides=2, name="pool1_pool")(x)


@dataclass(frozen=True)
class _Architecture:
    """Name in `keras.applications`, blocks of each stage, and whether they are those of V2."""

    title: str
    depths: tuple[int, int, int, int]
    v2: bool = False


@whole_network
def resnet(
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
    attention_position: str = "pre-add",
    attention_stages: Sequence[int] | None = None,
    activation: Any = "relu",
    outer_activation: Any = None,
    width: float = 1.0,
    stem: str = "imagenet",
    normalization: Normalization = batch_normalization,
    head: str | heads.Head | None = None,
    kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
    seed: int | None = None,
) -> NetworkFeatures:
    """ResNet with any attention module.

    Layer names and outputs are those of `keras.applications.{title}` if `attention` is None.

    Args:
        include_top, weights, input_tensor, input_shape, pooling, classes,
        classifier_activation, name: as in `keras.applications`, with these differences: `weights`
            is None by default; any number of input channels is accepted; with `include_top=True`,
            `pooling` selects the pooling before the classifier, "avg" if None. `weights` accepts
            "imagenet" or a path; `models.load_into` describes what is loaded and reported.
        attention: None, a name, a `(name, config)` pair, a layer class, a layer as a template, or a
            callable; see `layers.get`.
        attention_position: "pre-add": on the residual branch, before the addition (standard);
            "post-add": on the output of the block; "pre": on the input of the branch, in V2 after
            the pre-activation; "identity": on the shortcut; "after-3x3": after the 3x3
            convolution, its normalisation and its activation.
        attention_stages: some of (2, 3, 4, 5), the stages conv2 to conv5; None for all.
        activation: activation of the residual blocks; any Keras activation.
        outer_activation: outside the blocks, that is after the stem in V1 and before the pooling
            in V2; None for the same as `activation`.
        width: multiplier for every number of channels.
        stem: "imagenet" (7x7 stride 2, max-pool) or "small" (3x3 stride 1, no max-pool).
        normalization: callable from a layer name to a normalisation layer.
        head: a name in `models.HEADS` or a `models.Head`, in place of the classifier alone.
        kernel_initializer: initializer of the convolutions; `keras.applications` uses
            "glorot_uniform", the ResNet papers "he_normal".
        seed: makes the initial weights of the backbone depend on the seed and layer names alone, so
            networks that differ in attention start equal wherever both have a layer. Attention
            modules draw from Keras's global seed, see `keras.utils.set_random_seed`.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`; without the top, to the last map or its pooled vector.

    Raises:
        ValueError: an option value that is not allowed, or weights of which nothing matched.
    """
    one_of("stem", stem, STEMS)
    title, v2 = architecture.title, architecture.v2
    net = _Layers(
        attend=block_placement(attention, attention_position, POSITIONS, attention_stages, STAGES),
        activation=activation,
        kernel_initializer=kernel_initializer,
        seed=seed,
        outer_activation=outer_activation or activation,
        width=width,
        normalization=normalization,
    )

    def layers(x: Any) -> Any:
        x = _stages(_stem(x, stem, v2, net), architecture.depths, v2, net)
        return net.norm_act(x, "post", outer=True) if v2 else x

    return NetworkFeatures(
        network=title,
        layers=layers,
        imagenet=title,
        default_name=title.lower(),
    )


@register("resnet50")
@variant(resnet)
def ResNet50() -> _Architecture:  # noqa: N802
    """ResNet-50 (V1) with any attention module."""
    return _Architecture("ResNet50", (3, 4, 6, 3))


@register("resnet101")
@variant(resnet)
def ResNet101() -> _Architecture:  # noqa: N802
    """ResNet-101 (V1) with any attention module."""
    return _Architecture("ResNet101", (3, 4, 23, 3))


@register("resnet152")
@variant(resnet)
def ResNet152() -> _Architecture:  # noqa: N802
    """ResNet-152 (V1) with any attention module."""
    return _Architecture("ResNet152", (3, 8, 36, 3))


@register("resnet50v2")
@variant(resnet)
def ResNet50V2() -> _Architecture:  # noqa: N802
    """ResNet-50 V2 with any attention module."""
    return _Architecture("ResNet50V2", (3, 4, 6, 3), v2=True)


@register("resnet101v2")
@variant(resnet)
def ResNet101V2() -> _Architecture:  # noqa: N802
    """ResNet-101 V2 with any attention module."""
    return _Architecture("ResNet101V2", (3, 4, 23, 3), v2=True)


@register("resnet152v2")
@variant(resnet)
def ResNet152V2() -> _Architecture:  # noqa: N802
    """ResNet-152 V2 with any attention module."""
    return _Architecture("ResNet152V2", (3, 8, 36, 3), v2=True)
