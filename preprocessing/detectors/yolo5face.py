"""YOLO5Face with ONNX Runtime.

Qi, Tan, Yao and Liu, "YOLO5Face: Why Reinventing a Face Detector", 2021,
https://arxiv.org/abs/2105.12931.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from attention_fer.common import onnx_runtime
from attention_fer.common.checks import positive_int
from attention_fer.common.files import sha256
from preprocessing.detectors.base import check_side, register
from preprocessing.detectors.decode import (
    COLUMNS,
    ON_GPU,
    STRIDE,
    STRIDES,
    THRESHOLD,
    LetterboxDetector,
    from_heads,
    from_rows,
)
from preprocessing.detectors.weights import YOLO5FACE, locate

SIDE = 640
_EXPECTED = (
    "A YOLO5Face export must have one float input (n, 3, height, width) and either "
    "one output (n, N, 16) or three (n, 3, rows, columns, 16)."
)


class Export:
    """An ONNX Runtime session of a YOLO5Face export.

    Args:
        path: the file.
        side: side of its square input in pixels; None for the export's own size, or 640 if free.
        threads: threads per call.

    Attributes:
        session: the session.
        provider: "CUDAExecutionProvider" or "CPUExecutionProvider".
        canvas: (height, width) of its input.

    Raises:
        ImportError: onnxruntime is not installed.
        ValueError: the file is not such an export, or does not accept that size.
    """

    def __init__(self, path: Path, side: int | None, threads: int):
        self._path = path
        self.session = _session(path, threads)
        self.provider: str = self.session.get_providers()[0]
        self._input, declared = self._read_input()
        self.canvas = self._find_canvas(declared, side)
        self._outputs = self._find_outputs()

    def candidates(self, planes: np.ndarray, threshold: float) -> list[np.ndarray]:
        """Returns the candidates of each image with objectness of at least `threshold`.

        Args:
            planes: float32 (n, 3, height, width), 0 to 1.
            threshold: minimum objectness.

        Returns:
            float32 (k, 16) for each image, decoded, in pixels of the input.
        """
        outputs = self.session.run(self._outputs, {self._input: planes})
        if len(outputs) == 1:
            return [from_rows(rows, threshold) for rows in outputs[0]]
        return [from_heads(heads, threshold) for heads in zip(*outputs, strict=True)]

    def takes_many(self) -> bool:
        """Returns whether it accepts two images at a time, by trying."""
        try:
            return all(len(output) == 2 for output in self._run(2))
        except Exception:  # failing is one of the two answers
            return False

    def _read_input(self) -> tuple[str, list[Any]]:
        inputs = self.session.get_inputs()
        shape = list(inputs[0].shape) if inputs else []
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) != 4:
            listed = ", ".join(f"{node.name} {node.type} {node.shape}" for node in inputs)
            raise ValueError(f"{_EXPECTED} {self._path} has the inputs {listed or 'none'}.")
        if shape[1] not in (3, None) and not isinstance(shape[1], str):
            raise ValueError(f"{_EXPECTED} {self._path} takes {shape[1]} channels.")
        return inputs[0].name, shape

    def _find_canvas(self, declared: list[Any], side: int | None) -> tuple[int, int]:
        free = side or SIDE
        height, width = (size if isinstance(size, int) else free for size in declared[2:])
        if side and (height, width) != (side, side):
            raise ValueError(
                f"input_size must fit {self._path}, which is fixed to {height}x{width}, "
                f"got {side}. Leave it out, or export the network again."
            )
        return height, width

    def _find_outputs(self) -> list[str]:
        """Returns the outputs to compute: the decoded one, or the heads by ascending stride."""
        names = [node.name for node in self.session.get_outputs()]
        try:
            shapes = [output.shape for output in self._run(1)]
        except Exception as error:  # ONNX Runtime's errors share no base class
            raise ValueError(
                f"{_EXPECTED} {self._path} fails on an input of {self.canvas}: {error}"
            ) from error
        decoded = [n for n, s in zip(names, shapes, strict=True) if len(s) == 3 and s[2] == COLUMNS]
        if decoded:
            return decoded[:1]
        by_shape = dict(zip(shapes, names, strict=True))
        heads = [(1, 3, self.canvas[0] // s, self.canvas[1] // s, COLUMNS) for s in STRIDES]
        if all(head in by_shape for head in heads):
            return [by_shape[head] for head in heads]
        listed = ", ".join(f"{n} {s}" for n, s in zip(names, shapes, strict=True))
        raise ValueError(f"{_EXPECTED} {self._path} returns {listed}.")

    def _run(self, n: int) -> list[np.ndarray]:
        return self.session.run(None, {self._input: np.zeros((n, 3, *self.canvas), np.float32)})


def _session(path: Path, threads: int) -> Any:
    with open(path, "rb") as stream:
        is_zip = stream.read(2) == b"PK"
    if path.suffix in (".pt", ".pth") or is_zip:
        raise ValueError(
            f"yolo5face needs an .onnx file, got the PyTorch checkpoint {path}. "
            "Use it with the detector yolo5face-hub instead."
        )
    return onnx_runtime.open_session(path, threads, "The detector yolo5face")


@register("yolo5face")
class Yolo5Face(LetterboxDetector):
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
        super().__init__(threshold, iou)
        side = None if input_size is None else check_side(input_size, STRIDE)
        positive_int("threads", threads)
        self._path = locate(weights, ".onnx", YOLO5FACE)
        self._export = Export(self._path, side, threads)
        self.canvas = self._export.canvas
        self.batch = self._batch(batch)

    def candidates(self, planes: np.ndarray) -> list[np.ndarray]:
        """Returns the decoded candidates of each image, see `Export.candidates`."""
        return self._export.candidates(planes, self.threshold)

    def describe(self) -> dict[str, Any]:
        """Returns the name, weights and their hash, input size, library and settings."""
        return {
            "name": self.name,
            "weights": self._path.name,
            "sha256": sha256(self._path),
            "input_size": list(self.canvas),
            "threshold": self.threshold,
            "iou": self.iou,
            "library": onnx_runtime.library(self._export.session),
        }

    def _batch(self, given: int | None) -> int:
        if given is None:
            on_gpu = self._export.provider.startswith("CUDA")
            return ON_GPU if on_gpu and self._export.takes_many() else 1
        if positive_int("batch", given) > 1 and not self._export.takes_many():
            raise ValueError(f"batch must be 1 for {self._path}, got {given}.")
        return given
