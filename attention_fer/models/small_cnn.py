"""Two plain convolutional networks for 48-pixel grey faces, with attention.

Liu, Zhang, Gao, Chu and Kalsi, "CNNs and Vision Transformers for Emotion Recognization", report,
University of California, Irvine, section 3: "V1" and "V2.1". The report describes them in words;
each builder states the choices made here where the report leaves them open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import keras
from keras import layers as kl

from attention_fer.common.checks import positive_int
from attention_fer.layers import Spec
from attention_fer.models.parts import heads
from attention_fer.models.parts.assembly import NetworkFeatures, whole_network
from attention_fer.models.parts.common import (
    scaled,
    torch_batch_normalization,
)
from attention_fer.models.parts.placement import Positions, convolution_placement
from attention_fer.models.parts.seeded_layers import SeededLayers
from attention_fer.models.registry import register

V1_FILTERS = (32, 64)
V2_FILTERS = (32, 64, 128, 256)


@dataclass(frozen=True)
class _Layers(SeededLayers):
    width: float
    normalized: bool

    def conv_act(self, x: Any, filters: int, name: str) -> Any:
        filters, biased = scaled(filters, self.width), not self.normalized
        x = self.conv(x, filters, 3, name, padding="same", use_bias=biased)
        x = torch_batch_normalization(f"{name}_bn")(x) if self.normalized else x
        return self.act(x, f"{name}_relu")

    def hidden(self, x: Any, units: int, dropout: float) -> Any:
        """A dense layer between two dropouts."""
        x = self.dropout(x, dropout, "flatten_dropout")
        x = self.dense(x, scaled(units, self.width), "fc1")
        return self.dropout(self.act(x, "fc1_relu"), dropout, "fc1_dropout")

    def features(self, x: Any, filters: Sequence[int], depths: Sequence[int]) -> Any:
        """Groups of 3x3 convolutions, each followed by a 2x2 max-pool."""
        index = 0
        for stage, (channels, depth) in enumerate(zip(filters, depths, strict=True), 1):
            for i in range(1, depth + 1):
                index += 1
                name = f"block{stage}_conv{i}"
                x = self.attend(self.conv_act(x, channels, name), index, stage, name)
            x = kl.MaxPooling2D(2, name=f"block{stage}_pool")(x)
        return self.attend(x, "last", len(filters), f"block{len(filters)}_pool")


def _features(
    network: str, filters: Sequence[int], depths: Sequence[int], net: _Layers
) -> NetworkFeatures:
    """Return groups of convolutions as the features of a network."""
    return NetworkFeatures(
        network=network,
        layers=partial(net.features, filters=filters, depths=depths),
        default_input=(48, 1),
        minimum=(2 ** len(filters), f"it has {len(filters)} max-pools"),
        flatten=True,
    )


@register("cnn_v1")
@whole_network
def CNNV1(  # noqa: N802
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 7,
    classifier_activation: Any = "softmax",
    name: str = "cnn_v1",
    *,
    attention: Spec = None,
    attention_position: Positions = "last",
    attention_stages: Sequence[int] | None = None,
    activation: Any = "relu",
    width: float = 1.0,
    head: str | heads.Head | None = None,
    kernel_initializer: str | keras.initializers.Initializer = "he_normal",
    seed: int | None = None,
) -> NetworkFeatures:
    """Two convolutions, each followed by a 2x2 max-pool, and one dense layer.

    Chosen here: 3x3 kernels with "same" padding, 32 and 64 channels, and the activation, which the
    report states for V2.1 alone.

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
        attention_position: "last": on the last map, after the last max-pool; "every": after the
            activation of each convolution; or a tuple of indices of convolutions, counted from 1.
        attention_stages: some of (1, 2), the groups of convolutions to which the places of
            attention are restricted; None for all.
        activation: activation of the convolutions and hidden dense layers; any Keras activation.
        width: multiplier for every number of channels and units.
        head: a name in `models.HEADS` or a `models.Head`, in place of all dense layers.
        kernel_initializer: initializer of the convolutions and hidden dense layers.
        seed: makes the initial weights and dropouts of the backbone depend on the seed and layer
            names alone, so networks that differ in attention start equal wherever both have a
            layer. Attention modules draw from Keras's global seed, see
            `keras.utils.set_random_seed`.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`; without the top, to the last map or its pooled vector.

    Raises:
        ValueError: an option value that is not allowed, an image too small for the max-pools, or
            weights of which nothing matched.
    """
    depths = (1,) * len(V1_FILTERS)
    attend = convolution_placement(attention, attention_position, attention_stages, depths)
    net = _Layers(attend, activation, kernel_initializer, seed, width, normalized=False)
    return _features("CNNV1", V1_FILTERS, depths, net)


@register("cnn_v2")
@whole_network
def CNNV2(  # noqa: N802
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 7,
    classifier_activation: Any = "softmax",
    name: str = "cnn_v2",
    *,
    attention: Spec = None,
    attention_position: Positions = "last",
    attention_stages: Sequence[int] | None = None,
    activation: Any = "relu",
    width: float = 1.0,
    convolutions: int = 2,
    dropout: float = 0.5,
    head: str | heads.Head | None = None,
    kernel_initializer: str | keras.initializers.Initializer = "he_normal",
    seed: int | None = None,
) -> NetworkFeatures:
    """V2.1: normalised groups of 32, 64, 128 and 256 channels, and dropout.

    Batch normalisation and the activation follow each convolution, a 2x2 max-pool each group. The
    report's "double the convolutional layers" is taken to mean two convolutions per group; it may
    also mean four in all, which is `convolutions=1`. Chosen here: 3x3 kernels with "same" padding
    and without bias; a hidden dense layer of 512 units; dropout before and after it.

    Args:
        convolutions: number of convolutions per group.
        dropout: rate of both dropouts; 0.5 in the report.
        attention_stages: some of (1, 2, 3, 4), the groups of convolutions to which the places of
            attention are restricted; None for all.
        include_top, weights, input_tensor, input_shape, pooling, classes, classifier_activation,
        name, attention, attention_position, activation, width, head, kernel_initializer, seed:
            as in `CNNV1`. Without the top, the hidden dense layer and its dropouts are left out.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`; without the top, to the last map or its pooled vector.

    Raises:
        ValueError: an option value that is not allowed, an image too small for the max-pools, or
            weights of which nothing matched.
    """
    depths = (positive_int("convolutions", convolutions),) * len(V2_FILTERS)
    attend = convolution_placement(attention, attention_position, attention_stages, depths)
    net = _Layers(attend, activation, kernel_initializer, seed, width, normalized=True)
    features = _features("CNNV2", V2_FILTERS, depths, net)
    if not include_top or head is not None:
        return features
    return replace(features, neck=partial(net.hidden, units=512, dropout=dropout))
