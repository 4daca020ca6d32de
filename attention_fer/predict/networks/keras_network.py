"""Networks in Keras files. Only this module needs Keras, and a backend."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from attention_fer.common.files import sha256
from attention_fer.common.model_note import read_metadata
from attention_fer.explain.command import model_file
from attention_fer.explain.command.model_input import ModelInput, infer_input
from attention_fer.explain.maps.class_scores import ClassScores
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
    )


class _Outputs:
    """Runs a model on faces."""

    def __init__(self, model: keras.Model, taken: ModelInput):
        self._scores, self._taken = ClassScores(model), taken

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        pixels = faces[..., None] if self._taken.channels == 1 else faces
        found = self._scores.probabilities(self._taken.batch(pixels))
        return keras.ops.convert_to_numpy(found)
