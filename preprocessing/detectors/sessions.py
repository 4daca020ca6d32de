"""Opens ONNX files with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any


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
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            f"The detector {detector} needs onnxruntime. Run `pip install onnxruntime`."
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # trials may fail, and other failures are raised
    preferred = ("CUDAExecutionProvider", "CPUExecutionProvider")
    providers = [name for name in preferred if name in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors share no base class
        raise ValueError(
            f"{detector} needs an ONNX model, and {path} is not a readable ONNX model: {error}"
        ) from error


def library(session: Any) -> str:
    """Returns name, version and processor of the library, for the manifest."""
    import onnxruntime

    provider = session.get_providers()[0].removesuffix("ExecutionProvider")
    return f"onnxruntime {onnxruntime.__version__} ({provider})"
