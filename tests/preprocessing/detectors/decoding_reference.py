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


def area(box) -> float:
    """Area of a box left, top, right, bottom; 0 if it is turned inside out."""
    return max(box[2] - box[0], 0) * max(box[3] - box[1], 0)


def common(a, b) -> float:
    """Area that two boxes share."""
    return area((max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])))


def iou(a, b) -> float:
    """Intersection over union of two boxes."""
    return common(a, b) / (area(a) + area(b) - common(a, b))


def inside(a, b) -> float:
    """Share of the smaller of two boxes that lies inside the other."""
    return common(a, b) / min(area(a), area(b))


def suppress(boxes, scores, most: float, most_inside: float = 1.0) -> list[int]:
    kept: list[int] = []
    for index in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        box = boxes[index]
        if all(
            iou(box, boxes[other]) <= most and inside(box, boxes[other]) <= most_inside + 1e-9
            for other in kept
        ):
            kept.append(index)
    return kept


def yunet(heads, width: int, height: int) -> list[tuple[float, list[float], list[list[float]]]]:
    """Score, box (x, y, width, height) and landmarks of every cell of YuNet's heads."""
    found = []
    for stride in (8, 16, 32):
        cell = 0
        for row in range(height // stride):
            for column in range(width // stride):
                cls, obj, box, kps = (
                    [float(value) for value in heads[f"{kind}_{stride}"][0][cell]]
                    for kind in ("cls", "obj", "bbox", "kps")
                )
                cell += 1
                score = math.sqrt(min(max(cls[0], 0), 1) * min(max(obj[0], 0), 1))
                w, h = stride * math.exp(box[2]), stride * math.exp(box[3])
                x = (column + box[0]) * stride - w / 2
                y = (row + box[1]) * stride - h / 2
                points = [
                    [(column + kps[2 * n]) * stride, (row + kps[2 * n + 1]) * stride]
                    for n in range(5)
                ]
                found.append((score, [x, y, w, h], points))
    return found
