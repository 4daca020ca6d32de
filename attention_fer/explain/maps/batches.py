"""What all maps share: batches of images, the size of the images, values from 0 to 1."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np


def check_images(images: Any) -> np.ndarray:
    """The images as an array of rank 4, which may lie on disk.

    Raises:
        ValueError: another rank.
    """
    images = images if isinstance(images, np.ndarray) else np.asarray(images)
    if images.ndim != 4:
        raise ValueError(
            "images must be a batch of shape (images, height, width, channels), or with channels "
            f"first, given: shape {images.shape}. A single image is image[None]."
        )
    return images


def batches(images: np.ndarray, size: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows and their images, all batches of one size: the last is filled up with its last image.

    Backends that compile do so once for each size.
    """
    size = min(size, len(images))
    for start in range(0, len(images), size or 1):
        batch = np.ascontiguousarray(images[start : start + size])
        missing = size - len(batch)
        filled = np.concatenate([batch, batch[-1:].repeat(missing, 0)]) if missing else batch
        yield slice(start, start + len(batch)), filled


def size_of(images: np.ndarray, data_format: str) -> tuple[int, int]:
    """Height and width of a batch of images."""
    height, width = images.shape[2:] if data_format == "channels_first" else images.shape[1:3]
    return height, width


def to_numpy(tensor: Any) -> np.ndarray:
    """A tensor of any float type, also bfloat16, as float32."""
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def resized(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps of shape `(n, rows, columns)` at another size, bilinear, float32."""
    if not len(maps):
        return np.zeros((0, *size), "float32")
    given = keras.ops.convert_to_tensor(maps[..., None].astype("float32"))
    found = keras.ops.image.resize(
        given, size, interpolation="bilinear", data_format="channels_last"
    )
    return to_numpy(found)[..., 0]


def to_unit(maps: np.ndarray) -> np.ndarray:
    """Each map of `(n, h, w)`, none below 0, divided by its maximum; a zero map stays zero."""
    most = maps.max(axis=(1, 2), keepdims=True, initial=0)
    return np.divide(maps, most, out=np.zeros_like(maps), where=most > 0)
