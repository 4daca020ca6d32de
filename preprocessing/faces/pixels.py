"""The pixel operations of cropping, with OpenCV or, to avoid installing it, with NumPy.

Both give the same picture to within one grey level, or three if a face is turned. Datasets are
prepared with OpenCV, which is faster.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

# ITU-R 601 luma in the whole numbers that OpenCV uses, so that grey pixels are equal.
_LUMA, _LUMA_BITS = (9798, 19235, 3735), 15


class Pixels(Protocol):
    """A library that converts, resizes and warps images, uint8 (height, width[, 3])."""

    def coloured(self, image: np.ndarray, colour: str) -> np.ndarray:
        """Converts to "grey", (height, width), or "rgb"; the same object if it is that already."""

    def resized(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """Shrinks by area and enlarges linearly, axis by axis; always returns a copy.

        Args:
            image: what to resize.
            size: height and width in pixels.
        """

    def warped(self, image: np.ndarray, matrix: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
        """Returns an image of `sides`, width and height, interpolated linearly.

        Args:
            image: the source, whose border repeats outside.
            matrix: (2, 3), maps x, y, 1 of the result to x, y of the source.
            sides: width and height of the result in pixels.
        """


class _OpenCV:
    """See `Pixels`."""

    def coloured(self, image: np.ndarray, colour: str) -> np.ndarray:
        import cv2

        if colour == "grey" and image.ndim == 3:
            return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        if colour == "rgb" and image.ndim == 2:
            return cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
        return image

    def resized(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        import cv2

        # OpenCV's area interpolation degenerates to almost nearest neighbour when it enlarges, on
        # both axes even if only one grows.
        down, across = size
        fewer = min(image.shape[1], across), min(image.shape[0], down)
        shrunk = cv2.resize(image, fewer, interpolation=cv2.INTER_AREA)
        if fewer == (across, down):
            return shrunk
        return cv2.resize(shrunk, (across, down), interpolation=cv2.INTER_LINEAR)

    def warped(self, image: np.ndarray, matrix: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
        import cv2

        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(image, matrix, sides, flags=how, borderMode=cv2.BORDER_REPLICATE)


class _NumPy:
    """See `Pixels`."""

    def coloured(self, image: np.ndarray, colour: str) -> np.ndarray:
        if colour == "grey" and image.ndim == 3:
            red, green, blue = (image[..., n] * np.int32(weight) for n, weight in enumerate(_LUMA))
            half = 1 << (_LUMA_BITS - 1)
            return ((red + green + blue + half) >> _LUMA_BITS).astype(np.uint8)
        if colour == "rgb" and image.ndim == 2:
            return np.repeat(image[..., None], 3, axis=2)
        return image

    def resized(self, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        fewer = min(image.shape[0], size[0]), min(image.shape[1], size[1])
        shrunk = np.rint(_means(_means(image, fewer[0], 0), fewer[1], 1)).astype(np.uint8)
        return shrunk if fewer == tuple(size) else _enlarged(shrunk, size)

    def warped(self, image: np.ndarray, matrix: np.ndarray, sides: tuple[int, int]) -> np.ndarray:
        across, down = np.meshgrid(np.arange(sides[0]), np.arange(sides[1]))
        x, y = np.tensordot(matrix, np.stack([across, down, np.ones_like(down)]), 1)
        left, right, x_part = _neighbours(x, image.shape[1])
        top, bottom, y_part = _neighbours(y, image.shape[0])
        if image.ndim == 3:
            x_part, y_part = x_part[..., None], y_part[..., None]
        upper = image[top, left] * (1 - x_part) + image[top, right] * x_part
        lower = image[bottom, left] * (1 - x_part) + image[bottom, right] * x_part
        return np.rint(upper * (1 - y_part) + lower * y_part).astype(np.uint8)


OPENCV: Pixels = _OpenCV()
NUMPY: Pixels = _NumPy()


def _means(image: np.ndarray, wanted: int, axis: int) -> np.ndarray:
    """Means over `wanted` equal parts of an axis, whose edges may lie within pixels.

    From sums up to each edge: a product with a matrix would start threads, which wait for those of
    ONNX Runtime.
    """
    length = image.shape[axis]
    if wanted == length:
        return image
    edges = np.linspace(0, length, wanted + 1)
    whole = np.minimum(edges.astype(int), length - 1)
    values = np.moveaxis(image, axis, 0).astype(np.float64)
    before = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values[:-1], axis=0)])
    part = (edges - whole).reshape(-1, *(1,) * (values.ndim - 1))
    sums = before[whole] + part * values[whole]
    return np.moveaxis(np.diff(sums, axis=0) * (wanted / length), 0, axis)


def _enlarged(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Interpolates linearly in both axes, and rounds."""
    down, across = (_linear(*pair) for pair in zip(image.shape, size, strict=False))
    planes = image.reshape(*image.shape[:2], -1).astype(np.float32)
    planes = across @ np.tensordot(down, planes, 1)
    return np.rint(planes).astype(np.uint8).reshape(*size, *image.shape[2:])


def _linear(length: int, wanted: int) -> np.ndarray:
    """(wanted, length): the weights of the two pixels around each place of the result."""
    first, second, part = _neighbours((np.arange(wanted) + 0.5) * length / wanted - 0.5, length)
    weights = np.zeros((wanted, length), np.float32)
    rows = np.arange(wanted)
    np.add.at(weights, (rows, first), 1 - part)
    np.add.at(weights, (rows, second), part)
    return weights


def _neighbours(places: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pixels before and after each place, and how far it lies between them, 0 to 1."""
    places = places.clip(0, length - 1)
    first = np.floor(places).astype(int)
    return first, np.minimum(first + 1, length - 1), places - first
