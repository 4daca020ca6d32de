"""Trains one cell and measures it once on the test part."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import keras

from benchmarks import devices
from benchmarks.callbacks import (
    Batches,
    FirstStep,
    History,
    KeepBest,
    Notify,
    Report,
    Validate,
    predict,
)
from benchmarks.cells import Cell
from benchmarks.cost import multiply_adds
from benchmarks.data import Part, copies, digest, part, split
from benchmarks.devices import Execution
from benchmarks.networks import network, set_norm_momentum
from benchmarks.predictions import write_predictions
from benchmarks.statistics.scores import score
from benchmarks.tensorboard.epochs import EpochLog
from benchmarks.tensorboard.gates import Gates
from benchmarks.tensorboard.result import write_result
from benchmarks.tensorboard.session import Session, session
from benchmarks.trainable import trainable
from preprocessing.dataset import Dataset
from preprocessing.splits import Split

TENSORBOARD = "tensorboard"


def train(
    cell: Cell,
    dataset: Dataset,
    folder: Path,
    notify: Notify,
    execution: Execution | None = None,
) -> dict[str, Any]:
    """Trains `cell` on `dataset`; writes predictions and curves into `folder`.

    The images of the test part are read after the epoch was chosen, and once.

    Returns:
        The parts of the cell's record that training yields: metrics, history, timing in seconds.

    Raises:
        FloatingPointError: a loss or an output that is not finite.
        ValueError: the dataset is not the one of the cell, or the devices do not fit it.
    """
    execution, rows = execution or Execution(), _rows(cell, dataset)
    with session(folder / TENSORBOARD, cell.spec) as board:
        return _train(cell, dataset, rows, folder, notify, execution, board)


def _train(
    cell: Cell,
    dataset: Dataset,
    rows: Split,
    folder: Path,
    notify: Notify,
    execution: Execution,
    board: Session,
) -> dict[str, Any]:
    clock = Clock()
    notify("stage", stage="load")
    training, validation = (part(dataset, rows, x, cell.settings) for x in ("train", "validation"))
    clock.lap("load")
    with devices.scope(cell.replicas, min(_batch(cell), len(training))):
        notify("stage", stage="build")
        inner, model = _build(cell, dataset, execution)
        clock.lap("build")
        notify("stage", stage="train")
        log = EpochLog(board.curves, Gates(inner, validation.images))
        best, history = _fit(model, cell, training, validation, log, notify, clock)
        clock.lap("train")
        notify("stage", stage="test")
        test = part(dataset, rows, "test", cell.settings)
        probabilities = predict(model, test.images, _batch(cell))
    clock.lap("test")
    duplicate = copies(test, training, validation)
    write_predictions(
        folder,
        probabilities,
        test.labels,
        test.sample,
        subject=dataset.subjects[test.sample],
        duplicate=duplicate,
    )
    metrics = {
        "parameters": inner.count_params(),
        "multiply_adds": _multiply_adds(inner),
        "best_epoch": best.epoch,
        "epochs": len(history.epochs),
        "validation_accuracy": best.best,
        "n_train": len(training),
        "n_validation": len(validation),
        **score(probabilities, test.labels, duplicate).as_dict(),
    }
    write_result(
        board.result,
        classes=dataset.classes,
        images=test.images,
        labels=test.labels,
        probabilities=probabilities,
        spec=cell.spec,
        metrics=metrics,
        step=best.epoch,
    )
    clock.lap("store")
    return {
        "metrics": metrics,
        "history": history.epochs,
        "gates": log.gates_seen,
        "timing": clock.laps,
    }


def _rows(cell: Cell, dataset: Dataset) -> Split:
    if dataset.fingerprint != cell.fingerprint:
        raise ValueError(
            f"The dataset at {dataset.path} has changed since this table was planned: its "
            f"fingerprint is {dataset.fingerprint[:12]}, the cell's {cell.fingerprint[:12]}."
        )
    if cell.split and (found := digest(dataset, cell.protocol, cell.fold)) != cell.split:
        raise ValueError(
            f"The split {cell.protocol} of {dataset.path} has changed since this table was "
            f"planned: its rows hash to {found}, the cell's to {cell.split}."
        )
    return split(dataset, cell.protocol, cell.fold)


def _multiply_adds(network: keras.Model) -> int | None:
    with contextlib.suppress(TypeError):  # A user's own layer, whose products nobody knows.
        return multiply_adds(network)
    return None


def _batch(cell: Cell) -> int:
    return int(cell.settings.batch_size or 64)


def _build(cell: Cell, dataset: Dataset, execution: Execution) -> tuple[keras.Model, keras.Model]:
    """The cell's network, and the model that trains it."""
    keras.utils.set_random_seed(cell.seed)
    keras.config.set_dtype_policy(cell.settings.precision)
    inner = network(cell, dataset.images.shape[1:], len(dataset.classes))
    set_norm_momentum(inner, cell.settings.norm_momentum)
    devices.synchronise(inner, cell.replicas)
    return inner, trainable(inner, cell.settings, cell.seed, execution)


def _fit(
    model: keras.Model,
    cell: Cell,
    training: Part,
    validation: Part,
    log: EpochLog,
    notify: Notify,
    clock: Clock,
) -> tuple[KeepBest, History]:
    """Trains to the end or to the patience's; the model then has its best epoch's weights."""
    settings = cell.settings
    batches = Batches(training, _batch(cell), cell.seed)
    best, history = KeepBest(), History()
    callbacks = [
        batches.starter(),
        FirstStep(lambda: clock.lap("trace")),
        Validate(validation, _batch(cell)),
        best,
        history,
        log,
        Report(notify, settings.epochs, len(batches)),
        keras.callbacks.EarlyStopping("val_loss", patience=settings.patience),
    ]
    model.fit(batches, epochs=settings.epochs, shuffle=False, verbose=0, callbacks=callbacks)
    best.restore()
    return best, history


class Clock:
    """Seconds of each part of the work, in `laps`."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, name: str) -> None:
        """Ends a part."""
        now = time.monotonic()
        self.laps[name] = round(now - self._since, 3)
        self._since = now
