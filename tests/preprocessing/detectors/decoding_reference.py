"""YOLO5Face's decoding and suppression once more, slowly: a number at a time, with `math` alone."""

from __future__ import annotations

import math

ANCHORS = {
    8: [(4, 5), (8, 10), (13, 16)],
    16: [(23, 29), (43, 55), (73, 105)],
    32: [(146, 217), (231, 300), (335, 433)],
}


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def decode(head, stride: int) -> list[list[float]]:
    """All rows of one head (3, rows, columns, 16), by anchor, then row, then column."""
    found = []
    for (width, height), plane in zip(ANCHORS[stride], head, strict=True):
        for y, line in enumerate(plane):
            for x, raw in enumerate(line):
                raw = [float(value) for value in raw]
                row = [
                    (2 * sigmoid(raw[0]) - 0.5 + x) * stride,
                    (2 * sigmoid(raw[1]) - 0.5 + y) * stride,
                    (2 * sigmoid(raw[2])) ** 2 * width,
                    (2 * sigmoid(raw[3])) ** 2 * height,
                    sigmoid(raw[4]),
                ]
                for point in range(5):
                    row.append(raw[5 + 2 * point] * width + x * stride)
                    row.append(raw[6 + 2 * point] * height + y * stride)
                found.append([*row, sigmoid(raw[15])])
    return found


def iou(a, b) -> float:
    """Intersection over union of two boxes left, top, right, bottom."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0) * max(height, 0)
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def suppress(boxes, scores, most: float) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(iou(boxes[index], boxes[other]) <= most for other in kept):
            kept.append(index)
    return kept
