"""The JSON file next to a network: what the network takes and returns.

`net.onnx` is described by `net.json`:

    {
      "classes": ["angry", "happy", "neutral"],
      "input": {"range": [0, 1], "colour": "rgb", "mean": [0.485, 0.456, 0.406],
                "std": [0.229, 0.224, 0.225], "size": [112, 112]},
      "output": {"kind": "logits", "temperature": 1.2},
      "faces": {"margin": 0.1, "square": true, "align": false}
    }

Only `classes` is needed, and `input.range` unless the network takes whole numbers. A Keras network
may also do without `input`: how it takes pixels is then found as `attention-fer explain` finds it.
Unknown keys of `input`, `output` and `class_maps` are refused. Pixels are brought from 0..255 to
`range`, then `mean` is subtracted and the result divided by `std`, if given; a network of whole
numbers takes them as they are. `colour` is "grey", "rgb" or "bgr"; without it, one channel is grey
and three are RGB. `size` is height and width where the file leaves them open. `kind` is
"probabilities", the default, or "logits". `faces` says how faces were cropped from photographs,
with the keys of a prepared dataset's manifest. `class_maps`, such as `{"name": "maps", "box": [2,
2, 44, 44]}`, names a second output of an ONNX network, (n, rows, columns, classes), from which
Grad-CAM is drawn, see `networks.class_maps`; `box` is the part of the input that it covers, by
default all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from attention_fer.common.checks import one_of
from attention_fer.common.rules import is_number

_KEYS = {
    "input": ("range", "colour", "mean", "std", "size"),
    "output": ("kind", "temperature"),
    "class_maps": ("name", "box"),
}
_RECORDED = ("name", "shape", "axes", "dtype")
"""What networks of the package say besides."""

KINDS = ("probabilities", "logits")
COLOURS = ("grey", "rgb", "bgr")


@dataclass(frozen=True, eq=False)
class InputFormat:
    """How uint8 faces become the input of a network.

    Attributes:
        shape: shape of a face as the network takes it, without the batch.
        channels_first: whether the channel is its first axis.
        dtype: dtype of the input.
        colour: "grey", "rgb" or "bgr".
        low, high: what 0 and 255 become.
        mean, std: numbers, or one for each channel, applied after that; None for nothing.
    """

    shape: tuple[int, int, int]
    channels_first: bool
    dtype: str
    colour: str
    low: float
    high: float
    mean: np.ndarray | None = None
    std: np.ndarray | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.shape[1:] if self.channels_first else self.shape[:2]

    def batch(self, faces: np.ndarray) -> np.ndarray:
        """Converts faces, (n, height, width) grey or (n, height, width, 3) RGB."""
        pixels = faces[..., None] if faces.ndim == 3 else faces
        if self.colour == "bgr":
            pixels = pixels[..., ::-1]
        if (self.low, self.high) != (0, 255) or self.mean is not None or self.std is not None:
            pixels = self.low + pixels.astype(np.float32) * np.float32((self.high - self.low) / 255)
            pixels = pixels if self.mean is None else pixels - self.mean
            pixels = pixels if self.std is None else pixels / self.std
        if self.channels_first:
            pixels = np.moveaxis(pixels, -1, 1)
        return np.ascontiguousarray(pixels, self.dtype)


def input_format(
    note: Mapping[str, Any], shape: tuple[Any, ...], dtype: str, where: Path
) -> InputFormat:
    """Returns how faces become the input, from the network and the JSON file next to it.

    Args:
        note: content of that file.
        shape: shape of the network's input, with the batch; entries that are not numbers are open.
        dtype: NumPy's name of the input's dtype.
        where: the JSON file, for messages.

    Raises:
        ValueError: they do not fit together, or something is missing.
    """
    # Stored cells say it in words, which hold for Keras.
    given = {} if isinstance(note.get("input"), str) else entry(note, "input", where)
    first = len(shape) == 4 and shape[3] not in (1, 3) and shape[1] in (1, 3)
    if len(shape) != 4 or not (first or shape[3] in (1, 3)):
        raise ValueError(
            "The network must take one batch of grey or RGB images, (n, height, width, channels) "
            f"or (n, channels, height, width), got {shape}."
        )
    channels = shape[1] if first else shape[3]
    height, width = _size(shape[2:] if first else shape[1:3], given.get("size"), where)
    colour = one_of(
        "input.colour", given.get("colour", "grey" if channels == 1 else "rgb"), COLOURS
    )
    if (colour == "grey") != (channels == 1):
        raise ValueError(f"colour in {where} must fit {channels} channels, got {colour!r}.")
    low, high = _range(given.get("range"), dtype, where)
    mean, std = (_per_channel(name, given.get(name), channels, where) for name in ("mean", "std"))
    if "int" in dtype and ((low, high) != (0, 255) or mean is not None or std is not None):
        raise ValueError(
            f"input in {where} must have the range [0, 255] and neither mean nor std, because the "
            f"network takes whole numbers ({dtype}), got {dict(given)!r}."
        )
    size = (channels, height, width) if first else (height, width, channels)
    return InputFormat(size, first, dtype, colour, low, high, mean, std)


def entry(note: Mapping[str, Any], name: str, where: Path | None) -> Mapping[str, Any]:
    """Returns an entry such as "input"; a key that nobody reads is refused, as it may be misspelt.

    Args:
        note: content of the JSON file.
        name: "input", "output" or "class_maps".
        where: the JSON file, for messages.

    Returns:
        Its keys and values, none if there is no such entry.

    Raises:
        ValueError: it is no object, or has an unknown key.
    """
    given = note.get(name)
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ValueError(
            f"{name} in {where} must be an object with some of {', '.join(_KEYS[name])}, got "
            f"{given!r}."
        )
    for key in given:
        one_of(f"key of {name} in {where}", key, dict.fromkeys((*_KEYS[name], *_RECORDED)))
    return given


def output_kind(note: Mapping[str, Any], where: Path | None) -> tuple[bool, float]:
    """Returns whether the outputs are logits, and their temperature.

    Raises:
        ValueError: an unknown kind, or a temperature that is not above 0.
    """
    given = entry(note, "output", where)
    logits = one_of("output.kind", given.get("kind", KINDS[0]), KINDS) == "logits"
    temperature = given.get("temperature", 1.0)
    if not (is_number(temperature) and temperature > 0):
        raise ValueError(f"temperature in {where} must be a number above 0, got {temperature!r}.")
    if temperature != 1 and not logits:
        raise ValueError(f"temperature in {where} must go with logits, got probabilities.")
    return logits, float(temperature)


def _size(sides: tuple[Any, ...], given: Any, where: Path) -> tuple[int, int]:
    fixed = [side if isinstance(side, int) else None for side in sides]
    wanted: Any = given if given is not None else fixed
    whole = isinstance(wanted, list) and len(wanted) == 2
    if not whole or not all(type(side) is int and side > 0 for side in wanted):
        raise ValueError(
            f"size in {where} must be the height and width in pixels, because the network accepts "
            "any size: "
            f'"input": {{"size": [48, 48]}}; got {given!r}.'
        )
    if any(side not in (None, own) for side, own in zip(fixed, wanted, strict=True)):
        raise ValueError(f"size in {where} must fit the network's {fixed}, got {given!r}.")
    return wanted[0], wanted[1]


def _range(given: Any, dtype: str, where: Path) -> tuple[float, float]:
    if given is None and "int" in dtype:
        return 0.0, 255.0
    pair = isinstance(given, list) and len(given) == 2 and all(map(is_number, given))
    if not pair or given[0] >= given[1]:
        raise ValueError(
            f"range in {where} must say what the pixels 0 and 255 become, such as "
            f'"input": {{"range": [0, 1]}} or [0, 255], got {given!r}.'
        )
    return float(given[0]), float(given[1])


def _per_channel(name: str, given: Any, channels: int, where: Path) -> np.ndarray | None:
    if given is None:
        return None
    numbers = given if isinstance(given, list) else [given]
    if not all(map(is_number, numbers)) or len(numbers) not in (1, channels):
        raise ValueError(
            f"{name} in {where} must be a number or {channels} numbers, got {given!r}."
        )
    if name == "std" and not all(number > 0 for number in numbers):
        raise ValueError(f"std in {where} must be above 0, got {given!r}.")
    return np.array(numbers, np.float32)
