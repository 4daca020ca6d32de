"""YOLO5Face with ONNX Runtime.

Qi, Tan, Yao and Liu, "YOLO5Face: Why Reinventing a Face Detector", 2021,
https://arxiv.org/abs/2105.12931.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from attention_fer.common.files import sha256
from preprocessing.detectors.base import (
    Faces,
    check_count,
    check_fraction,
    check_side,
    register,
)
from preprocessing.detectors.batches import ON_GPU, THRESHOLD, detect
from preprocessing.detectors.decode import STRIDE
from preprocessing.detectors.onnx_export import Export
from preprocessing.detectors.weights import locate


@register("yolo5face")
class Yolo5Face:
    """Finds boxes, scores and landmarks with an ONNX export of YOLO5Face, on the CPU or CUDA.

    Args:
        weights: "n-0.5", "n", "s", "m" (published, downloaded on first use) or an .onnx file with
            three raw heads or one decoded output.
        threshold: minimum score of a face.
        iou: maximum intersection over union of two faces.
        input_size: side in pixels of the square that photographs are scaled into, a multiple of
            32; by default the export's fixed size, or 640.
        threads: threads per call. Use 1 if the caller works on several images at a time.
        batch: images per batch, for exports that take several; by default 16 on a GPU and 1 on the
            CPU, where larger batches are no faster.

    Raises:
        ImportError: onnxruntime, or pooch for published weights, is not installed.
        ValueError: an option out of range or impossible with this export, or no YOLO5Face export.
        OSError: no such file, or published weights that cannot be downloaded.
    """

    name = "yolo5face"
    has_scores = True
    has_landmarks = True

    def __init__(
        self,
        *,
        weights: str | os.PathLike[str] = "n-0.5",
        threshold: float = THRESHOLD,
        iou: float = 0.5,
        input_size: int | None = None,
        threads: int = 1,
        batch: int | None = None,
    ):
        self.threshold = check_fraction("threshold", threshold)
        self.iou = check_fraction("iou", iou)
        side = None if input_size is None else check_side(input_size, STRIDE)
        check_count("threads", threads)
        self._path = locate(weights, ".onnx")
        self._export = Export(self._path, side, threads)
        self.batch = self._batch(batch)

    def __call__(self, images: Sequence[np.ndarray]) -> list[Faces]:
        """Detects the faces of each image, see `base.Detector`."""
        canvas = self._export.canvas
        return detect(images, canvas, self._candidates, self.batch, self.threshold, self.iou)

    def describe(self) -> dict[str, Any]:
        """Returns the name, weights and their hash, input size, library and settings."""
        provider = self._export.provider.removesuffix("ExecutionProvider")
        return {
            "name": self.name,
            "weights": self._path.name,
            "sha256": sha256(self._path),
            "input_size": list(self._export.canvas),
            "threshold": self.threshold,
            "iou": self.iou,
            "library": f"onnxruntime {_version()} ({provider})",
        }

    def _candidates(self, planes: np.ndarray) -> list[np.ndarray]:
        return self._export.candidates(planes, self.threshold)

    def _batch(self, given: int | None) -> int:
        if given is None:
            on_gpu = self._export.provider.startswith("CUDA")
            return ON_GPU if on_gpu and self._export.takes_many() else 1
        if check_count("batch", given) > 1 and not self._export.takes_many():
            raise ValueError(f"batch must be 1 for {self._path}, got {given}.")
        return given


def _version() -> str:
    import onnxruntime

    return onnxruntime.__version__
