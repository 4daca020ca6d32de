"""Trains one cell and measures it once on the test part."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.metrics import f1_score, log_loss, recall_score

from benchmarks.callbacks import Batches, Curves, KeepBest, Notify, Report, Validate, predict
from benchmarks.cells import Cell
from benchmarks.data import Part, digest, parts
from benchmarks.networks import network, set_norm_momentum, trainable
from benchmarks.store import write_predictions
from preprocessing.dataset import Dataset

TENSORBOARD = "tensorboard"


def train(cell: Cell, dataset: Dataset, folder: Path, notify: Notify) -> dict[str, Any]:
    """Trains `cell` on `dataset`; writes predictions and curves into `folder`.

    Returns:
        The parts of the cell's record that training yields: metrics, history, timing.

    Raises:
        FloatingPointError: a loss or an output that is not finite.
        ValueError: the dataset is not the one of the cell.
    """
    if dataset.fingerprint != cell.fingerprint:
        raise ValueError(
            f"The dataset at {dataset.path} has changed since this table was planned: its "
            f"fingerprint is {dataset.fingerprint[:12]}, the cell's {cell.fingerprint[:12]}."
        )
    if cell.split and (found := digest(dataset, cell.protocol)) != cell.split:
        raise ValueError(
            f"The split {cell.protocol} of {dataset.path} has changed since this table was "
            f"planned: its rows hash to {found}, the cell's to {cell.split}."
        )
    clock = _Clock()
    notify("stage", stage="load")
    data = parts(dataset, cell.protocol, cell.settings)
    clock.lap("load")
    notify("stage", stage="build")
    keras.utils.set_random_seed(cell.seed)
    keras.config.set_dtype_policy(cell.settings.precision)
    inner = network(cell, dataset.images.shape[1:], len(dataset.classes))
    set_norm_momentum(inner, cell.settings.norm_momentum)
    model = trainable(inner, cell.settings, cell.seed)
    clock.lap("build")
    notify("stage", stage="train")
    best, curves = _fit(model, cell, data, folder, notify)
    clock.lap("train")
    notify("stage", stage="test")
    probabilities = predict(model, data["test"].images, _batch(cell))
    clock.lap("test")
    write_predictions(folder, probabilities, data["test"].labels, data["test"].sample)
    metrics = {
        "parameters": inner.count_params(),
        "best_epoch": best.epoch,
        "epochs": len(curves.history),
        "validation_accuracy": best.best,
        "n_train": len(data["train"]),
        "n_validation": len(data["validation"]),
        **score(probabilities, data["test"].labels),
    }
    return {"metrics": metrics, "history": curves.history, "timing": clock.laps}


def score(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, Any]:
    """Accuracy, macro F1, recall of each class (None where it has no image) and log loss."""
    predicted = probabilities.argmax(axis=1)
    classes = list(range(probabilities.shape[1]))
    recall = recall_score(labels, predicted, labels=classes, average=None, zero_division=0)
    present = [bool((labels == label).any()) for label in classes]
    return {
        "n_test": len(labels),
        "accuracy": float((predicted == labels).mean()),
        "macro_f1": float(
            f1_score(labels, predicted, labels=classes, average="macro", zero_division=0)
        ),
        "recall": [
            float(value) if there else None for value, there in zip(recall, present, strict=True)
        ],
        "loss": float(log_loss(labels, probabilities, labels=classes)),
    }


def _batch(cell: Cell) -> int:
    return int(cell.settings.batch_size or 64)


def _fit(
    model: keras.Model, cell: Cell, data: dict[str, Part], folder: Path, notify: Notify
) -> tuple[KeepBest, Curves]:
    """Trains to the end or to the patience's; the model then has its best epoch's weights."""
    settings = cell.settings
    batches = Batches(data["train"], _batch(cell), cell.seed)
    best, curves = KeepBest(), Curves(folder / TENSORBOARD)
    callbacks = [
        batches.starter(),
        Validate(data["validation"], _batch(cell)),
        best,
        curves,
        Report(notify, settings.epochs, len(batches)),
        keras.callbacks.EarlyStopping("val_loss", patience=settings.patience),
    ]
    try:
        model.fit(batches, epochs=settings.epochs, shuffle=False, verbose=0, callbacks=callbacks)
    finally:
        curves.close()
    best.restore()
    return best, curves


class _Clock:
    """Seconds of each part of the work."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.laps[name] = round(now - self._since, 3)
        self._since = now
