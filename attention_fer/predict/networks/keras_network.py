"""Networks in Keras files. Only this module needs Keras, and a backend."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from attention_fer.common.files import sha256
from attention_fer.common.model_note import read_metadata
from attention_fer.explain.command import model_file
from attention_fer.explain.command.model_input import image_input, infer_input
from attention_fer.explain.maps.class_scores import ClassScores
from attention_fer.explain.maps.gradcam import EmptyMapWarning, default_layer, grad_cam
from attention_fer.explain.maps.running import without_gradients
from attention_fer.predict.cutting import recorded_rule
from attention_fer.predict.networks.base import Network
from attention_fer.predict.networks.description import input_format, output_kind
from attention_fer.predict.networks.onnx_network import SELF_TEST


def open_keras(path: Path) -> Network:
    """Opens a .keras file, or the `model.keras` of a folder, with the JSON file next to it.

    The file is read in Keras's safe mode. Unless the JSON file has an object `input`, whether
    pixels go from 0 to 255 or from 0 to 1 is found as `attention-fer explain` finds it.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a damaged file, no names of classes, or an input that is no image.
    """
    file = model_file.find_model(path)
    note, where = read_metadata(file)
    if where is None:
        raise ValueError(
            f"{file} must have {file.stem}.json next to it, which names its classes: "
            '{"classes": ["angry", ...]}.'
        )
    model = model_file.load_model(file)
    taken = _taken(model, note, where)
    logits, temperature = output_kind(note, where)
    test = file.with_suffix(SELF_TEST)
    return Network(
        path.name if path.suffix else f"{path.resolve().name}/{file.name}",
        sha256(file),
        tuple(note["classes"]),
        taken.size,
        taken.colour,
        recorded_rule(note.get("faces")),
        _Outputs(model, taken.batch, logits),
        logits,
        temperature,
        test if test.is_file() else None,
        {"file": file.name, "keras": keras.__version__, "backend": keras.backend.backend()},
        _grad_cam(model_file.without_mirror_images(model), taken),
    )


@dataclass(frozen=True)
class _Taken:
    """What a model takes: size and colour of faces, and how a batch of them becomes its input."""

    size: tuple[int, int]
    colour: str
    batch: Callable[[np.ndarray], np.ndarray]


def _taken(model: keras.Model, note: Mapping[str, Any], where: Path) -> _Taken:
    recorded = note.get("input")
    if recorded is not None and not isinstance(recorded, str):
        shape, dtype = image_input(model)
        # Keras converts numbers to the float type of its layers, which NumPy may not know.
        said = input_format(note, shape, dtype if "int" in dtype else "float32", where)
        return _Taken(said.size, "grey" if said.colour == "grey" else "rgb", said.batch)
    found = infer_input(model, recorded=recorded)
    if found.channels == 1:
        return _Taken(found.size, "grey", lambda faces: found.batch(faces[..., None]))
    return _Taken(found.size, "rgb", found.batch)


class _Outputs:
    """Runs a model on faces."""

    def __init__(self, model: keras.Model, batch: Callable[[np.ndarray], np.ndarray], logits: bool):
        self._scores, self._batch = ClassScores(model, logits=logits), batch

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        with without_gradients():
            found = self._scores.probabilities(self._batch(faces))
        return keras.ops.convert_to_numpy(found)


def _grad_cam(model: keras.Model, taken: _Taken) -> Callable[[np.ndarray, int], np.ndarray] | None:
    """See `Network.grad_cam`."""
    blank = np.zeros((1, *taken.size, *((3,) if taken.colour == "rgb" else ())), np.uint8)
    try:
        layer = default_layer(model, taken.batch(blank))
    except ValueError:  # such as a vision transformer
        return None

    def found(face: np.ndarray, index: int) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EmptyMapWarning)
            return grad_cam(model, taken.batch(face[None]), [index], layer)[0]

    return found
