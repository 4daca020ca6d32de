"""Augmentations that erase a random box of each image."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.training.augmentation.base import Augmentation


@keras.saving.register_keras_serializable("attention_fer")
class Cutout(Augmentation):
    """Sets a box of fixed size to 0, clipped where it leaves the image.

    DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552

    Args:
        fraction: fraction of the image's height and width.
        seed: seed of the draws.
    """

    def __init__(self, fraction: float = 0.25, **kwargs: Any):
        super().__init__(**kwargs)
        self.fraction = fraction

    def augment(self, inputs: Any) -> Any:
        fraction = ops.full((ops.shape(inputs)[0],), self.fraction, "float32")
        return ops.where(inside_box(inputs, fraction, self.generator), 0.0, inputs)


def erasing(
    area: tuple[float, float], value: float | None, p: float, **common: Any
) -> keras.layers.Layer:
    """Return Keras's RandomErasing, with `p` and the range of areas as given."""
    # A single number for p or the area would be the upper end of a range.
    return keras.layers.RandomErasing((p, p), area, value, value_range=(0, 1), **common)


def inside_box(images: Any, fraction: Any, generator: keras.random.SeedGenerator) -> Any:
    """Return which pixels lie in a random box, bool (batch, height, width, 1).

    The box is `fraction` of the height high and of the width wide, rounded to pixels; its centre
    is uniform over the image, and it is clipped at the border, as in Cutout and CutMix.

    Args:
        images: (batch, height, width, channels).
        fraction: (batch,).
        generator: draws the centres.
    """
    count, height, width = ops.shape(images)[:3]
    rows = _span(count, height, fraction, generator)
    columns = _span(count, width, fraction, generator)
    return ops.logical_and(rows[:, :, None, None], columns[:, None, :, None])


def _span(count: Any, size: Any, fraction: Any, generator: keras.random.SeedGenerator) -> Any:
    length = ops.round(fraction * ops.cast(size, "float32"))
    centre = keras.random.randint((count,), 0, size, seed=generator)
    start = ops.cast(centre, "float32") - ops.floor(length / 2)
    place = ops.cast(ops.arange(size), "float32")[None]
    return ops.logical_and(place >= start[:, None], place < (start + length)[:, None])
