"""Strict decoding of image files that must be grey and of one size."""

from __future__ import annotations

import numpy as np
from PIL import Image

from preprocessing.raw_files.errors import UnreadableError
from preprocessing.raw_files.pillow import opened


def decode_grey(data: bytes, *, size: tuple[int, int]) -> np.ndarray:
    """Decodes a JPEG or PNG that must be grey and of one size.

    Colour files whose three channels are equal count as grey. Uses Pillow because OpenCV fills the
    missing part of a truncated file with grey and reports success.

    Args:
        data: content of the file.
        size: (width, height) in pixels.

    Returns:
        uint8 of shape (height, width).

    Raises:
        UnreadableError: empty, not a JPEG or PNG, truncated, of another size, or in colour.
    """
    with opened(data, ("JPEG", "PNG")) as image:
        _check_size(image, size)
        return _single_channel(np.asarray(image.convert("RGB") if image.mode == "P" else image))


def _check_size(image: Image.Image, size: tuple[int, int]) -> None:
    if image.size != size:
        found, wanted = ("x".join(map(str, pair)) for pair in (image.size, size))
        raise UnreadableError("wrong image size", f"{found} pixels, expected {wanted}")


def _single_channel(pixels: np.ndarray) -> np.ndarray:
    if pixels.dtype != np.uint8 or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise UnreadableError("not an 8-bit grey image", f"{pixels.dtype}, shape {pixels.shape}")
    if pixels.ndim == 2:
        return pixels
    if (pixels == pixels[..., :1]).all():
        return np.ascontiguousarray(pixels[..., 0])
    raise UnreadableError("not an 8-bit grey image", "colour channels differ")
