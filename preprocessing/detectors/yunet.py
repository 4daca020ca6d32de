"""YuNet with ONNX Runtime; nothing here needs OpenCV.

Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20,
2023, https://doi.org/10.1007/s11633-023-1423-y. The authors' exports are licensed under Apache-2.0;
they were trained on WIDER FACE: https://github.com/ShiqiYu/libfacedetection.train.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from attention_fer.common import onnx_runtime
from attention_fer.common.checks import positive_int
from attention_fer.common.files import sha256
from preprocessing.detectors.base import (
    POINTS,
    Faces,
    check_fraction,
    check_photographs,
    register,
)
from preprocessing.detectors.suppression import suppress
from preprocessing.detectors.weights import YUNET, locate

STRIDES = (8, 16, 32)
STRIDE = STRIDES[-1]  # divides the sides of every input
HEADS = ("cls", "obj", "bbox", "kps")
SIDE = 1280
"""Default of the longer side. YuNet was trained on faces of 10 to 300 pixels."""
SMALLEST = 320
"""Photographs are halved and searched again until their longer side is at most this long."""
INSIDE = 0.7
"""A box with a larger share inside a better box is part of the same face, found at another size."""
_EXPECTED = (
    "A YuNet export must have one float input (1, 3, height, width) and the outputs "
    "cls_8, obj_8, bbox_8, kps_8 and so on for the strides 8, 16 and 32."
)


def decode(
    heads: Mapping[str, np.ndarray], columns: int, threshold: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decodes the candidates of one image whose score reaches the threshold.

    Args:
        heads: `cls_8`, `obj_8`, `bbox_8`, `kps_8` and so on for the strides 8, 16 and 32: arrays of
            a row per cell, line by line, and 1, 1, 4 and 10 columns.
        columns: width of the network's input in pixels.
        threshold: minimum score, the geometric mean of class probability and objectness.

    Returns:
        Boxes (k, 4) as x, y, width, height, scores (k,) and landmarks (k, 5, 2), in pixels of the
        network's input.
    """
    boxes, scores, points = [], [], []
    for stride in STRIDES:
        cls, obj, bbox, kps = (heads[f"{name}_{stride}"] for name in HEADS)
        score = np.sqrt(np.clip(cls[:, 0], 0, 1) * np.clip(obj[:, 0], 0, 1))
        (found,) = np.nonzero(score >= threshold)
        row, column = np.divmod(found, columns // stride)
        cell = np.stack([column, row], axis=1).astype(np.float32)
        centre, sides = (cell + bbox[found, :2]) * stride, np.exp(bbox[found, 2:]) * stride
        boxes.append(np.hstack([centre - sides / 2, sides]))
        scores.append(score[found])
        points.append((cell[:, None] + kps[found].reshape(-1, POINTS, 2)) * stride)
    return np.concatenate(boxes), np.concatenate(scores), np.concatenate(points)


@register("yunet")
class YuNet:
    """Finds boxes, scores and landmarks with YuNet, in a file of 0.3 MB.

    Args:
        weights: "n" or "s" (published, downloaded on first use), or an .onnx file of YuNet for
            inputs of any size or of a fixed one.
        threshold: minimum score of a face; `confidence` is the one that proved useful.
        iou: maximum intersection over union of two faces.
        input_size: photographs whose longer side exceeds this many pixels are shrunk to it; by
            default the export's fixed size, or 1280.
        threads: threads per call. Use 1 if the caller works on several images at a time.

    Raises:
        ImportError: onnxruntime, or pooch for published weights, is not installed.
        ValueError: an option out of range or impossible with this export, or no YuNet export.
        OSError: no such file, or published weights that cannot be downloaded.
    """

    name = "yunet"
    has_scores = True
    has_landmarks = True
    batch = 1
    confidence = 0.75

    def __init__(
        self,
        *,
        weights: str | os.PathLike[str] = "n",
        threshold: float = 0.3,
        iou: float = 0.3,
        input_size: int | None = None,
        threads: int = 1,
    ):
        self.threshold = check_fraction("threshold", threshold)
        self.iou = check_fraction("iou", iou)
        if input_size is not None:
            positive_int("input_size", input_size)
        positive_int("threads", threads)
        self._path = _checked(locate(weights, ".onnx", YUNET))
        self._session = onnx_runtime.open_session(self._path, threads, f"The detector {self.name}")
        self._input, self._canvas = self._read_input()
        self._outputs = self._find_outputs()
        self._side = self._find_side(input_size)

    def __call__(self, images: Sequence[np.ndarray]) -> list[Faces]:
        """Detects the faces of each image, see `base.Detector`."""
        check_photographs(images)
        return [self._detect(image) for image in images]

    def describe(self) -> dict[str, Any]:
        """Returns the name, weights and their hash, input size, library and settings."""
        return {
            "name": self.name,
            "weights": self._path.name,
            "sha256": sha256(self._path),
            "input_size": self._side,
            "threshold": self.threshold,
            "iou": self.iou,
            "library": onnx_runtime.library(self._session),
        }

    def _detect(self, image: np.ndarray) -> Faces:
        """Searches a photograph, and again at half the size, for faces that were too large."""
        side = min(self._side, max(image.shape[:2]))
        found = [self._search(image, side)]
        while side > SMALLEST:
            side //= 2
            found.append(self._search(image, side))
        boxes, scores, points = (np.concatenate(parts) for parts in zip(*found, strict=True))
        kept = suppress(boxes, scores, self.iou, INSIDE)
        low, high = boxes[kept, :2], boxes[kept, :2] + boxes[kept, 2:]
        low, high = (np.clip(corners, 0, image.shape[1::-1]) for corners in (low, high))
        seen = (high > low).all(axis=1)  # a box may lie in the black beside the photograph
        clipped = np.hstack([low, high - low])
        return Faces.ordered(clipped[seen], scores[kept][seen], points[kept][seen])

    def _search(self, image: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Searches a photograph whose longer side is shrunk to at most `side` pixels.

        Returns:
            Boxes (k, 4), scores (k,) and landmarks (k, 5, 2) of candidates, in its own pixels.
        """
        height, width = image.shape[:2]
        most = self._canvas or (side, side)
        gain = min(1.0, side / max(height, width), most[0] / height, most[1] / width)
        inner = max(1, round(height * gain)), max(1, round(width * gain))
        canvas = self._canvas or tuple(-(-length // STRIDE) * STRIDE for length in inner)
        heads = self._session.run(self._outputs, {self._input: _planes(image, inner, canvas)})
        rows = {name: head[0] for name, head in zip(self._outputs, heads, strict=True)}
        boxes, scores, points = decode(rows, canvas[1], self.threshold)
        scale = np.divide((width, height), inner[::-1])
        return boxes * np.tile(scale, 2), scores, points * scale

    def _read_input(self) -> tuple[str, tuple[int, int] | None]:
        """Returns the name of the input, and its height and width where they are fixed."""
        inputs = self._session.get_inputs()
        listed = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs) or "none"
        shape: list[Any] = inputs[0].shape if len(inputs) == 1 else []
        if len(shape) != 4 or shape[1] != 3 or inputs[0].type != "tensor(float)":
            raise ValueError(f"{_EXPECTED} {self._path} has the inputs {listed}.")
        fixed = all(isinstance(length, int) for length in shape[2:])
        return inputs[0].name, (shape[2], shape[3]) if fixed else None

    def _find_outputs(self) -> list[str]:
        wanted = [f"{name}_{stride}" for name in HEADS for stride in STRIDES]
        found = [output.name for output in self._session.get_outputs()]
        if not set(wanted) <= set(found):
            raise ValueError(f"{_EXPECTED} {self._path} returns {', '.join(found)}.")
        return wanted

    def _find_side(self, given: int | None) -> int:
        if self._canvas is None:
            return SIDE if given is None else given
        if given not in (None, max(self._canvas)):
            height, width = self._canvas
            raise ValueError(
                f"input_size must fit {self._path}, which is fixed to {height}x{width}, "
                f"got {given}. Leave it out, or use the weights n or s."
            )
        return max(self._canvas)


def _checked(path: Path) -> Path:
    """Returns a file. Raises ValueError if it has the name of a published one and is another."""
    published = YUNET.sha256.get(path.name)
    if published and (found := sha256(path)) != published:
        raise ValueError(
            f"{path} must have the SHA-256 {published}, got {found}. The file is damaged or holds "
            "another network: download it again, or give it another name."
        )
    return path


def _planes(image: np.ndarray, inner: tuple[int, int], canvas: Sequence[int]) -> np.ndarray:
    """Returns an RGB image, shrunk to the size `inner`, as input: BGR, 0 to 255, black outside it.

    Returns:
        float32 (1, 3, *canvas).
    """
    if inner != image.shape[:2]:
        small = Image.fromarray(image).resize(inner[::-1], Image.Resampling.BOX)
        image = np.asarray(small)
    result = np.zeros((1, 3, *canvas), np.float32)
    result[0, :, : inner[0], : inner[1]] = image[..., ::-1].transpose(2, 0, 1)
    return result
