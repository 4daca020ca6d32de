"""Measures a network for release; returns plain data for its manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from statsmodels.stats.proportion import proportion_confint

from attention_fer.common.progress import Track, untracked
from benchmarks.release.distortions import Distortion
from benchmarks.release.onnx_files import OnnxNetwork
from benchmarks.statistics.scores import score
from benchmarks.statistics.temperature import brier_score
from benchmarks.train.data import DataPart

Predict = Callable[[np.ndarray], np.ndarray]
BATCHES = {1: 200, 64: 15}  # images at once, and how often the time is taken


def accuracy(right: np.ndarray) -> dict[str, Any]:
    """Return accuracy with its 95 % Wilson interval over test images, from (n,) hits.

    Both are None without images.
    """
    n = len(right)
    if not n:
        return {"n": 0, "accuracy": None, "interval": None}
    low, high = proportion_confint(int(right.sum()), n, alpha=0.05, method="wilson")
    return {"n": n, "accuracy": float(right.mean()), "interval": [float(low), float(high)]}


def quality(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return how good probabilities are, beyond the predictions: likelihood, Brier, calibration."""
    found = score(probabilities, labels)
    return {
        "loss": found.loss,
        "brier": brier_score(probabilities, labels),
        "calibration_error": found.calibration,
    }


def on_validation(raw: np.ndarray, calibrated: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Return the scores on the images that chose the epoch and the temperature.

    Args:
        raw: (n, classes) probabilities before the temperature.
        calibrated: the same after it.
        labels: (n,) true classes.
    """
    return {
        **accuracy(calibrated.argmax(1) == labels),
        **quality(calibrated, labels),
        "before_temperature": quality(raw, labels),
    }


def on_test(
    raw: np.ndarray,
    calibrated: np.ndarray,
    labels: np.ndarray,
    copied: np.ndarray,
    classes: Sequence[str],
) -> dict[str, Any]:
    """Return all scores on the test images.

    Args:
        raw, calibrated, labels: as in `on_validation`.
        copied: bool (n,), whether an image has a copy among the training or validation images.
        classes: names of the classes.
    """
    found = score(calibrated, labels)
    right = calibrated.argmax(1) == labels
    return {
        **on_validation(raw, calibrated, labels),
        "without_copies": accuracy(right[~copied]),
        "balanced_accuracy": found.balanced_accuracy,
        "macro_f1": found.macro_f1,
        "recall": dict(zip(classes, found.recall, strict=True)),
        "confusion": [list(row) for row in found.confusion],
    }


def robustness(
    predict: Predict,
    test: DataPart,
    distortions: Iterable[Distortion],
    track: Track = untracked,
) -> list[dict[str, Any]]:
    """Return the accuracy on distorted test images, an entry for each distortion.

    Args:
        predict: pixels to probabilities.
        test: the images.
        distortions: what is done to them.
        track: shows progress.
    """
    found, listed = [], list(distortions)
    for distortion in track(listed, "measuring robustness", len(listed), 0):
        right = predict(distortion(test.images)).argmax(1) == test.labels
        entry = {"change": distortion.name, "strength": distortion.strength}
        found.append({**entry, "accuracy": float(right.mean())})
    return found


def speed(
    files: Mapping[str, Path], images: np.ndarray, track: Track = untracked
) -> list[dict[str, Any]]:
    """Return images per second of ONNX files on this processor, with one thread."""
    found = []
    networks = {form: OnnxNetwork(path, threads=1) for form, path in files.items()}
    pairs = list(product(networks, BATCHES))
    for form, size in track(pairs, "measuring speed", len(pairs), 0):
        batch = np.resize(images, (size, *images.shape[1:]))
        seconds = networks[form].seconds(batch, BATCHES[size])
        found.append({"form": form, "batch": size, "images_per_second": size / seconds})
    return found
