"""Pictures with one face each, made from images of faces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from sklearn.datasets import load_sample_images

SIZE = (480, 640)
GREY = 114


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and where its face is.

    Attributes:
        picture: uint8 (height, width, 3), RGB.
        square: left, top and side in pixels of the image that was pasted into it.
    """

    picture: np.ndarray
    square: tuple[int, int, int]

    def holds(self, box: Sequence[float] | np.ndarray) -> bool:
        """Whether a box (x, y, width, height) is that of the face: at its place, of its size."""
        (left, top, side), (x, y, width, height) = self.square, box
        off = max(abs(x + width / 2 - left - side / 2), abs(y + height / 2 - top - side / 2))
        return bool(off < 0.3 * side and 0.4 < max(width, height) / side < 2)


def scene(
    face: np.ndarray, background: str, side: int, rng: np.random.Generator, size: tuple = SIZE
) -> Scene:
    """Enlarges a face to `side` pixels and pastes it at a random place of a picture.

    Args:
        face: uint8 (n, n), grey.
        background: one of `BACKGROUNDS`.
        side: at most the shorter side of the picture.
        rng: chooses place and background.
        size: height and width of the picture in pixels.
    """
    picture = BACKGROUNDS[background](size, rng)
    top, left = (int(rng.integers(0, length - side + 1)) for length in size)
    pasted = enlarged(face, side)[..., None]
    picture[top : top + side, left : left + side] = pasted
    return Scene(picture, (left, top, side))


def padded(face: np.ndarray, background: str, rng: np.random.Generator) -> Scene:
    """Returns a face of 192 pixels in the middle of a picture of 320 pixels.

    Args:
        face: uint8 (n, n), grey.
        background: one of `BACKGROUNDS`, or "mirrored": blurred mirror images of the face, so that
            it has no hard edge.
        rng: chooses the background.
    """
    side, edge = 192, 64
    inner = enlarged(face, side)
    if background == "mirrored":
        around = cv2.copyMakeBorder(inner, edge, edge, edge, edge, cv2.BORDER_REFLECT_101)
        picture = np.repeat(cv2.GaussianBlur(around, (0, 0), side / 8)[..., None], 3, axis=2)
    else:
        picture = BACKGROUNDS[background]((side + 2 * edge,) * 2, rng)
    picture[edge:-edge, edge:-edge] = inner[..., None]
    return Scene(picture, (edge, edge, side))


def enlarged(face: np.ndarray, side: int) -> np.ndarray:
    """Returns the face with `side` pixels on each side."""
    how = cv2.INTER_CUBIC if side > len(face) else cv2.INTER_AREA
    return cv2.resize(face, (side, side), interpolation=how)


def _grey(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return np.full((*size, 3), GREY, np.uint8)


def _noise(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (*size, 3), np.uint8)


def _photograph(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """One of scikit-learn's two photographs without faces, blurred."""
    picture = _photographs()[rng.integers(2)]
    fitted = cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR)
    return cv2.GaussianBlur(fitted, (0, 0), 3)


@cache
def _photographs() -> list[np.ndarray]:
    return load_sample_images().images


BACKGROUNDS: dict[str, Callable[[tuple[int, int], np.random.Generator], np.ndarray]] = {
    "grey": _grey,
    "noise": _noise,
    "photograph": _photograph,
}
