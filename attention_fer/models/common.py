"""What the families share: input, widths, seeded initial weights, the end of the network."""

from __future__ import annotations

import zlib
from numbers import Real
from typing import Any

import keras

from attention_fer.checks import one_of

STEMS = ("imagenet", "small")
POOLINGS = ("avg", "max")


def image_input(
    input_tensor: Any, input_shape: tuple[int | None, ...] | None, include_top: bool
) -> tuple[Any, Any]:
    """The network's inputs and the tensor its first layer takes.

    Raises:
        ValueError: an input shape that is not three axes with a known number of channels.
    """
    if input_tensor is not None:
        sources = keras.utils.get_source_inputs(input_tensor)
        return sources[0] if len(sources) == 1 else sources, input_tensor
    if input_shape is None:
        size = 224 if include_top else None
        channels_first = keras.config.image_data_format() == "channels_first"
        input_shape = (3, size, size) if channels_first else (size, size, 3)
    channels = input_shape[channel_axis() - 1] if len(input_shape) == 3 else None
    if channels is None:
        raise ValueError(
            "input_shape must be (height, width, channels) with a known number of channels, or "
            f"(channels, height, width) for channels_first; given: {input_shape!r}."
        )
    image = keras.layers.Input(shape=tuple(input_shape))
    return image, image


def channel_axis() -> int:
    """Axis of the channels in a batch of images, by `keras.config.image_data_format()`."""
    return 1 if keras.config.image_data_format() == "channels_first" else 3


def scaled(channels: int, width: float) -> int:
    """`channels` times the width multiplier, rounded, at least 1."""
    if not isinstance(width, Real) or not width > 0:
        raise ValueError(f"width must be a number above 0, given: {width!r}.")
    return max(1, round(channels * width))


def seeded(
    initializer: str | keras.initializers.Initializer, seed: int | None, layer_name: str
) -> keras.initializers.Initializer:
    """The initializer; with a seed its draws are a function of seed and layer name alone.

    Two networks that differ in their attention then start equal wherever both have a layer.
    """
    initializer = keras.initializers.get(initializer)
    if seed is None:
        return initializer.clone()
    config = initializer.get_config()
    if "seed" in config:
        config["seed"] = zlib.crc32(f"{seed}/{layer_name}".encode())
    return type(initializer).from_config(config)


def pool(x: Any, pooling: str | None) -> Any:
    """Global pooling over the spatial axes: `"avg"`, `"max"` or, for None, none at all."""
    if pooling is None:
        return x
    one_of("pooling", pooling, POOLINGS)
    if pooling == "avg":
        return keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    return keras.layers.GlobalMaxPooling2D(name="max_pool")(x)


def classifier(x: Any, classes: int, activation: Any, seed: int | None) -> Any:
    """The last dense layer, `predictions`; computed in float32 under mixed precision."""
    logits = keras.layers.Dense(
        classes,
        kernel_initializer=seeded("glorot_uniform", seed, "predictions"),
        name="predictions",
        activation=activation,
        dtype=_float32_if_mixed(),
    )
    return logits(x)


def _float32_if_mixed() -> str | None:
    # A softmax in half precision loses the small probabilities that the loss needs.
    policy = keras.config.dtype_policy()
    return "float32" if policy.name.startswith("mixed_") else None
