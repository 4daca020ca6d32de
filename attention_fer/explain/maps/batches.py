"""What all methods share: batches of images, their size, and maps scaled to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


def check_images(images: Any) -> np.ndarray:
    """Returns the images as an array of rank 4, which may lie on disk.

    Raises:
        ValueError: another rank.
    """
    images = images if isinstance(images, np.ndarray) else np.asarray(images)
    if images.ndim != 4:
        raise ValueError(
            "images must be of shape (n, height, width, channels), or channels first, got shape "
            f"{images.shape}. Pass a single image as image[None]."
        )
    return images


def batches(images: np.ndarray, size: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields rows and their images in batches of one size.

    The last batch is filled up with its last image, because compiling backends compile once per
    size.
    """
    size = min(size, len(images))
    for start in range(0, len(images), size or 1):
        batch = np.ascontiguousarray(images[start : start + size])
        missing = size - len(batch)
        filled = np.concatenate([batch, batch[-1:].repeat(missing, 0)]) if missing else batch
        yield slice(start, start + len(batch)), filled


def image_size(images: np.ndarray, data_format: str) -> tuple[int, int]:
    """Height and width of a batch of images."""
    height, width = images.shape[2:] if data_format == "channels_first" else images.shape[1:3]
    return height, width


def to_numpy(tensor: Any) -> np.ndarray:
    """Converts a tensor of any float type, including bfloat16, to float32."""
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def resize_maps(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes maps of shape `(n, rows, columns)` to `(n, *size)`, bilinear, float32."""
    if not len(maps):
        return np.zeros((0, *size), "float32")
    given = keras.ops.convert_to_tensor(maps[..., None].astype("float32"))
    found = keras.ops.image.resize(
        given, size, interpolation="bilinear", data_format="channels_last"
    )
    return to_numpy(found)[..., 0]


def divide_by_maximum(maps: np.ndarray) -> np.ndarray:
    """Divides each map of `(n, height, width)`, none below 0, by its maximum; zero maps stay."""
    most = maps.max(axis=(1, 2), keepdims=True, initial=0)
    return np.divide(maps, most, out=np.zeros_like(maps), where=most > 0)
