"""Networks in ONNX files, run by ONNX Runtime without Keras."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from attention_fer.common.checks import positive_int
from attention_fer.common.files import sha256
from attention_fer.common.model_note import read_metadata
from attention_fer.common.onnx_runtime import library, open_session, runner
from attention_fer.predict.cutting import CutRule, recorded_rule
from attention_fer.predict.networks.base import Network
from attention_fer.predict.networks.class_maps import ClassMaps
from attention_fer.predict.networks.description import InputFormat, input_format, output_kind
from attention_fer.pretrained import ShippedNetwork

SELF_TEST = ".selftest.npz"
_DTYPES = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(uint8)": "uint8"}


def open_shipped(found: ShippedNetwork, threads: int | None = None) -> Network:
    """Opens a network of the package."""
    name = f"{found.manifest['name']}/{found.manifest['weights']}"
    path = found.file("onnx")
    return _network(name, path, found.manifest, found.self_test, CutRule(), threads)


def open_onnx(path: Path, threads: int | None = None) -> Network:
    """Opens an ONNX file described by a JSON file next to it, see `description`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: no JSON file with classes, or one that does not fit the network.
        ImportError: ONNX Runtime is not installed.
    """
    if not path.is_file():
        raise FileNotFoundError(f"No model at {str(path)!r}. Give an .onnx file.")
    note, where = read_metadata(path)
    if where is None:
        raise ValueError(
            f"{path} must have {path.stem}.json next to it, which names its classes and the range "
            'of its pixels: {"classes": ["angry", ...], "input": {"range": [0, 255]}}.'
        )
    beside = path.with_suffix(SELF_TEST)
    test = beside if beside.is_file() else None
    return _network(path.name, path, note, test, recorded_rule(note.get("faces")), threads, where)


def _network(
    name: str,
    path: Path,
    note: Mapping[str, Any],
    self_test: Path | None,
    rule: CutRule,
    threads: int | None,
    where: Path | None = None,
) -> Network:
    if threads is not None:
        positive_int("threads", threads)
    session = open_session(path, threads, "Predicting")
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in _DTYPES:
        listed = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
        raise ValueError(f"{path} must take one batch of images, got the inputs {listed}.")
    shape = tuple(inputs[0].shape)
    if isinstance(shape[0], int) and shape[0] != 1:
        raise ValueError(
            f"{path} must take any number of images, or one, got batches of {shape[0]}. Export it "
            "with an open first axis."
        )
    taken = input_format(note, shape, _DTYPES[inputs[0].type], where or path)
    logits, temperature = output_kind(note, where)
    classes = tuple(note["classes"])
    with_maps = note.get("class_maps") is not None
    grad_cam = ClassMaps(session, taken, len(classes), note, where or path) if with_maps else None
    return Network(
        name,
        sha256(path),
        classes,
        taken.size,
        "grey" if taken.colour == "grey" else "rgb",
        rule,
        _Outputs(session, taken, one_by_one=shape[0] == 1),
        logits,
        temperature,
        self_test,
        {"file": path.name, "library": library(session)},
        grad_cam,
    )


class _Outputs:
    """Runs a session on faces."""

    def __init__(self, session: Any, taken: InputFormat, one_by_one: bool):
        self._run, self._taken, self._one_by_one = runner(session), taken, one_by_one

    def __call__(self, faces: np.ndarray) -> np.ndarray:
        batch = self._taken.batch(faces)
        groups = np.split(batch, len(batch)) if self._one_by_one else [batch]
        return np.concatenate([self._run(group) for group in groups])
