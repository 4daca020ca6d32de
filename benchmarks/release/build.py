"""Makes the files of a network from a stored cell, and describes the network."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from attention_fer import pretrained
from attention_fer.common.files import sha256, write_json, write_text
from attention_fer.common.progress import Track, untracked
from attention_fer.models import fer_small, load_into
from benchmarks.plan.copies import training_copies
from benchmarks.plan.datasets import split
from benchmarks.release import card, evaluation, onnx_files, origin, self_test
from benchmarks.release.distortions import all_distortions
from benchmarks.release.onnx_files import OnnxNetwork
from benchmarks.results.provenance import provenance
from benchmarks.results.saved_model import CARD, MODEL
from benchmarks.results.store import Result
from benchmarks.statistics import temperature as temperatures
from benchmarks.train.callbacks import predict
from benchmarks.train.data import DataPart, load_part
from preprocessing.dataset.folder import Dataset

DATASET, PROTOCOL = "fer2013", "official"
MOST_PARAMETERS, MOST_BYTES = 1_000_000, 5_000_000
MOST_CALIBRATION_ERROR = 0.03
MOST_LOSS = 0.003  # of accuracy on the validation images, for a smaller file
# Largest difference of a probability: between two orders of the same float32 operations.
ROUNDING = 1e-4
SMALL_FORMS: dict[str, Callable[[Path, Path, np.ndarray], None]] = {
    "onnx-int8": onnx_files.quantise,
    "onnx-float16": lambda source, target, _: onnx_files.halve(source, target),
}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outputs:
    """Probabilities (n, classes) of validation and test images.

    Attributes:
        raw: without the temperature.
        calibrated: the calibrated Keras network.
    """

    raw: tuple[np.ndarray, np.ndarray]
    calibrated: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Parts:
    """The images of the official split.

    Attributes:
        training: whole, whatever the cell left out.
        validation, test: the other parts.
        copied: bool (n,), which test images have a copy in the other two.
    """

    training: DataPart
    validation: DataPart
    test: DataPart
    copied: np.ndarray


def release(
    result: Result,
    dataset: Dataset,
    folder: Path,
    command: str | None,
    say: Say,
    track: Track = untracked,
) -> None:
    """Write all files of a network into an empty folder.

    Args:
        result: result of the cell, with its network.
        dataset: that it was trained on.
        folder: where to write.
        command: that trained it; None to derive it from the stored plan.
        say: receives what has been done, a line each.
        track: shows progress of what takes long.

    Raises:
        ValueError: the cell is not a `fer-small` trained on FER2013, its network has too many
            parameters, a file is too large, or two forms of the network differ.
    """
    _check(result, dataset)
    parts = _parts(result, dataset)
    say(f"{result.cell.label}: {result.path}")
    inner, raw = _network(result, parts, say)
    found = temperatures.fitted(raw, parts.validation.labels)
    temperature = round(found, 4)
    say(f"temperature {temperature}, fitted on {len(raw):,} validation images")
    model = fer_small.recogniser(inner, temperature)
    asked = [
        (fer_small.recogniser(inner), parts.test),
        (model, parts.validation),
        (model, parts.test),
    ]
    first, *calibrated = (
        predict(network, part.images, onnx_files.BATCH)
        for network, part in track(asked, "predicting", len(asked), 0)
    )
    outputs = Outputs((raw, first), (calibrated[0], calibrated[1]))
    explained = fer_small.recogniser(inner, temperature, class_maps=True)
    manifest = _manifest(model, explained.output_shape[1], temperature)
    files = _write_files((model, explained), folder, manifest, (parts, outputs), say)
    manifest["files"] = {form: _file(path) for form, path in files.items()}
    tested = self_test.write(pretrained.ShippedNetwork(folder, manifest))
    manifest["self_test"] = _file(tested)
    manifest["made"] = _made()
    manifest["training"] = origin.training(result, command)
    manifest |= _measured(files, (parts, outputs), say, track)
    write_text(folder / f"{DATASET}.md", card.render(manifest))
    write_json(folder / f"{DATASET}.json", manifest)


def _made() -> dict[str, Any]:
    """Time, versions, hardware and load of this command, before it measures speed."""
    found = {k: v for k, v in provenance().items() if k != "revision"}
    packages = ("onnx", "onnxruntime", "tf2onnx")
    found["load_average"] = os.getloadavg()[0]
    found["versions"] |= {name: importlib.import_module(name).__version__ for name in packages}
    return found


def _check(result: Result, dataset: Dataset) -> None:
    target = result.cell.target
    if (target.dataset, target.protocol) != (DATASET, PROTOCOL):
        raise ValueError(
            f"The cell must be trained on the {PROTOCOL} split of {DATASET}, got "
            f"{target.protocol} of {target.dataset}."
        )
    if dataset.fingerprint != target.fingerprint:
        raise ValueError(
            f"{dataset.path} must be the dataset of the cell, with the fingerprint "
            f"{target.fingerprint[:12]}, got {dataset.fingerprint[:12]}."
        )
    stored = origin.read_classes(result.path / CARD)
    for what, classes in (("dataset", dataset.classes), (CARD, stored)):
        if tuple(classes) != fer_small.CLASSES:
            raise ValueError(
                f"Classes of the {what} must be {', '.join(fer_small.CLASSES)}, in this order, got "
                f"{', '.join(classes)}."
            )


def _parts(result: Result, dataset: Dataset) -> Parts:
    cell = result.cell
    rows = split(dataset, cell.target.protocol, cell.fold)
    whole = DataPart(
        np.asarray(dataset.images[rows["train"]]), dataset.labels[rows["train"]], rows["train"]
    )
    validation, test = (
        load_part(dataset, rows, name, cell.settings) for name in ("validation", "test")
    )
    known = training_copies(dataset, PROTOCOL, seen=("train", "validation"))
    return Parts(whole, validation, test, np.isin(test.sample, known.rows))


def _network(result: Result, parts: Parts, say: Say) -> tuple[keras.Model, np.ndarray]:
    """The network within, and the probabilities of the cell's predictor for validation images."""
    predictor = keras.saving.load_model(result.path / MODEL, compile=False)
    inner = fer_small.network()
    whole = fer_small.recogniser(inner)
    report = load_into(whole, predictor)
    if report.new or report.missed or report.adapted:
        raise ValueError(f"The network of the cell must be a {fer_small.NAME}: {report}")
    if inner.count_params() > MOST_PARAMETERS:
        raise ValueError(
            f"The network must have at most {MOST_PARAMETERS:,} parameters, got "
            f"{inner.count_params():,}."
        )
    raw = predict(predictor, parts.validation.images, onnx_files.BATCH)
    again = predict(whole, parts.validation.images, onnx_files.BATCH)
    _check_equal(f"{MODEL} and {fer_small.NAME}", raw, again, say)
    return inner, raw


