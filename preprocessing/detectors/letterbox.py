"""Scales photographs into a network's input, padded with grey, and maps points back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

GREY = 114


@dataclass(frozen=True)
class Letterbox:
    """Position of an image on its canvas; all sizes are (height, width) in pixels.

    Attributes:
        image: size of the part of the photograph that is scaled: all of it except the few pixels
            at the right and bottom that would keep it from being halved `halvings` times.
        inner: size it is scaled to, at least 1x1.
        canvas: size of the network's input.
        corner: (top, left) of the scaled photograph, which is centred on the canvas.
        halvings: number of times it is halved before it is scaled to its inner size. Halving a
            large photograph first takes a quarter of the time of area scaling in one step.
    """

    image: tuple[int, int]
    inner: tuple[int, int]
    canvas: tuple[int, int]
    corner: tuple[int, int]
    halvings: int = 0

    def draw(self, image: np.ndarray) -> np.ndarray:
        """Draws the photograph on its canvas, uint8 (height, width, 3)."""
        height, width = self.inner
        top, left = self.corner
        canvas = np.full((*self.canvas, 3), GREY, np.uint8)
        canvas[top : top + height, left : left + width] = self._scaled(image)
        return canvas

    def _scaled(self, image: np.ndarray) -> np.ndarray:
        height, width = self.image
        image = image[:height, :width]
        for _ in range(self.halvings):
            height, width = height // 2, width // 2
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        if (height, width) == self.inner:
            return image
        shrinks = self.inner[0] < height or self.inner[1] < width
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return cv2.resize(image, self.inner[::-1], interpolation=how)

    def restore(self, points: np.ndarray) -> np.ndarray:
        """Maps points (..., 2), x and y, from the canvas to the photograph."""
        corner = np.array(self.corner[::-1], np.float32)
        scale = np.divide(self.image[::-1], self.inner[::-1]).astype(np.float32)
        return (points - corner) * scale


def into(shape: Sequence[int], canvas: tuple[int, int]) -> Letterbox:
    """Returns the largest letterbox of an image of shape (height, width, ...) on a canvas."""
    height, width = shape[:2]
    gain = min(canvas[0] / height, canvas[1] / width)
    inner = (_scaled(height, gain, canvas[0]), _scaled(width, gain, canvas[1]))
    corner = ((canvas[0] - inner[0]) // 2, (canvas[1] - inner[1]) // 2)
    halvings = max(0, min(height // inner[0], width // inner[1]).bit_length() - 1)
    image = (height >> halvings << halvings, width >> halvings << halvings)
    return Letterbox(image, inner, canvas, corner, halvings)


def _scaled(length: int, gain: float, most: int) -> int:
    return min(most, max(1, round(length * gain)))


def planes(canvases: Sequence[np.ndarray]) -> np.ndarray:
    """Converts canvases of one size to network input, float32 (n, 3, height, width), 0 to 1."""
    height, width = canvases[0].shape[:2]
    result = np.empty((len(canvases), 3, height, width), np.float32)
    for target, canvas in zip(result, canvases, strict=True):
        # Plane by plane is four times as fast as a transposed view or OpenCV's blobFromImage.
        for plane, channel in zip(target, cv2.split(canvas), strict=True):
            np.multiply(channel, np.float32(1 / 255), out=plane)
    return result
