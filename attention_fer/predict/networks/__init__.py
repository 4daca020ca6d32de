"""The supported networks: the one in the package, ONNX files, cells of a table and Keras files."""

from __future__ import annotations

import os
from pathlib import Path

from attention_fer import pretrained
from attention_fer.common.checks import one_of
from attention_fer.predict.defaults import MODEL
from attention_fer.predict.networks.base import Network


def open_network(model: str | os.PathLike[str] = MODEL, *, threads: int | None = None) -> Network:
    """Opens a network by name or path.

    Args:
        model: a network of the package, "fer-small" or "fer-small/fer2013"; an .onnx file with a
            JSON file next to it, see `networks.description`; a .keras file; or the folder of a cell
            that was stored with `--save-models`.
        threads: number of threads for an ONNX file; None for all cores.

    Raises:
        ValueError: an unknown name, or files that do not fit together.
        FileNotFoundError: no such file.
        ImportError: a library it needs is not installed; the message names it.
    """
    given = os.fspath(model)
    path = Path(given)
    if path.suffix == ".onnx":
        from attention_fer.predict.networks.onnx_network import open_onnx

        return open_onnx(path, threads)
    if path.suffix == ".keras" or (given and path.is_dir()):
        return _keras(path)
    return _shipped(given, threads)


def _keras(path: Path) -> Network:
    try:
        from attention_fer.predict.networks.keras_network import open_keras
    except ModuleNotFoundError as error:
        raise ImportError(
            f"A Keras network needs {error.name}, which is not installed: pip install "
            '"attention-fer[tensorflow]", or install JAX or PyTorch and set KERAS_BACKEND.'
        ) from error
    return open_keras(path)


def _shipped(given: str, threads: int | None) -> Network:
    from attention_fer.predict.networks.onnx_network import open_shipped

    known = {
        f"{name}/{weights}": (name, weights)
        for name, found in pretrained.names().items()
        for weights in found
    }
    first = {name: found[0] for name, found in pretrained.names().items()}
    full = f"{given}/{first[given]}" if given in first else given
    try:
        name, weights = known[one_of("model", full, known)]
    except ValueError as error:
        raise ValueError(f"{error} Or give the path of an .onnx or .keras file.") from None
    return open_shipped(pretrained.find(name, weights), threads)
