"""Augmentations that move pixels: Keras's own, and several in one resampling, which loses less."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from attention_fer.training.augmentation.base import Augmentation


@keras.saving.register_keras_serializable("attention_fer")
class RandomAffine(Augmentation):
    """Maps each image by a random affine map about its centre, bilinear.

    Args:
        rotate: largest angle in degrees, either way.
        translate: largest shift, as a fraction of the width and of the height, either way.
        scale: smallest and largest factor, the same for both axes.
        shear: largest angle in degrees by which vertical lines are tilted, either way.
        fill: pixels outside the image: `"constant"` (0), `"nearest"`, `"reflect"`, `"wrap"`.
        seed: seed of the draws.

    All are drawn uniformly and independently.
    """

    def __init__(
        self,
        rotate: float = 0.0,
        translate: float = 0.0,
        scale: tuple[float, float] = (1.0, 1.0),
        shear: float = 0.0,
        fill: str = "constant",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.rotate, self.translate, self.shear, self.fill = rotate, translate, shear, fill
        self.scale = tuple(scale)
        self.supports_jit = can_compile()

    def augment(self, inputs: Any) -> Any:
        count, height, width = ops.shape(inputs)[:3]
        rotate, shear = math.radians(self.rotate), math.radians(self.shear)
        matrix = sampling_matrix(
            (height, width),
            angle=self.uniform(count, -rotate, rotate),
            right=self.uniform(count, -self.translate, self.translate),
            down=self.uniform(count, -self.translate, self.translate),
            scale=self.uniform(count, *self.scale),
            shear_x=ops.tan(self.uniform(count, -shear, shear)),
        )
        return resampled(inputs, matrix, self.fill)


@keras.saving.register_keras_serializable("attention_fer")
class RandomCrop(Augmentation):
    """Pads each image and crops it to its old size at random: a shift by whole pixels.

    Keras's own layer crops all images of a batch at the same place.

    Args:
        padding: pixels on every side.
        fill: value of the padding, see `RandomAffine`.
        seed: seed of the draws.
    """

    def __init__(self, padding: int = 4, fill: str = "constant", **kwargs: Any):
        super().__init__(**kwargs)
        self.padding, self.fill = padding, fill
        self.supports_jit = can_compile()

    def augment(self, inputs: Any) -> Any:
        count, height, width = ops.shape(inputs)[:3]
        matrix = sampling_matrix(
            (height, width),
            right=self._shift(count) / ops.cast(width, "float32"),
            down=self._shift(count) / ops.cast(height, "float32"),
        )
        return resampled(inputs, matrix, self.fill, "nearest")

    def _shift(self, count: Any) -> Any:
        return ops.floor(self.uniform(count, -self.padding, self.padding + 1))


def sampling_matrix(
    size: tuple[Any, Any],
    angle: Any = 0.0,
    right: Any = 0.0,
    down: Any = 0.0,
    scale: Any = 1.0,
    shear_x: Any = 0.0,
    shear_y: Any = 0.0,
) -> Any:
    """Return where each pixel of the result comes from: (batch, 8), for `keras.ops.image`.

    The map goes from the source by shear, scale, clockwise rotation and shift to the result; all
    but the shift leave the centre of the image where it is.

    Args:
        size: height and width.
        angle: radians.
        right, down: fractions of the width and of the height.
        scale: factor.
        shear_x, shear_y: shift along one axis per pixel of the other.
    """
    height, width = (ops.cast(length, "float32") for length in size)
    angle, right, down, scale, shear_x, shear_y = (
        ops.convert_to_tensor(given, "float32")
        for given in (angle, right, down, scale, shear_x, shear_y)
    )
    x, y = (width - 1) / 2, (height - 1) / 2
    cosine, sine = ops.cos(angle), ops.sin(angle)
    by = scale * (1 - shear_x * shear_y)
    a, b = (cosine + shear_x * sine) / by, (sine - shear_x * cosine) / by
    c, d = (-shear_y * cosine - sine) / by, (cosine - shear_y * sine) / by
    to_x, to_y = x + right * width, y + down * height
    zero = ops.zeros_like(angle + right + down + scale + shear_x + shear_y)
    rows = (a, b, x - a * to_x - b * to_y, c, d, y - c * to_x - d * to_y, 0.0, 0.0)
    return ops.stack([value + zero for value in rows], axis=-1)


def resampled(images: Any, matrix: Any, fill: str, interpolation: str = "bilinear") -> Any:
    """Return images resampled at the places that `sampling_matrix` gives."""
    return ops.image.affine_transform(
        images, matrix, interpolation=interpolation, fill_mode=fill, data_format="channels_last"
    )


def can_compile() -> bool:
    """Whether XLA can compile a resampling: not TensorFlow's."""
    return bool(keras.backend.backend() != "tensorflow")


def flip(direction: str, **common: Any) -> keras.layers.Layer:
    """Return Keras's RandomFlip."""
    return keras.layers.RandomFlip(direction, **common)


def rotate(degrees: float, fill: str, **common: Any) -> keras.layers.Layer:
    """Return Keras's RandomRotation, with its limit in degrees."""
    return _compilable(keras.layers.RandomRotation(degrees / 360, fill_mode=fill, **common))


def translate(fraction: float, fill: str, **common: Any) -> keras.layers.Layer:
    """Return Keras's RandomTranslation, with one limit for both axes."""
    return _compilable(keras.layers.RandomTranslation(fraction, fraction, fill_mode=fill, **common))


def zoom(fraction: float, fill: str, **common: Any) -> keras.layers.Layer:
    """Return Keras's RandomZoom, with one limit for both axes and directions."""
    by = (-fraction, fraction)
    return _compilable(keras.layers.RandomZoom(by, by, fill_mode=fill, **common))


def shear(fraction: float, fill: str, **common: Any) -> keras.layers.Layer:
    """Return Keras's RandomShear, with one limit for both axes."""
    return _compilable(keras.layers.RandomShear(fraction, fraction, fill_mode=fill, **common))


def _compilable(layer: keras.layers.Layer) -> keras.layers.Layer:
    # Keras declares these layers uncompilable on all backends; under JAX a model with one of them
    # would not be compiled at all.
    layer.supports_jit = can_compile()
    return layer
