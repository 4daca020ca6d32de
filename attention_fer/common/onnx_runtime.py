"""Imports ONNX Runtime in one place and turns its telemetry off."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

_SWITCH = "ORT_DISABLE_TELEMETRY"
_PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")


def import_onnxruntime(needed_by: str, extra: str = "predict") -> Any:
    """Returns the module onnxruntime.

    Its official builds, such as 1.31, write an identifier of the device to the home folder and send
    events to Microsoft: see `Privacy.md` in its wheel. This is off here unless the user has set
    `ORT_DISABLE_TELEMETRY`, which counts only before the first import.

    Args:
        needed_by: begins the message of the error.
        extra: of the package, which the message says to install.

    Raises:
        ImportError: it is not installed.
    """
    os.environ.setdefault(_SWITCH, "1")
    try:
        import onnxruntime
    except ImportError as error:
        raise ImportError(
            f'{needed_by} needs ONNX Runtime: pip install "attention-fer[{extra}]".'
        ) from error
    return onnxruntime


def open_session(path: Path, threads: int | None, needed_by: str) -> Any:
    """Returns a session of an ONNX file, on a GPU if there is one that it can use.

    Args:
        path: the file.
        threads: CPU threads per call, at most one for each core, because more of them wait for
            each other; None for ONNX Runtime's default.
        needed_by: begins the messages of errors.

    Raises:
        ImportError: ONNX Runtime is not installed.
        ValueError: the file is not a readable ONNX model.
    """
    onnxruntime = import_onnxruntime(needed_by)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # failures are raised
    if threads is not None:
        options.intra_op_num_threads = min(threads, os.cpu_count() or threads)
        options.inter_op_num_threads = 1
    providers = [name for name in _PROVIDERS if name in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # ONNX Runtime's errors share no base class
        first = (str(error).splitlines() or [""])[0]
        raise ValueError(
            f"{needed_by} needs an ONNX model, and {path} is not a readable ONNX model: {first}"
        ) from error


def runner(session: Any, output: str | None = None) -> Callable[[Any], Any]:
    """Returns what maps a batch to one output of a session with one input.

    It raises ValueError if the network cannot be run on that batch.

    Args:
        session: of the network.
        output: name of the output; None for the first.
    """
    taken, wanted = session.get_inputs()[0].name, output or session.get_outputs()[0].name

    def run(batch: Any) -> Any:
        try:
            return session.run([wanted], {taken: batch})[0]
        except Exception as error:  # ONNX Runtime's errors share no base class
            told = " ".join(str(error).split())
            raise ValueError(
                f"The network must accept images of shape {batch.shape}, but it failed: {told}"
            ) from error

    return run


def library(session: Any) -> str:
    """Returns name, version and processor of the library of a session, for a manifest."""
    version = import_onnxruntime("A session").__version__
    provider = session.get_providers()[0].removesuffix("ExecutionProvider")
    return f"onnxruntime {version} ({provider})"
