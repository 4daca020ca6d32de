"""A model's file, and what is noted down beside it: its classes and what it takes."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

# In this order; the last is that of a prepared dataset.
CARDS = ("model.json", "classes.json", "manifest.json")


def model_file(given: str | os.PathLike[str]) -> Path:
    """The .keras file that is meant: itself, or `model.keras` in a folder.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: a file of another kind.
    """
    path = Path(given)
    path = path / "model.keras" if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"No model at {str(path)!r}: expected a .keras file.")
    if path.suffix != ".keras":
        raise ValueError(
            f"{str(path)!r} is no .keras file. Save the whole model with model.save('x.keras'): "
            "weights alone have no network, and older formats can run code when they are read."
        )
    return path


def load(path: Path) -> keras.Model:
    """The model of a .keras file, read in Keras's safe mode, which runs no code of the file's.

    Raises:
        ValueError: a damaged file, one that would have to run its own code, or layers that nobody
            has registered.
    """
    # They register what a file may be made of.
    from attention_fer import layers, models  # noqa: F401
    from attention_fer.training import model as graph  # noqa: F401

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever a damaged archive leads to.
        first = (str(error).splitlines() or [""])[0][:300]
        raise ValueError(
            f"{str(path)!r} could not be read as a Keras model: {type(error).__name__}: {first} "
            "If it has layers of other packages, name the modules that register them with --import."
        ) from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"{str(path)!r} holds a {type(model).__name__}, expected a Keras model.")
    return model


def card(path: Path) -> tuple[dict[str, Any], Path | None]:
    """What stands beside a model in the first of `CARDS` that has classes, and which that is.

    Raises:
        ValueError: a file that is not JSON, or whose classes are no list of names.
    """
    for name in CARDS:
        beside = path.with_name(name)
        if beside.is_file():
            content = _json(beside)
            content = {"classes": content} if isinstance(content, list) else content
            if isinstance(content, dict) and "classes" in content:
                return {**content, "classes": _names(content["classes"], beside)}, beside
    return {}, None


def class_names(given: Sequence[str]) -> list[str]:
    """Names as they are given, or those in the one file that is given.

    The file is JSON, a list or an object with "classes", or text with a name a line.

    Raises:
        ValueError: a file without names.
    """
    path = Path(given[0])
    if len(given) > 1 or not path.is_file():
        return _names(list(given), None)
    if path.suffix != ".json":
        lines = path.read_text(encoding="utf-8").splitlines()
        return _names([line.strip() for line in lines if line.strip()], path)
    content = _json(path)
    return _names(content.get("classes") if isinstance(content, dict) else content, path)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{str(path)!r} is not JSON: {error}") from error


def _names(given: Any, path: Path | None) -> list[str]:
    whole = isinstance(given, list) and given and all(isinstance(name, str) for name in given)
    if not whole or len(set(given)) != len(given):
        where = f" in {str(path)!r}" if path else ""
        raise ValueError(f"Expected a list of different class names{where}, given: {given!r}.")
    return list(given)
