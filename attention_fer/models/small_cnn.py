"""Two plain convolutional networks for 48-pixel grey faces, with attention.

Liu, Zhang, Gao, Chu and Kalsi, "CNNs and Vision Transformers for Emotion Recognization", report,
University of California, Irvine, section 3: "V1" and "V2.1". It describes them in words; what it
leaves open is decided here and said with each builder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers as kl

from attention_fer.common.checks import one_of, positive_int
from attention_fer.layers import Spec
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
    torch_batch_normalization,
)
from attention_fer.models.parts.placement import Placement, Positions, convolution_placement
from attention_fer.models.pretrained.by_name import load_into
from attention_fer.models.registry import register

V1_FILTERS = (32, 64)
V2_FILTERS = (32, 64, 128, 256)
V2_UNITS = 512


@dataclass(frozen=True)
class _Parts:
    """The layers that the options decide."""

    attend: Placement
    activation: Any
    width: float
    normalized: bool
    kernel_initializer: str | keras.initializers.Initializer
    seed: int | None

    def conv(self, x: Any, filters: int, name: str) -> Any:
        kernel = seeded(self.kernel_initializer, self.seed, name)
        x = kl.Conv2D(
            scaled(filters, self.width),
            3,
            padding="same",
            use_bias=not self.normalized,
            kernel_initializer=kernel,
            name=name,
        )(x)
        x = torch_batch_normalization(f"{name}_bn")(x) if self.normalized else x
        return kl.Activation(self.activation, name=f"{name}_relu")(x)

    def hidden(self, x: Any, units: int, dropout: float) -> Any:
        """A dense layer between two dropouts."""
        x = self._drop(x, dropout, "flatten_dropout")
        kernel = seeded(self.kernel_initializer, self.seed, "fc1")
        x = kl.Dense(scaled(units, self.width), kernel_initializer=kernel, name="fc1")(x)
        x = kl.Activation(self.activation, name="fc1_relu")(x)
        return self._drop(x, dropout, "fc1_dropout")

    def _drop(self, x: Any, rate: float, name: str) -> Any:
        return kl.Dropout(rate, seed=draw_seed(self.seed, name), name=name)(x)

    def features(self, x: Any, filters: Sequence[int], depths: Sequence[int]) -> Any:
        """Groups of 3x3 convolutions, each with a 2x2 max-pool at its end."""
        index = 0
        for stage, (channels, depth) in enumerate(zip(filters, depths, strict=True), 1):
            for i in range(1, depth + 1):
                index += 1
                name = f"block{stage}_conv{i}"
                x = self.attend(self.conv(x, channels, name), index, stage, name)
            x = kl.MaxPooling2D(2, name=f"block{stage}_pool")(x)
        return self.attend(x, "last", len(filters), f"block{len(filters)}_pool")


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
    kernel_initializer: str | keras.initializers.Initializer = "he_normal",
    seed: int | None = None,
) -> keras.Model:
    """Two convolutions, each with a 2x2 max-pool, and one dense layer.

    Decided here: 3x3 kernels that keep the size, 32 and 64 channels, and the activation, of which
    the report speaks for V2.1 alone.

    Args:
        include_top: with the dense layer.
        weights: None, or what `models.load_into` takes; there are none for ImageNet.
        input_tensor: a Keras tensor to continue, instead of `input_shape`.
        input_shape: of an image; None for 48 pixels a side and one channel.
        pooling: of the last map where `include_top` is False: None, "avg" or "max".
        classes: number of classes.
        classifier_activation: of the last layer; None for logits.
        name: of the network.
        attention: None, a name, a (name, config) pair, a layer class, a layer as template or a
            callable; see `layers.get`.
        attention_position: "last": on the last map, after the last max-pool; "every": after the
            activation of each convolution; or a tuple of indices of convolutions, from 1.
        attention_stages: some of (1, 2), the groups of convolutions that keep those places; None
            for all.
        activation: of the convolutions, any Keras activation.
        width: multiplies every number of channels.
        kernel_initializer: of the convolutions.
        seed: makes the initial weights a function of seed and layer name alone, so that networks
            that differ in attention start equal where both have a layer.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`, or to the last map or its pooled vector without the top.

    Raises:
        ValueError: an unknown option value, with the allowed ones; an image below 4 pixels a
            side; weights of which nothing matched.
    """
    depths = (1, 1)
    one_of("pooling", pooling or "avg", POOLINGS)
    attend = convolution_placement(attention, attention_position, attention_stages, depths)
    net = _Parts(attend, activation, width, False, kernel_initializer, seed)
    inputs, x = image_input(input_tensor, input_shape, include_top, default=(48, 1))
    check_size(x, 4, "CNNV1", "it has two max-pools")
    x = net.features(x, V1_FILTERS, depths)
    if include_top:
        x = classifier(flattened(x, "CNNV1"), classes, classifier_activation, seed)
    else:
        x = pool(x, pooling)
    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        load_into(model, weights)
    return model


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
    kernel_initializer: str | keras.initializers.Initializer = "he_normal",
    seed: int | None = None,
) -> keras.Model:
    """V2.1: groups of 32, 64, 128 and 256 channels, normalised, with dropout.

    Each convolution is followed by batch normalisation and the activation, each group by a 2x2
    max-pool. The report's "double the convolutional layers" is read as two of each width; it may
    also mean four in all, which is `convolutions=1`. Decided here: 3x3 kernels that keep the
    size, without bias; a hidden dense layer of 512 units; dropout before and after it.

    Args:
        convolutions: in each group.
        dropout: rate of both dropouts; the report has 0.5.
        attention_stages: some of (1, 2, 3, 4); see `CNNV1`, as for all other options.

    Raises:
        ValueError: an unknown option value, with the allowed ones; an image below 16 pixels a
            side; weights of which nothing matched.
    """
    depths = (positive_int("convolutions", convolutions),) * len(V2_FILTERS)
    one_of("pooling", pooling or "avg", POOLINGS)
    attend = convolution_placement(attention, attention_position, attention_stages, depths)
    net = _Parts(attend, activation, width, True, kernel_initializer, seed)
    inputs, x = image_input(input_tensor, input_shape, include_top, default=(48, 1))
    check_size(x, 16, "CNNV2", "it has four max-pools")
    x = net.features(x, V2_FILTERS, depths)
    if include_top:
        x = net.hidden(flattened(x, "CNNV2"), V2_UNITS, dropout)
        x = classifier(x, classes, classifier_activation, seed)
    else:
        x = pool(x, pooling)
    model = keras.Model(inputs, x, name=name)
    if weights is not None:
        load_into(model, weights)
    return model


register("cnn_v1", CNNV1)
register("cnn_v2", CNNV2)
