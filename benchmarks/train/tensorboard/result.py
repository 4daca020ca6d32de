"""Logs the test result of a cell for TensorBoard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.train.tensorboard import pictures
from benchmarks.train.tensorboard.session import flat
from benchmarks.train.tensorboard.writer import EventWriter

# The metrics that the HParams tab compares.
METRICS = ("accuracy", "macro_f1", "loss", "parameters")


def write_result(
    writer: EventWriter,
    *,
    classes: Sequence[str],
    images: np.ndarray,
    labels: np.ndarray,
    probabilities: np.ndarray,
    spec: Mapping[str, Any],
    metrics: Mapping[str, Any],
    step: int,
) -> None:
    """Writes metrics, confusion matrix, most confident errors and a description of the cell.

    Args:
        writer: of the cell's result, see `Session`.
        classes: names, by number.
        images: uint8 of shape (n, height, width, channels), the test part.
        labels: (n,), true classes.
        probabilities: (n, classes).
        spec: of the cell.
        metrics: of the cell, with those in `METRICS`.
        step: the epoch whose weights were tested.
    """
    for name in METRICS:
        writer.scalar(f"test/{name}", float(metrics[name]), step)
    predicted = probabilities.argmax(axis=1)
    writer.image("test/confusion", pictures.confusion(labels, predicted, classes), step)
    writer.image("test/mistakes", pictures.errors(images, labels, probabilities, classes), step)
    writer.text("cell", _description(spec, classes), step)
    writer.flush()


def _description(spec: Mapping[str, Any], classes: Sequence[str]) -> str:
    """A Markdown table of the settings, and the classes by number."""
    # File names that are not UTF-8 contain lone surrogates, which event files cannot hold.
    named = [name.encode("utf-8", "replace").decode() for name in classes]
    rows = [*flat(spec).items(), *((f"class {n}", name) for n, name in enumerate(named))]
    return "\n".join(["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows)])
