"""What all networks share: widths, seeded initial weights, the classifier."""

from __future__ import annotations

import zlib
from numbers import Real
from typing import Any

import keras


def channel_axis() -> int:
    """Return the channel axis of a batch of images, by `keras.config.image_data_format()`."""
    return 1 if keras.config.image_data_format() == "channels_first" else 3


def spatial_sizes(x: Any) -> tuple[int | None, ...]:
    """Return height and width of a batch of maps, None where unknown."""
    return tuple(size for axis, size in enumerate(x.shape) if axis not in (0, channel_axis()))


def scaled(channels: int, width: float) -> int:
    """Return `channels` times the width multiplier, rounded, at least 1."""
    if not isinstance(width, Real) or not width > 0:
        raise ValueError(f"width must be a number above 0, got {width!r}.")
    return max(1, round(channels * width))


def seeded(
    initializer: str | keras.initializers.Initializer, seed: int | None, layer_name: str
) -> keras.initializers.Initializer:
    """Return a copy of the initializer; with a seed it depends on seed and layer name alone.

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
    """Return the seed for the initial weights of a layer; None for None."""
    return None if seed is None else zlib.crc32(f"{seed}/{layer_name}".encode())


def draw_seed(seed: int | None, layer_name: str) -> int | None:
    """Return the seed for the random draws of a layer in training; None for None."""
    found = layer_seed(seed, layer_name)
    if found is None or keras.backend.backend() != "torch":
        return found
    # Keras stores it in 31 bits under PyTorch. Elsewhere, masking would change the draws.
    return found & 0x7FFFFFFF


def torch_batch_normalization(name: str, gamma: str = "ones") -> keras.layers.Layer:
    """Return a batch normalisation over the channels with the defaults of PyTorch.

    Epsilon is 1e-5, and moving statistics take a tenth from each batch. PyTorch updates its moving
    variance with the unbiased variance of the batch, Keras with the biased one.
    """
    return keras.layers.BatchNormalization(
        axis=channel_axis(), momentum=0.9, epsilon=1e-5, gamma_initializer=gamma, name=name
    )


def classifier(
    x: Any, classes: int, activation: Any, seed: int | None, name: str = "predictions"
) -> Any:
    """Apply the last dense layer, which computes in float32 under mixed precision."""
    # A softmax in half precision loses the small probabilities that the loss needs.
    mixed = keras.config.dtype_policy().name.startswith("mixed_")
    return keras.layers.Dense(
        classes,
        activation=activation,
        kernel_initializer=seeded("glorot_uniform", seed, name),
        dtype="float32" if mixed else None,
        name=name,
    )(x)
