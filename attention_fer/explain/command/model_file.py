"""Loads a model from its file and finds out what it takes: pixels, size, class names."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from attention_fer.explain.maps.layer_tree import data_format_of, layers_by_path, producer

# In this order, after a file with the model's own name; the last is that of a prepared dataset.
METADATA = ("model.json", "classes.json", "manifest.json")


def find_model(given: str | os.PathLike[str]) -> Path:
    """Returns the path of a .keras file: `given` itself, or `model.keras` in that folder.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file of another kind.
    """
    path = Path(given)
    path = path / "model.keras" if path.is_dir() else path
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
        first = (str(error).splitlines() or [""])[0][:300]
        raise ValueError(
            f"{str(path)!r} could not be read as a Keras model: {type(error).__name__}: {first} "
            "If it has layers of other packages, name the file or module that registers them with "
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
    if producer(outputs[0])[0] is not average:  # a temperature follows
        one = keras.Model(average.output, model.output, name="after_mirror_images")(one)
    return keras.Model(model.input, one, name=model.name)


def read_metadata(path: Path) -> tuple[dict[str, Any], Path | None]:
    """Returns the content and the path of the first file beside a model that says it.

    Files without classes do not count; without any, the result is `({}, None)`.

    Raises:
        ValueError: a file that is not JSON, or whose classes are not a list of names.
    """
    for name in dict.fromkeys((f"{path.stem}.json", *METADATA)):
        beside = path.with_name(name)
        if beside.is_file():
            content = _read_json(beside)
            content = {"classes": content} if isinstance(content, list) else content
            if isinstance(content, dict) and "classes" in content:
                return {**content, "classes": _check_names(content["classes"], beside)}, beside
    return {}, None


def class_names(given: Sequence[str]) -> list[str]:
    """Returns the given names, or the names in the only given file.

    The file is JSON, a list or an object with "classes", or text with a name per line.

    Raises:
        ValueError: a file without names, or repeated names.
    """
    path = Path(given[0])
    if len(given) > 1 or not path.is_file():
        return _check_names(list(given), None)
    if path.suffix != ".json":
        lines = path.read_text(encoding="utf-8").splitlines()
        return _check_names([line.strip() for line in lines if line.strip()], path)
    content = _read_json(path)
    return _check_names(content.get("classes") if isinstance(content, dict) else content, path)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{str(path)!r} must be JSON: {error}") from error


def _check_names(given: Any, path: Path | None) -> list[str]:
    whole = isinstance(given, list) and given and all(isinstance(name, str) for name in given)
    if not whole or len(set(given)) != len(given):
        where = f" in {str(path)!r}" if path else ""
        raise ValueError(f"Classes{where} must be a list of different names, got {given!r}.")
    return list(given)


PIXELS = ("0-255", "0-1")


@dataclass(frozen=True)
class ModelInput:
    """How pictures become the input of a model.

    Attributes:
        size: height and width in pixels.
        channels: 1 for grey, 3 for RGB.
        data_format: `"channels_last"` or `"channels_first"`.
        pixels: `"0-255"` or `"0-1"`.
        why: the reason for `pixels`.
    """

    size: tuple[int, int]
    channels: int
    data_format: str
    pixels: str
    why: str

    def batch(self, images: np.ndarray) -> np.ndarray:
        """Converts uint8 images, channels last, to the model's input."""
        if self.data_format == "channels_first":
            images = np.moveaxis(images, -1, 1)
        return images if self.pixels == "0-255" else images.astype("float32") / 255

    def __str__(self) -> str:
        height, width = self.size
        colour = "grey" if self.channels == 1 else "RGB"
        return (
            f"each picture whole, without looking for a face, resized to {width} x {height}, "
            f"{colour}, pixels {self.pixels} ({self.why})"
        )


def infer_input(
    model: keras.Model,
    *,
    size: int | None = None,
    pixels: str | None = None,
    recorded: str | None = None,
) -> ModelInput:
    """Infers what a model expects.

    Pixels are from 0 to 255 if the model's input is an integer, or if a layer before its first
    convolution or dense layer rescales them; otherwise from 0 to 1.

    Args:
        model: with one input.
        size: height and width, if the model takes any.
        pixels: `"0-255"` or `"0-1"`, to override the rule.
        recorded: the note beside the model, such as `"uint8 pixels"`.

    Raises:
        ValueError: several inputs, an input that is not a grey or RGB image, or a size that is
            missing or does not fit the model.
    """
    inputs = getattr(model, "inputs", None)
    if not inputs or len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = [tuple(one.shape) for one in inputs or []]
        raise ValueError(f"The model must have one input of images, got inputs {shapes}.")
    shape = tuple(inputs[0].shape)
    data_format = data_format_of(layers_by_path(model).values())
    channels = shape[1] if data_format == "channels_first" else shape[3]
    if channels not in (1, 3):
        raise ValueError(
            f"The model must take grey or RGB images (1 or 3 channels), got input {shape}."
        )
    sides = shape[2:] if data_format == "channels_first" else shape[1:3]
    chosen, why = (pixels, "as given") if pixels else _pixels(model, recorded)
    return ModelInput(_size(sides, size), channels, data_format, chosen, why)


def _size(sides: tuple[int | None, ...], size: int | None) -> tuple[int, int]:
    height, width = sides
    if size is not None and any(side not in (None, size) for side in sides):
        raise ValueError(f"--size must fit the model's input of {width} x {height}, got {size}.")
    if size is None and (height is None or width is None):
        raise ValueError("The model takes images of any size. Choose one with --size N.")
    return height or size or 0, width or size or 0


def _pixels(model: keras.Model, recorded: str | None) -> tuple[str, str]:
    if recorded == "uint8 pixels":
        return "0-255", "as recorded beside the model"
    dtype = str(model.inputs[0].dtype)
    if "int" in dtype:
        return "0-255", f"its input is {dtype}"
    for path, layer in layers_by_path(model).items():
        if layer.weights and not isinstance(layer, (keras.Model, keras.layers.Normalization)):
            break
        if _rescales(layer):
            return "0-255", f"its layer {path!r} rescales them"
    return "0-1", "its input is float and no first layer rescales"


def _rescales(layer: keras.layers.Layer) -> bool:
    """Whether a layer expects pixels up to 255: it has a small factor or a large mean."""
    if isinstance(layer, keras.layers.Rescaling):
        return bool(np.max(np.abs(_to_float64(layer.scale))) < 1 / 16)
    if isinstance(layer, keras.layers.Normalization):
        return bool(np.max(np.abs(_to_float64(layer.mean))) > 1)
    return False


def _to_float64(values: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(values), "float64")
