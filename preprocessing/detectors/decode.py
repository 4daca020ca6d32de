"""Decodes the output of YOLO5Face into faces.

Qi, Tan, Yao and Liu, "YOLO5Face: Why Reinventing a Face Detector", 2021,
https://arxiv.org/abs/2105.12931. A candidate has 16 columns: centre x, centre y, width, height,
objectness, x and y of five landmarks, face probability. A network's raw heads hold them undecoded,
relative to a grid cell and an anchor, one head for each of three strides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from preprocessing.detectors.base import POINTS, Faces
from preprocessing.detectors.letterbox import Letterbox

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
    # Greedy suppression; of equal scores the first row is kept.
    kept = list(cv2.dnn.NMSBoxes(np.hstack([low, sides]).tolist(), scores.tolist(), 0.0, iou))
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
