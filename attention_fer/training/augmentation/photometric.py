"""Changes of brightness and sharpness that leave every pixel in its place.

The operations take images (batch, height, width, channels) in [0, 1] and a factor (batch, 1, 1, 1),
and return images of the same shape, not clipped. Where the Python Imaging Library has the
operation, they compute the same, up to rounding.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.training.augmentation.base import Augmentation

LEVELS = 256


def brightness(images: Any, factor: Any) -> Any:
    """Interpolates from black (factor 0) to the image (factor 1); larger factors extrapolate."""
    return images * factor


def contrast(images: Any, factor: Any) -> Any:
    """Interpolates from the mean grey of the image to the image, see `brightness`."""
    return _blend(ops.mean(_grey(images), axis=(1, 2), keepdims=True), images, factor)


def colour(images: Any, factor: Any) -> Any:
    """Interpolates from the grey image to the image, see `brightness`."""
    return _blend(_grey(images), images, factor)


def sharpness(images: Any, factor: Any) -> Any:
    """Interpolates from the image smoothed over 3 x 3 pixels to the image, see `brightness`.

    Pixels at the border stay as they are.
    """
    height, width = ops.shape(images)[1:3]
    smooth = 4 * images[:, 1:-1, 1:-1]
    for y in range(3):
        for x in range(3):
            smooth = smooth + images[:, y : height - 2 + y, x : width - 2 + x]
    middle = _blend(smooth / 13, images[:, 1:-1, 1:-1], factor)
    middle = ops.concatenate([images[:, 1:-1, :1], middle, images[:, 1:-1, -1:]], axis=2)
    return ops.concatenate([images[:, :1], middle, images[:, -1:]], axis=1)


def posterize(images: Any, bits: Any) -> Any:
    """Keeps the highest bits of 8."""
    step = ops.power(2.0, 8 - bits)
    return ops.floor(ops.round(images * 255) / step) * step / 255


def solarize(images: Any, threshold: Any) -> Any:
    """Inverts pixels at least as bright as the threshold."""
    return ops.where(images >= threshold, 1 - images, images)


def autocontrast(images: Any, _: Any) -> Any:
    """Stretches each channel to the whole range."""
    low = ops.min(images, axis=(1, 2), keepdims=True)
    high = ops.max(images, axis=(1, 2), keepdims=True)
    return ops.where(high > low, (images - low) / ops.maximum(high - low, 1e-6), images)


def equalize(images: Any, _: Any) -> Any:
    """Makes the histogram of each channel of each image as flat as its levels allow."""
    count, height, width, channels = ops.shape(images)
    planes = ops.reshape(ops.transpose(images, (0, 3, 1, 2)), (-1, height * width))
    level = ops.cast(ops.clip(ops.round(planes * (LEVELS - 1)), 0, LEVELS - 1), "int32")
    total = count * channels
    first = ops.cast(ops.arange(total)[:, None] * LEVELS, "int32")
    bins = ops.reshape(level + first, (-1,))
    histogram = ops.segment_sum(ops.ones_like(bins, "float32"), bins, total * LEVELS)
    below = ops.cumsum(ops.reshape(histogram, (-1, LEVELS)), axis=1)
    lowest = ops.take_along_axis(below, ops.min(level, axis=1, keepdims=True), axis=1)
    rank = ops.take_along_axis(below, level, axis=1) - lowest
    most = height * width - lowest
    flat = ops.where(most > 0, rank / ops.maximum(most, 1.0), planes)
    return ops.transpose(ops.reshape(flat, (-1, channels, height, width)), (0, 2, 3, 1))


def _grey(images: Any) -> Any:
    if images.shape[-1] == 1:
        return images
    weights = ops.convert_to_tensor([0.299, 0.587, 0.114], "float32")
    return ops.sum(images * weights, axis=-1, keepdims=True)


def _blend(low: Any, images: Any, factor: Any) -> Any:
    return low + factor * (images - low)


@keras.saving.register_keras_serializable("attention_fer")
class Solarize(Augmentation):
    """Inverts pixels at least as bright as a threshold: x becomes 1 - x.

    Keras's own layer draws the threshold of each image, and cannot fix it.

    Args:
        threshold: from 0 to 1.
        seed: unused, as nothing is drawn.
    """

    def __init__(self, threshold: float = 0.5, **kwargs: Any):
        super().__init__(**kwargs)
        self.threshold = threshold

    def augment(self, inputs: Any) -> Any:
        return solarize(inputs, self.threshold)


def random_brightness(fraction: float, **common: Any) -> keras.layers.Layer:
    """Return Keras's RandomBrightness for images in [0, 1]."""
    return keras.layers.RandomBrightness(fraction, value_range=(0, 1), **common)


def random_contrast(fraction: float, **common: Any) -> keras.layers.Layer:
    """Return Keras's RandomContrast for images in [0, 1]."""
    # A single number would be the most by which contrast is raised, and it would never be lowered.
    return keras.layers.RandomContrast((fraction, fraction), value_range=(0, 1), **common)


def noise(deviation: float, **common: Any) -> keras.layers.Layer:
    """Return Keras's GaussianNoise."""
    return keras.layers.GaussianNoise(deviation, **common)
