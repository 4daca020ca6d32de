"""Boxes drawn at random, one an image."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def inside_box(images: Any, fraction: Any, generator: keras.random.SeedGenerator) -> Any:
    """Which pixels lie in a box, bool (batch, height, width, 1).

    The box is `fraction` of the height high and of the width wide, rounded to pixels; its centre
    is anywhere in the image with equal probability, and what sticks out is cut off, as in Cutout
    and CutMix.

    Args:
        images: (batch, height, width, channels).
        fraction: (batch,).
        generator: of the centres.
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
