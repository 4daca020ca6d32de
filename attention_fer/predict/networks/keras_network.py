"""Networks in Keras files. Only this module needs Keras, and a backend."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from attention_fer.common.files import sha256
from attention_fer.common.model_note import read_metadata
from attention_fer.explain.command import model_file
from attention_fer.explain.command.model_input import ModelInput, infer_input
from attention_fer.explain.maps.class_scores import ClassScores
from attention_fer.explain.maps.gradcam import EmptyMapWarning, default_layer, grad_cam
from attention_fer.predict.cutting import recorded_rule
from attention_fer.predict.networks.base import Network
from attention_fer.predict.networks.description import output_kind
from attention_fer.predict.networks.onnx_network import SELF_TEST


def open_keras(path: Path) -> Network:
    """Opens a .keras file, or the `model.keras` of a folder, with the JSON file next to it.

    The file is read in Keras's safe mode. Whether pixels go from 0 to 255 or from 0 to 1 is found
    as `attention-fer explain` finds it.

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
    recorded = note.get("input")
    taken = infer_input(model, recorded=recorded if isinstance(recorded, str) else None)
    logits, temperature = output_kind(note, where)
    test = file.with_suffix(SELF_TEST)
    return Network(
        path.name if path.suffix else f"{path.resolve().name}/{file.name}",
        sha256(file),
        tuple(note["classes"]),
        taken.size,
        "grey" if taken.channels == 1 else "rgb",
        recorded_rule(note.get("faces")),
        _Outputs(model, taken),
        logits,
        temperature,
        test if test.is_file() else None,
        {"file": file.name, "keras": keras.__version__, "backend": keras.backend.backend()},
        _grad_cam(model_file.without_mirror_images(model), taken),
    )


class _Outputs:
    """Runs a model on faces."""

    def __init__(self, model: keras.Model, taken: ModelInput):
        self._scores, self._taken = ClassScores(model), taken

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        found = self._scores.probabilities(_batch(faces, self._taken))
        return keras.ops.convert_to_numpy(found)


def _grad_cam(
    model: keras.Model, taken: ModelInput
) -> Callable[[np.ndarray, int], np.ndarray] | None:
    """See `Network.grad_cam`."""
    blank = np.zeros((1, *taken.size, *((3,) if taken.channels == 3 else ())), np.uint8)
    try:
        layer = default_layer(model, _batch(blank, taken))
    except ValueError:  # such as a vision transformer
        return None

    def found(face: np.ndarray, index: int) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EmptyMapWarning)
            return grad_cam(model, _batch(face[None], taken), [index], layer)[0]

    return found


def _batch(faces: np.ndarray, taken: ModelInput) -> np.ndarray:
    return taken.batch(faces[..., None] if taken.channels == 1 else faces)
