"""Changes to faces that a camera or an application makes, in steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

Change = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Distortion:
    """One change in one strength.

    Attributes:
        name: what is changed.
        strength: by how much, for people.
        change: from one image, uint8 (height, width), to another of the same size.
    """

    name: str
    strength: str
    change: Change

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return changed images; both uint8 (n, height, width, 1)."""
        return np.stack([self.change(image[..., 0]) for image in images])[..., None]


def all_distortions() -> Iterator[Distortion]:
    """Yield every distortion, from the weakest of its kind to the strongest or from low to high.

    Where a change needs pixels outside the image, those at its border are repeated.
    """
    for factor in (0.5, 0.75, 1.25, 1.5):
        yield Distortion("brightness", f"x {factor:g}", partial(brightness, factor=factor))
    for factor in (0.5, 0.75, 1.25, 1.5):
        yield Distortion("contrast", f"x {factor:g}", partial(contrast, factor=factor))
    for side in (32, 24, 16, 12):
        yield Distortion("size", f"{side} px and back", partial(resize, side=side))
    for degrees in (-30, -20, -15, -10, -5, 5, 10, 15, 20, 30):
        yield Distortion("rotation", f"{degrees:+d}°", partial(rotate, degrees=degrees))
    for pixels in (-4, -2, 2, 4):
        yield Distortion("shift right", f"{pixels:+d} px", partial(shift, right=pixels))
    for pixels in (-4, -2, 2, 4):
        yield Distortion("shift down", f"{pixels:+d} px", partial(shift, down=pixels))
    for sigma in (0.5, 1.0, 2.0):
        yield Distortion("blur", f"sigma {sigma:g} px", partial(blur, sigma=sigma))
    for quality in (75, 50, 25, 10):
        yield Distortion("JPEG", f"quality {quality}", partial(jpeg, quality=quality))


def brightness(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiply the pixels."""
    return _pixels(image * np.float64(factor))


def contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Multiply the differences of the pixels from their mean."""
    mean = image.mean()
    return _pixels(mean + (image - mean) * factor)


def resize(image: np.ndarray, side: int) -> np.ndarray:
    """Shrink to `side` pixels by means over areas, then enlarge bilinearly."""
    height, width = image.shape
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def rotate(image: np.ndarray, degrees: float) -> np.ndarray:
    """Turn about the centre, counterclockwise for positive degrees, bilinearly."""
    height, width = image.shape
    centre = ((width - 1) / 2, (height - 1) / 2)
    return _warp(image, cv2.getRotationMatrix2D(centre, degrees, 1.0))


def shift(image: np.ndarray, right: int = 0, down: int = 0) -> np.ndarray:
    """Move by whole pixels."""
    return _warp(image, np.array([[1, 0, right], [0, 1, down]], np.float64))


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Convolve with a Gaussian."""
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    """Compress to JPEG, from 0 to 100, and decompress."""
    done, code = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded = cv2.imdecode(code, cv2.IMREAD_GRAYSCALE)
    assert done and decoded is not None
    return np.asarray(decoded)


def _warp(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    height, width = image.shape
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _pixels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
