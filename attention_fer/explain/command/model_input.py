"""What a model takes: the size, the channels and the scale of its pixels, and why we think so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from attention_fer.explain.maps.layer_tree import layers_by_path

PIXELS = ("0-255", "0-1")


@dataclass(frozen=True)
class Input:
    """How pictures are turned into a model's input.

    Attributes:
        size: height and width.
        channels: 1 for grey, 3 for RGB.
        data_format: "channels_last" or "channels_first".
        pixels: "0-255" or "0-1".
        why: what the choice of `pixels` rests on.
    """

    size: tuple[int, int]
    channels: int
    data_format: str
    pixels: str
    why: str

    def batch(self, images: np.ndarray) -> np.ndarray:
        """uint8 images, channels last, as the model takes them."""
        if self.data_format == "channels_first":
            images = np.moveaxis(images, -1, 1)
        return images if self.pixels == "0-255" else images.astype("float32") / 255

    def __str__(self) -> str:
        height, width = self.size
        colour = "grey" if self.channels == 1 else "RGB"
        return (
            f"each picture whole, without looking for a face, resized to {width} x {height} "
            f"(bilinear), {colour}, pixels {self.pixels} ({self.why})"
        )


def input_of(
    model: keras.Model,
    *,
    size: int | None = None,
    pixels: str | None = None,
    recorded: str | None = None,
) -> Input:
    """What a model takes.

    Pixels go from 0 to 255 where the model's input is an integer or a layer before its first
    convolution or dense layer rescales them, otherwise from 0 to 1.

    Args:
        model: with one input.
        size: height and width, where the model takes any.
        pixels: "0-255" or "0-1", for what the rule would get wrong.
        recorded: what was noted down beside the model, such as "uint8 pixels".

    Raises:
        ValueError: several inputs, an input that is no grey or RGB picture, or a size that is
            missing or that the model does not take.
    """
    inputs = getattr(model, "inputs", None)
    if not inputs or len(inputs) != 1 or len(inputs[0].shape) != 4:
        shapes = [tuple(one.shape) for one in inputs or []]
        raise ValueError(f"Expected a model with one input of pictures, given: inputs {shapes}.")
    shape = tuple(inputs[0].shape)
    data_format = _data_format(model)
    channels = shape[1] if data_format == "channels_first" else shape[3]
    if channels not in (1, 3):
        raise ValueError(
            f"Expected a model of grey or RGB pictures (1 or 3 channels), given: input {shape}."
        )
    sides = shape[2:] if data_format == "channels_first" else shape[1:3]
    chosen, why = (pixels, "as given") if pixels else _pixels(model, recorded)
    return Input(_size(sides, size), channels, data_format, chosen, why)


def _data_format(model: keras.Model) -> str:
    own = (getattr(layer, "data_format", None) for layer in layers_by_path(model).values())
    return next(filter(None, own), keras.config.image_data_format())


def _size(sides: tuple[int | None, ...], size: int | None) -> tuple[int, int]:
    height, width = sides
    if size is not None and any(side not in (None, size) for side in sides):
        raise ValueError(f"The model takes pictures of {width} x {height}, given: --size {size}.")
    if size is None and (height is None or width is None):
        raise ValueError("The model takes pictures of any size: say which with --size N.")
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
        if _takes_255(layer):
            return "0-255", f"its layer {path!r} rescales them"
    return "0-1", "its input is float and no first layer rescales"


def _takes_255(layer: keras.layers.Layer) -> bool:
    """Whether a layer makes small numbers of pixels: by a small factor, or by a large mean."""
    if isinstance(layer, keras.layers.Rescaling):
        return bool(np.max(np.abs(_numbers(layer.scale))) < 1 / 16)
    if isinstance(layer, keras.layers.Normalization):
        return bool(np.max(np.abs(_numbers(layer.mean))) > 1)
    return False


def _numbers(values: Any) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(values), "float64")
