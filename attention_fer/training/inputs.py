"""From images in [0, 1] to what a network reads.

They are cropped, normalised, resized and repeated to its number of channels.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.recipes import Recipe


def preprocess(images: Any, network: keras.Model, recipe: Recipe | None = None) -> Any:
    """Return images as `network` reads them, by layers without weights.

    Args:
        images: (batch, height, width, channels), float32 in [0, 1].
        network: decides size and number of channels.
        recipe: decides `crop_size`, `mean` and `std`; None for a network that crops and normalises
            images itself.

    Raises:
        ValueError: images smaller than `crop_size`, or a number of channels other than 1 or the
            network's.
    """
    if recipe is not None and recipe.crop_size:
        images = _centre(images, recipe.crop_size)
    if recipe is not None and (recipe.mean, recipe.std) != (0, 1):
        offset = -recipe.mean / recipe.std
        images = keras.layers.Rescaling(1 / recipe.std, offset, dtype="float32")(images)
    height, width, channels = network.input_shape[1:]
    if None not in (height, width) and (height, width) != tuple(images.shape[1:3]):
        # Keras's default would put the layers after it into training mode.
        images = keras.layers.Resizing(height, width, dtype="float32")(images, training=False)
    if channels != images.shape[-1]:
        if images.shape[-1] != 1:
            raise ValueError(
                f"Images for {network.name} must have 1 or {channels} channels, got "
                f"{images.shape[-1]}: only a single channel can be repeated."
            )
        images = RepeatChannels(channels)(images)
    return images


def _centre(images: Any, side: int) -> Any:
    if min(images.shape[1:3]) < side:
        raise ValueError(
            f"crop_size must be at most the height and width of the images, got {side} for images "
            f"of {images.shape[1]} x {images.shape[2]} pixels."
        )
    before = [(length - side) // 2 for length in images.shape[1:3]]
    margins = [
        (first, length - side - first)
        for first, length in zip(before, images.shape[1:3], strict=True)
    ]
    # Keras's CenterCrop would put the layers after it into training mode by default.
    return keras.layers.Cropping2D(margins, data_format="channels_last", dtype="float32")(images)


@keras.saving.register_keras_serializable("attention_fer")
class FlipAverage(keras.layers.Average):
    """The mean of what a network outputs for images and for their mirror images."""


@keras.saving.register_keras_serializable("attention_fer")
class RepeatChannels(keras.layers.Layer):
    """Repeats a grey image in several channels: (..., 1) to (..., channels)."""

    def __init__(self, channels: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.channels = channels

    def call(self, inputs: Any) -> Any:
        return ops.repeat(inputs, self.channels, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "channels": self.channels}
