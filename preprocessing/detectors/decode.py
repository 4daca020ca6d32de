"""From photographs to the input of YOLO5Face, and from its output to faces.

Qi, Tan, Yao and Liu, "YOLO5Face: Why Reinventing a Face Detector", 2021,
https://arxiv.org/abs/2105.12931. A candidate has 16 columns: centre x, centre y, width, height,
objectness, x and y of five landmarks, face probability. A network's raw heads hold them undecoded,
relative to a grid cell and an anchor, one head for each of three strides.

All photographs are scaled into one square. In a rectangle, the same photograph would lie
differently on the network's grid and give other boxes (an overlap of 0.90 was seen), and squares of
photographs of all sizes fit into one batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from preprocessing.detectors.base import POINTS, Faces, check_fraction, check_photographs, opencv
from preprocessing.detectors.suppression import suppress

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
        import cv2

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
    import cv2

    height, width = canvases[0].shape[:2]
    result = np.empty((len(canvases), 3, height, width), np.float32)
    for target, canvas in zip(result, canvases, strict=True):
        # Plane by plane is four times as fast as a transposed view or OpenCV's blobFromImage.
        for plane, channel in zip(target, cv2.split(canvas), strict=True):
            np.multiply(channel, np.float32(1 / 255), out=plane)
    return result


COLUMNS = 16
OBJECTNESS, FACE = 4, 15
LANDMARKS = slice(5, 15)
STRIDES = (8, 16, 32)
STRIDE = STRIDES[-1]  # divides the sides of every input
ANCHORS = np.array(  # width and height in pixels, by stride
    [
        [[4, 5], [8, 10], [13, 16]],
        [[23, 29], [43, 55], [73, 105]],
        [[146, 217], [231, 300], [335, 433]],
    ],
    np.float32,
)


def from_heads(heads: Sequence[np.ndarray], threshold: float) -> np.ndarray:
    """Decodes the candidates of one image whose objectness reaches the threshold.

    Args:
        heads: (3 anchors, rows, columns, 16) for each of the strides 8, 16 and 32, before any
            sigmoid.
        threshold: minimum objectness, and so a bound on the score.

    Returns:
        float32 (k, 16), in pixels of the network's input.
    """
    least = _logit(threshold)  # comparing before the sigmoid leaves few cells to decode
    decoded = []
    for head, stride, anchors in zip(heads, STRIDES, ANCHORS, strict=True):
        anchor, row, column = np.nonzero(head[..., OBJECTNESS] >= least)
        cell = np.stack([column, row], axis=1).astype(np.float32)
        decoded.append(_decode(head[anchor, row, column], cell, anchors[anchor], stride))
    return np.concatenate(decoded)


def _decode(raw: np.ndarray, cell: np.ndarray, anchor: np.ndarray, stride: int) -> np.ndarray:
    rows = _sigmoid(raw)
    rows[:, :2] = (2 * rows[:, :2] - 0.5 + cell) * stride
    rows[:, 2:4] = (2 * rows[:, 2:4]) ** 2 * anchor
    points = raw[:, LANDMARKS].reshape(-1, POINTS, 2) * anchor[:, None] + cell[:, None] * stride
    rows[:, LANDMARKS] = points.reshape(-1, 2 * POINTS)
    return rows


def from_rows(rows: np.ndarray, threshold: float) -> np.ndarray:
    """Returns the decoded rows (n, 16) of one image whose objectness reaches the threshold."""
    return rows[rows[:, OBJECTNESS] >= threshold]


def to_faces(rows: np.ndarray, letterbox: Letterbox, threshold: float, iou: float) -> Faces:
    """Scores the decoded rows, removes overlapping ones and maps them back to the photograph.

    Args:
        rows: float32 (k, 16), decoded, in pixels of the network's input.
        letterbox: position of the photograph in that input.
        threshold: minimum score, which is objectness times face probability.
        iou: maximum intersection over union of two faces.

    Returns:
        Faces with boxes clipped to the photograph, none empty. Landmarks are not clipped.
    """
    scores = rows[:, OBJECTNESS] * rows[:, FACE]
    rows, scores = rows[scores >= threshold], scores[scores >= threshold]
    low, sides = rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]
    kept = suppress(np.hstack([low, sides]), scores, iou)
    rows, scores = rows[kept], scores[kept]
    corners = np.stack([low[kept], rows[:, :2] + rows[:, 2:4] / 2], axis=1)
    size = np.array(letterbox.image[::-1], np.float32)
    low, high = np.clip(letterbox.restore(corners), 0, size).transpose(1, 0, 2)
    boxes = np.concatenate([low, high - low], axis=1)
    points = letterbox.restore(rows[:, LANDMARKS].reshape(-1, POINTS, 2))
    seen = (boxes[:, 2:] > 0).all(axis=1)  # a box may lie in the grey beside the photograph
    return Faces.ordered(boxes[seen], scores[seen], points[seen])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1 + np.tanh(0.5 * x))  # unlike 1 / (1 + exp(-x)) it cannot overflow


def _logit(p: float) -> float:
    return math.log(p / (1 - p)) if 0 < p < 1 else math.copysign(math.inf, p - 0.5)


THRESHOLD = 0.3
"""Default minimum score of a detected face, as in the published pipeline."""

ON_GPU = 16
"""Default number of images per batch on a GPU."""


class LetterboxDetector:
    """What the detectors of YOLO5Face share: batches of photographs, scaled into one square each.

    Attributes:
        canvas: (height, width) of the network's input.
        batch: maximum number of images per call of `candidates`.
        threshold, iou: see `to_faces`.

    Raises:
        ImportError: OpenCV is not installed.
        ValueError: a threshold out of range.
    """

    name: str
    has_scores = True
    has_landmarks = True
    canvas: tuple[int, int]
    batch: int

    def __init__(self, threshold: float, iou: float):
        opencv(self.name)
        self.threshold = check_fraction("threshold", threshold)
        self.iou = check_fraction("iou", iou)

    def candidates(self, planes: np.ndarray) -> list[np.ndarray]:
        """Maps planes (n, 3, height, width) to n arrays of decoded rows (k, 16)."""
        raise NotImplementedError

    def __call__(self, images: Sequence[np.ndarray]) -> list[Faces]:
        """Detects the faces of each image, see `base.Detector`."""
        check_photographs(images)
        result = []
        for start in range(0, len(images), self.batch):
            group = images[start : start + self.batch]
            boxes = [into(image.shape, self.canvas) for image in group]
            drawn = [box.draw(image) for box, image in zip(boxes, group, strict=True)]
            for box, rows in zip(boxes, self.candidates(planes(drawn)), strict=True):
                result.append(to_faces(rows, box, self.threshold, self.iou))
        return result
