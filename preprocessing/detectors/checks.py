"""Checks of what callers pass to a detector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def fraction(name: str, value: float) -> float:
    """The value as a float. Raises ValueError if it is not between 0 and 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"got {name}={value}: expected a number from 0 to 1")
    return float(value)


def count(name: str, value: int) -> int:
    """The value. Raises ValueError if it is not an integer of at least 1."""
    if not isinstance(value, int) or value < 1:
        raise ValueError(f"got {name}={value!r}: expected an integer of at least 1")
    return value


def side(value: int, stride: int) -> int:
    """The side of a network's input. Raises ValueError if the stride does not divide it."""
    if count("input_size", value) % stride:
        near = max(stride, round(value / stride) * stride)
        raise ValueError(f"got input_size={value}: expected a multiple of {stride}, say {near}")
    return value


def photographs(images: Sequence[np.ndarray]) -> None:
    """Raises ValueError for the first image that is not uint8 (height, width, 3) with pixels."""
    for number, image in enumerate(images):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise ValueError(
                f"image {number} is {image.dtype} of shape {image.shape}: "
                "expected uint8 (height, width, 3), RGB"
            )
