"""Loads a model from its file, and its class names from the command line or a file next to it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import keras

from attention_fer.common import keras_private
from attention_fer.common.errors import cause
from attention_fer.common.model_note import check_names, read_json
from attention_fer.common.model_note import read_metadata as read_metadata  # needs no Keras


def find_model(given: str | os.PathLike[str]) -> Path:
    """Returns the path of a .keras file: `given` itself, or `model.keras` in that folder.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file of another kind.
    """
    path = Path(given)
    if path.is_dir():
        if not (path / "model.keras").is_file():
            raise FileNotFoundError(
                f"No model.keras in the folder {str(path)!r}. Give a .keras file, or the folder of "
                "a trained cell, such as runs/attention/CELL. If this is one, it was trained "
                "without --save-models: repeat its command with --save-models."
            )
        path = path / "model.keras"
    if not path.is_file():
        raise FileNotFoundError(f"No model at {str(path)!r}. Give a .keras file.")
    if path.suffix != ".keras":
        raise ValueError(
            f"MODEL must be a .keras file, got {str(path)!r}. Save the whole model with "
            "model.save('x.keras'): weights alone have no network, and loading older formats can "
            "run code."
        )
    return path


def load_model(path: Path) -> keras.Model:
    """Loads a .keras file in Keras's safe mode, which runs no code from the file.

    Raises:
        ValueError: a damaged file, one that would have to run its own code, or unregistered layers.
    """
    # Importing these registers the layers that a file may contain.
    from attention_fer import layers, models  # noqa: F401
    from attention_fer.training import model as graph  # noqa: F401

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Damaged archives make Keras raise almost anything.
        first = (cause(error).splitlines() or [""])[0][:300]
        raise ValueError(
            f"{str(path)!r} could not be read as a Keras model: {type(error).__name__}: {first} If "
            "it uses layers of other packages, pass the file or module that registers them with "
            "--import."
        ) from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"{str(path)!r} must hold a Keras model, got a {type(model).__name__}.")
    return model


def without_mirror_images(model: keras.Model) -> keras.Model:
    """Returns the model for a picture alone, if `model` averages over it and its mirror image.

    Its layers would run twice, and no map would be that of the picture. The weights are shared; any
    other model is returned as it is.
    """
    from attention_fer.training.inputs import FlipAverage

    outputs = getattr(model, "outputs", None) or []
    averages = [layer for layer in model.layers if isinstance(layer, FlipAverage)]
    if len(outputs) != 1 or len(averages) != 1:
        return model
    (average,) = averages
    one = average.input[0]
    if keras_private.producer(outputs[0])[0] is not average:  # a temperature follows
        one = keras.Model(average.output, model.output, name="after_mirror_images")(one)
    return keras.Model(model.input, one, name=model.name)


def class_names(given: Sequence[str]) -> list[str]:
    """Returns the given names, or the names in the only given file.

    The file is JSON, a list or an object with "classes", or text with a name per line.

    Raises:
        ValueError: a file without names, or repeated names.
    """
    path = Path(given[0])
    if len(given) > 1 or not path.is_file():
        return check_names(list(given), None)
    if path.suffix != ".json":
        lines = path.read_text(encoding="utf-8").splitlines()
        return check_names([line.strip() for line in lines if line.strip()], path)
    content = read_json(path)
    return check_names(content.get("classes") if isinstance(content, dict) else content, path)
