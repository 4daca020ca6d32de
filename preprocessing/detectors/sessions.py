"""Opens ONNX files of detectors with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from attention_fer.common import onnx_runtime

library = onnx_runtime.library


def open_session(path: Path, threads: int, detector: str) -> Any:
    """Returns an ONNX Runtime session on a GPU if there is one, else on the CPU.

    Args:
        path: the ONNX file.
        threads: threads per call on the CPU.
        detector: name of the detector that needs it, for the errors.

    Raises:
        ImportError: onnxruntime is not installed.
        ValueError: the file is not a readable ONNX model.
    """
    return onnx_runtime.open_session(path, threads, f"The detector {detector}")
