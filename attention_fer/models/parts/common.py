"""What the families share: input, widths, seeded initial weights, the end of the network."""

from __future__ import annotations

import zlib
from numbers import Real
from typing import Any

import keras

from attention_fer.common.checks import one_of

STEMS = ("imagenet", "small")
POOLINGS = ("avg", "max")


def image_input(
    input_tensor: Any,
    input_shape: tuple[int | None, ...] | None,
    include_top: bool,
    default: tuple[int, int] = (224, 3),
) -> tuple[Any, Any]:
    """The network's inputs and the tensor its first layer takes.

    Args:
        input_tensor, input_shape, include_top: the builder's.
        default: pixels of a side and channels where `input_shape` is None; without the top the
            height and width are then left open.

    Raises:
        ValueError: an input shape that is not three axes with a known number of channels.
    """
    if input_tensor is not None:
        sources = keras.utils.get_source_inputs(input_tensor)
        return sources[0] if len(sources) == 1 else sources, input_tensor
    if input_shape is None:
        pixels, channels = default
        size = pixels if include_top else None
        input_shape = (channels, size, size) if channel_axis() == 1 else (size, size, channels)
    if len(input_shape) != 3 or input_shape[channel_axis() - 1] is None:
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
        config["seed"] = layer_seed(seed, layer_name)
    return type(initializer).from_config(config)


def layer_seed(seed: int | None, layer_name: str) -> int | None:
    """The seed of one layer's initial weights; None for None."""
    return None if seed is None else zlib.crc32(f"{seed}/{layer_name}".encode())


def draw_seed(seed: int | None, layer_name: str) -> int | None:
    """The seed of one layer's draws while it is trained; None for None."""
    found = layer_seed(seed, layer_name)
    if found is None or keras.backend.backend() != "torch":
        return found
    return found & 0x7FFFFFFF  # Keras keeps it in 31 bits there; with others draws would change.


def torch_batch_normalization(name: str, gamma: str = "ones") -> keras.layers.Layer:
    """Batch normalisation over the channels with the defaults of PyTorch.

    Epsilon 1e-5, and moving statistics that take a tenth of each batch. PyTorch moves its
    variance by the unbiased one of the batch, Keras by the biased one.
    """
    return keras.layers.BatchNormalization(
        axis=channel_axis(), momentum=0.9, epsilon=1e-5, gamma_initializer=gamma, name=name
    )


def spatial_sizes(x: Any) -> tuple[int | None, ...]:
    """Height and width of a map, None where unknown."""
    return tuple(size for axis, size in enumerate(x.shape) if axis not in (0, channel_axis()))


def check_size(x: Any, least: int, network: str, why: str) -> None:
    """Raises ValueError where the image `x` is known to be smaller than `least` pixels a side."""
    if any(size is not None and size < least for size in spatial_sizes(x)):
        raise ValueError(
            f"The image is too small for {network}: {why}. Given: shape {tuple(x.shape[1:])}; use "
            f"at least {least} pixels a side."
        )


def flattened(x: Any, network: str) -> Any:
    """The map as a vector, whose length must be known.

    Raises:
        ValueError: an image of unknown height or width.
    """
    if None in x.shape[1:]:
        raise ValueError(
            f"{network}'s dense layers need an image of known height and width; the last map has "
            f"shape {tuple(x.shape[1:])}. Give input_shape whole, or use include_top=False."
        )
    return keras.layers.Flatten(name="flatten")(x)


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