def _check_equal(what: str, first: np.ndarray, second: np.ndarray, say: Say) -> float:
    gap = float(np.abs(first - second).max())
    say(f"{what}: largest difference of a probability {gap:.1e} on {len(first):,} images")
    if not gap <= ROUNDING:
        raise ValueError(f"{what} must differ by at most {ROUNDING:g}, got {gap:.1e}.")
    return gap


def _manifest(model: keras.Model, maps: tuple[Any, ...], temperature: float) -> dict[str, Any]:
    return {
        "schema_version": pretrained.SCHEMA_VERSION,
        "name": fer_small.NAME,
        "weights": DATASET,
        "classes": list(fer_small.CLASSES),
        "input": {
            "name": onnx_files.INPUT,
            "shape": list(model.input_shape),
            "axes": ["batch", "height", "width", "channel"],
            "dtype": "float32",
            "range": [0, 255],
            "colour": "grey",
        },
        "output": {
            "name": onnx_files.OUTPUT,
            "shape": list(model.output_shape),
            "axes": ["batch", "class"],
            "dtype": "float32",
        },
        "class_maps": {
            "name": onnx_files.MAPS,
            "shape": list(maps),
            "axes": ["batch", "row", "column", "class"],
            "dtype": "float32",
            "box": list(fer_small.BOX),
        },
        "temperature": temperature,
        "parameters": model.count_params(),
    }


