"""Finds out what a model takes: size, channels and scale of the pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from attention_fer.explain.command import pixel_scale
from attention_fer.explain.maps.layer_tree import data_format_of, layers_by_path


@dataclass(frozen=True)
class ModelInput:
    """How pictures become the input of a model.

    Attributes:
        size: height and width in pixels.
        channels: 1 for grey, 3 for RGB.
        data_format: `"channels_last"` or `"channels_first"`.
        pixels: `"0-255"` or `"0-1"`.
        why: the reason for `pixels`.
        integers: whether the model's input is an integer.
    """

    size: tuple[int, int]
    channels: int
    data_format: str
    pixels: str
    why: str
    integers: bool = False

    def batch(self, images: np.ndarray) -> np.ndarray:
        """Converts uint8 images, channels last, to the model's input."""
        if self.data_format == "channels_first":
            images = np.moveaxis(images, -1, 1)
        if self.pixels == "0-1":
            return images.astype("float32") / 255
        return images if self.integers else images.astype("float32")

    def __str__(self) -> str:
        height, width = self.size
        colour = "grey" if self.channels == 1 else "RGB"
        return f"{width} x {height}, {colour}, pixels {self.pixels} ({self.why})"


def infer_input(
    model: keras.Model,
    *,
    size: int | None = None,
    pixels: str | None = None,
    recorded: str | None = None,
) -> ModelInput:
    """Infers what a model expects.

    Pixels are from 0 to 255 if the model's input is an integer; otherwise `pixel_scale.probe` runs
    what the model does before its first layer with weights.

    Args:
        model: with one input; a subclassed model must have been called on images.
        size: height and width, if the model accepts any.
        pixels: `"0-255"` or `"0-1"`, to override the rule.
        recorded: the note next to the model, such as `"uint8 pixels"`.

    Raises:
        ValueError: several inputs, an input that is not a grey or RGB image, or a size that is
            missing or does not fit the model.
    """
    shape, dtype = image_input(model)
    data_format = data_format_of(layers_by_path(model).values())
    first = data_format == "channels_first"
    channels = shape[1] if first else shape[3]
    if channels not in (1, 3):
        raise ValueError(
            f"The model must take grey or RGB images (1 or 3 channels), got input {shape}."
        )
    height, width = _size(shape[2:] if first else shape[1:3], size)
    image = (channels, height, width) if first else (height, width, channels)
    if pixels:
        chosen, why = pixels, "as given"
    elif recorded == "uint8 pixels":
        chosen, why = "0-255", "as recorded next to the model"
    elif "int" in dtype:
        chosen, why = "0-255", f"its input is {dtype}"
    else:
        chosen, why = pixel_scale.probe(model, image)
        why += "; --pixels overrules this"
    return ModelInput((height, width), channels, data_format, chosen, why, "int" in dtype)


def image_input(model: keras.Model) -> tuple[tuple[Any, ...], str]:
    """Returns shape, with the batch, and dtype of a model's input.

    Raises:
        ValueError: several inputs, or one that is no batch of images.
    """
    shapes, dtype = _inputs(model)
    if len(shapes) != 1 or len(shapes[0]) != 4:
        raise ValueError(f"The model must have one input of images, got inputs {shapes}.")
    return shapes[0], dtype


def _inputs(model: keras.Model) -> tuple[list[tuple[Any, ...]], str]:
    """Shapes of the inputs and dtype of the first, of a graph or of a subclassed model."""
    inputs = getattr(model, "inputs", None)
    if inputs:
        return [tuple(one.shape) for one in inputs], str(inputs[0].dtype)
    built = model.get_build_config() or {}
    shapes = [tuple(shape) for shape in built.values() if isinstance(shape, (list, tuple))]
    if not shapes:
        raise ValueError(
            f"The model {model.name!r} has no known input shape. Call it on a batch of images "
            "before you save it."
        )
    return shapes, "float32"


def _size(sides: tuple[int | None, ...], size: int | None) -> tuple[int, int]:
    height, width = sides
    if size is not None and any(side not in (None, size) for side in sides):
        raise ValueError(f"--size must fit the model's input of {width} x {height}, got {size}.")
    if size is None and (height is None or width is None):
        raise ValueError(
            "The model takes images of any size. Choose one with --size N, or save the model with "
            "a fixed size, such as keras.Input((48, 48, 1)): predict and serve have no --size."
        )
    return height or size or 0, width or size or 0
