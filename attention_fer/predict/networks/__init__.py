"""The supported networks: the one in the package, ONNX files, cells of a table and Keras files."""

from __future__ import annotations

import os
from collections.abc import Sequence
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
            that was stored with `--save-models`. Names of the package come first: "./fer-small" is
            a folder.
        threads: number of threads for an ONNX file; None for all cores.

    Raises:
        ValueError: an unknown name, or files that do not fit together.
        FileNotFoundError: no such file.
        ImportError: a library it needs is not installed; the message names it.
    """
    given = os.fspath(model)
    known = pretrained.names()
    full = f"{given}/{known[given][0]}" if given in known else given
    shipped = [f"{name}/{weights}" for name, found in known.items() for weights in found]
    path = Path(given)
    if path.suffix == ".onnx":
        from attention_fer.predict.networks.onnx_network import open_onnx

        return open_onnx(path, threads)
    if path.suffix == ".keras" or (given and path.is_dir() and full not in shipped):
        return _keras(path)
    return _shipped(full, shipped, threads)


def _keras(path: Path) -> Network:
    try:
        from attention_fer.predict.networks.keras_network import open_keras
    except ModuleNotFoundError as error:
        raise ImportError(
            f"A Keras network needs {error.name}, which is not installed: pip install "
            '"attention-fer[tensorflow]", or install JAX or PyTorch and set KERAS_BACKEND.'
        ) from error
    return open_keras(path)


def _shipped(full: str, shipped: Sequence[str], threads: int | None) -> Network:
    from attention_fer.predict.networks.onnx_network import open_shipped

    try:
        name, _, weights = one_of("model", full, shipped).partition("/")
    except ValueError as error:
        raise ValueError(f"{error} Or give the path of an .onnx or .keras file.") from None
    return open_shipped(pretrained.find(name, weights), threads)
