"""Opens an ONNX export of YOLO5Face and finds out by trial what it takes and gives.

An export may be fixed to one size and to one image at a time, and one that declares itself free
may still be fixed, because tracing turns sizes into constants. It gives the three raw heads,
(n, 3, rows, columns, 16) for strides 8, 16 and 32, or all candidates decoded, (n, N, 16).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.detectors.decode import COLUMNS, STRIDES, from_heads, from_rows

SIDE = 640
_WANTED = (
    "expected a YOLO5Face export with one float input (n, 3, height, width) and either "
    "one output (n, N, 16) or three (n, 3, rows, columns, 16)"
)


class Export:
    """An ONNX Runtime session and what it can do.

    Args:
        path: the file.
        side: of the square it shall take; None for what it is fixed to, else 640.
        threads: of one computation.

    Attributes:
        provider: "CUDAExecutionProvider" or "CPUExecutionProvider".
        canvas: (height, width) of its input.

    Raises:
        ImportError: onnxruntime is not installed.
        ValueError: the file is not such an export, or cannot take that size.
    """

    def __init__(self, path: Path, side: int | None, threads: int):
        self._path = path
        self._session = _session(path, threads)
        self.provider: str = self._session.get_providers()[0]
        self._input, declared = self._read_input()
        self.canvas = self._find_canvas(declared, side)
        self._outputs = self._find_outputs()

    def candidates(self, planes: np.ndarray, threshold: float) -> list[np.ndarray]:
        """Decoded candidates of each image, float32 (k, 16), by objectness at least `threshold`."""
        outputs = self._session.run(self._outputs, {self._input: planes})
        if len(outputs) == 1:
            return [from_rows(rows, threshold) for rows in outputs[0]]
        return [from_heads(heads, threshold) for heads in zip(*outputs, strict=True)]

    def takes_many(self) -> bool:
        """Whether it computes two images at a time, found out by doing so."""
        try:
            return all(len(output) == 2 for output in self._run(2))
        except Exception:  # the point of the trial
            return False

    def _read_input(self) -> tuple[str, list[Any]]:
        inputs = self._session.get_inputs()
        shape = list(inputs[0].shape) if inputs else []
        if len(inputs) != 1 or inputs[0].type != "tensor(float)" or len(shape) != 4:
            listed = ", ".join(f"{node.name} {node.type} {node.shape}" for node in inputs)
            raise ValueError(f"{self._path} has the inputs {listed or 'none'}: {_WANTED}")
        if shape[1] not in (3, None) and not isinstance(shape[1], str):
            raise ValueError(f"{self._path} takes {shape[1]} channels: {_WANTED}")
        return inputs[0].name, shape

    def _find_canvas(self, declared: list[Any], side: int | None) -> tuple[int, int]:
        free = side or SIDE
        height, width = (size if isinstance(size, int) else free for size in declared[2:])
        if side and (height, width) != (side, side):
            raise ValueError(
                f"got input_size={side}: {self._path} is fixed to {height}x{width}, "
                "leave input_size out or export the network anew"
            )
        return height, width

    def _find_outputs(self) -> list[str]:
        """Names of the outputs to compute: the decoded one, or the heads by ascending stride."""
        names = [node.name for node in self._session.get_outputs()]
        try:
            shapes = [output.shape for output in self._run(1)]
        except Exception as error:  # ONNX Runtime's errors have no common base of their own
            raise ValueError(
                f"{self._path} fails on an input of {self.canvas} ({error}): {_WANTED}"
            ) from error
        decoded = [n for n, s in zip(names, shapes, strict=True) if len(s) == 3 and s[2] == COLUMNS]
        if decoded:
            return decoded[:1]
        by_shape = dict(zip(shapes, names, strict=True))
        heads = [(1, 3, self.canvas[0] // s, self.canvas[1] // s, COLUMNS) for s in STRIDES]
        if all(head in by_shape for head in heads):
            return [by_shape[head] for head in heads]
        listed = ", ".join(f"{n} {s}" for n, s in zip(names, shapes, strict=True))
        raise ValueError(f"{self._path} gives {listed}: {_WANTED}")

    def _run(self, n: int) -> list[np.ndarray]:
        return self._session.run(None, {self._input: np.zeros((n, 3, *self.canvas), np.float32)})


def _session(path: Path, threads: int) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            "the detector yolo5face needs onnxruntime: run `pip install onnxruntime`"
        ) from error
    _check_file(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # failing trials are no news, other failures are raised
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    providers = [name for name in wanted if name in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors have no common base of their own
        raise ValueError(f"{path} is not a readable ONNX model ({error}): {_WANTED}") from error


def _check_file(path: Path) -> None:
    with open(path, "rb") as stream:
        start = stream.read(4)
    if path.suffix in (".pt", ".pth") or start.startswith(b"PK"):
        raise ValueError(
            f"{path} is a PyTorch checkpoint: give it to the detector yolo5face-hub, "
            "or give yolo5face an .onnx file"
        )
