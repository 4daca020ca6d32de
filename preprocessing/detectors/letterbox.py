"""A photograph scaled into a network's input, the rest of which is grey, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

GREY = 114


@dataclass(frozen=True)
class Letterbox:
    """Where an image lies on its canvas; all sizes are (height, width) in pixels.

    Attributes:
        image: size of the photograph.
        inner: size it is scaled to, at least 1x1.
        canvas: size of the network's input.
        corner: (top, left) of the scaled photograph on the canvas, which it is centred on.
    """

    image: tuple[int, int]
    inner: tuple[int, int]
    canvas: tuple[int, int]
    corner: tuple[int, int]

    def draw(self, image: np.ndarray) -> np.ndarray:
        """The canvas with the photograph, uint8 (height, width, 3)."""
        height, width = self.inner
        top, left = self.corner
        shrinks = height < self.image[0] or width < self.image[1]
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        canvas = np.full((*self.canvas, 3), GREY, np.uint8)
        scaled = (
            image
            if self.inner == self.image
            else cv2.resize(image, (width, height), None, 0, 0, how)
        )
        canvas[top : top + height, left : left + width] = scaled
        return canvas

    def restore(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 2), x and y on the canvas, as points of the photograph."""
        corner = np.array(self.corner[::-1], np.float32)
        scale = np.divide(self.image[::-1], self.inner[::-1]).astype(np.float32)
        return (points - corner) * scale


def into(shape: Sequence[int], canvas: tuple[int, int]) -> Letterbox:
    """The largest letterbox of an image of this shape, (height, width, ...), on a canvas."""
    height, width = shape[:2]
    gain = min(canvas[0] / height, canvas[1] / width)
    inner = (_scaled(height, gain, canvas[0]), _scaled(width, gain, canvas[1]))
    corner = ((canvas[0] - inner[0]) // 2, (canvas[1] - inner[1]) // 2)
    return Letterbox((height, width), inner, canvas, corner)


def _scaled(length: int, gain: float, most: int) -> int:
    return min(most, max(1, round(length * gain)))


def planes(canvases: Sequence[np.ndarray]) -> np.ndarray:
    """Canvases of one size as a network takes them, float32 (n, 3, height, width), 0 to 1."""
    height, width = canvases[0].shape[:2]
    result = np.empty((len(canvases), 3, height, width), np.float32)
    for target, canvas in zip(result, canvases, strict=True):
        # Plane by plane: four times as fast as a transposed view or OpenCV's blobFromImage.
        for plane, channel in zip(target, cv2.split(canvas), strict=True):
            np.multiply(channel, np.float32(1 / 255), out=plane)
    return result