def _write_files(
    models: tuple[keras.Model, keras.Model],
    folder: Path,
    manifest: dict[str, Any],
    known: tuple[Parts, Outputs],
    say: Say,
) -> dict[str, Path]:
    """The files by form: Keras, ONNX, and the first smaller ONNX file whose accuracy holds.

    The ONNX files have class maps, too.
    """
    model, explained = models
    parts, outputs = known
    paths = {form: folder / f"{DATASET}{end}" for form, end in pretrained.FORMS.items()}
    model.save(paths["keras"])
    onnx_files.export(
        explained, paths["onnx"], {k: manifest[k] for k in ("classes", "input", "class_maps")}
    )
    validation = parts.validation
    wanted = OnnxNetwork(paths["onnx"])(validation.images)
    manifest["agreement"] = {
        "keras-onnx": _check_equal("Keras and ONNX", outputs.calibrated[0], wanted, say)
    }
    full = float((wanted.argmax(1) == validation.labels).mean())
    files = {form: paths[form] for form in ("keras", "onnx")}
    sample = _sample(parts.training.images)
    for form, make in SMALL_FORMS.items():
        make(paths["onnx"], paths[form], sample)
        got = OnnxNetwork(paths[form])(validation.images)
        small = float((got.argmax(1) == validation.labels).mean())
        kept = full - small <= MOST_LOSS
        say(
            f"{form} classifies {small:.2%} of the validation images correctly, float32 "
            f"{full:.2%}: {'kept' if kept else 'dropped'}"
        )
        if kept:
            files[form] = paths[form]
            break
        paths[form].unlink()
    for path in files.values():
        if (size := path.stat().st_size) > MOST_BYTES:
            raise ValueError(f"{path.name} must have at most {MOST_BYTES:,} bytes, got {size:,}.")
    return files


def _sample(images: np.ndarray) -> np.ndarray:
    most = min(len(images), onnx_files.CALIBRATION_IMAGES)
    return images[np.random.default_rng(0).choice(len(images), most, replace=False)]


def _file(path: Path) -> dict[str, Any]:
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)}


def _measured(
    files: dict[str, Path], known: tuple[Parts, Outputs], say: Say, track: Track
) -> dict[str, Any]:
    """Everything that is measured on the validation and test images."""
    parts, outputs = known
    test, validation = parts.test, parts.validation
    raw, calibrated = outputs.raw, outputs.calibrated
    found = evaluation.on_test(raw[1], calibrated[1], test.labels, parts.copied, fer_small.CLASSES)
    onnx = {form: path for form, path in files.items() if form != "keras"}
    networks = {form: OnnxNetwork(path) for form, path in onnx.items()}
    outputs_of = {"keras": calibrated[1]} | {
        form: network(test.images)
        for form, network in track(networks.items(), "predicting with ONNX", len(networks), 0)
    }
    found["accuracy_by_form"] = {
        form: float((of.argmax(1) == test.labels).mean()) for form, of in outputs_of.items()
    }
    found["quality_by_form"] = {
        form: evaluation.quality(of, test.labels) for form, of in outputs_of.items()
    }
    _say_scores(found, say)
    return {
        "validation": evaluation.on_validation(raw[0], calibrated[0], validation.labels),
        "test": found,
        "robustness": evaluation.robustness(networks["onnx"], test, all_distortions(), track),
        "speed": evaluation.speed(onnx, test.images, track),
    }


def _say_scores(found: dict[str, Any], say: Say) -> None:
    without = found["without_copies"]
    before = found["before_temperature"]["calibration_error"]
    low, high = found["interval"]
    say(f"test accuracy {found['accuracy']:.2%} [{low:.2%}, {high:.2%}], n = {found['n']:,}")
    if without["n"]:
        say(f"without copies {without['accuracy']:.2%}, n = {without['n']:,}")
    say(f"calibration error {before:.2%} before the temperature")
    for form, quality in found["quality_by_form"].items():
        error = quality["calibration_error"]
        exceeds = (
            f", more than {MOST_CALIBRATION_ERROR:.0%}" if error > MOST_CALIBRATION_ERROR else ""
        )
        say(f"{form}: calibration error {error:.2%} after it{exceeds}")
