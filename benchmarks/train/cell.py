"""Trains one cell and measures it once on the test part."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras

from attention_fer.training import freezing, schedules
from attention_fer.training.distillation import Distillation
from benchmarks.plan.cell import Cell
from benchmarks.plan.settings import Settings
from benchmarks.results.predictions import write_predictions
from benchmarks.results.saved_model import load_teacher, save
from benchmarks.statistics.scores import score
from benchmarks.train import devices
from benchmarks.train import network as networks
from benchmarks.train.callbacks import (
    Average,
    Batches,
    FirstStep,
    History,
    KeepBest,
    Notify,
    Report,
    Validate,
    predict,
)
from benchmarks.train.data import Part, copies, digest, part, split
from benchmarks.train.devices import Execution
from benchmarks.train.model import Lesson, Trainable, trainable
from benchmarks.train.multiply_adds import multiply_adds
from benchmarks.train.tensorboard.epochs import EpochLog
from benchmarks.train.tensorboard.gates import Gates
from benchmarks.train.tensorboard.result import write_result
from benchmarks.train.tensorboard.session import Session, session
from preprocessing.dataset.folder import Dataset
from preprocessing.splits import Split

TENSORBOARD = "tensorboard"


@dataclass(frozen=True)
class Order:
    """What is to be trained, where, and what is to be left.

    Attributes:
        cell: the network and its training.
        dataset: on what.
        folder: for what is left.
        notify: is told of stages and steps.
        execution: how it is computed.
        teacher: folder of the result of the cell's teacher.
        keep: whether the trained network is stored, too.
    """

    cell: Cell
    dataset: Dataset
    folder: Path
    notify: Notify
    execution: Execution = field(default_factory=Execution)
    teacher: Path | None = None
    keep: bool = False

    @property
    def batch(self) -> int:
        """Images a step."""
        return int(self.cell.settings.batch_size or 64)

    @property
    def image_shape(self) -> tuple[int, ...]:
        return tuple(self.dataset.images.shape[1:])


def train(order: Order) -> dict[str, Any]:
    """Trains a cell; writes predictions, curves and perhaps the network into its folder.

    The images of the test part are read after the epoch was chosen, and once.

    Returns:
        The parts of the cell's record that training yields: metrics, history, timing in seconds.

    Raises:
        FloatingPointError: a loss or an output that is not finite.
        ValueError: the dataset is not the one of the cell, or the devices do not fit it.
    """
    rows = _rows(order.cell, order.dataset)
    with session(order.folder / TENSORBOARD, order.cell.spec) as board:
        return _train(order, rows, board)


def _train(order: Order, rows: Split, board: Session) -> dict[str, Any]:
    clock, cell = Clock(), order.cell
    order.notify("stage", stage="load")
    training, validation = (_part(order, rows, name) for name in ("train", "validation"))
    clock.lap("load")
    with devices.scope(cell.replicas, min(order.batch, len(training))):
        order.notify("stage", stage="build")
        made = _build(order, training)
        clock.lap("build")
        order.notify("stage", stage="train")
        log = EpochLog(board.curves, _gates(made, validation))
        best, history = _fit(order, made, (training, validation), log, clock)
        clock.lap("train")
        order.notify("stage", stage="test")
        test = _part(order, rows, "test")
        probabilities = predict(made.predictor, test.images, order.batch)
    clock.lap("test")
    if order.keep:
        save(made.predictor, order.folder, order.dataset.classes)
    duplicate = copies(test, training, validation)
    write_predictions(
        order.folder,
        probabilities,
        test.labels,
        test.sample,
        subject=order.dataset.subjects[test.sample],
        duplicate=duplicate,
    )
    metrics = {
        "parameters": made.inner.count_params(),
        "multiply_adds": _multiply_adds(made.inner),
        "best_epoch": best.epoch,
        "epochs": len(history.epochs),
        "validation_accuracy": best.best,
        "n_train": len(training),
        "n_validation": len(validation),
        **score(probabilities, test.labels, duplicate).as_dict(),
    }
    write_result(
        board.result,
        classes=order.dataset.classes,
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


def _part(order: Order, rows: Split, name: str) -> Part:
    return part(order.dataset, rows, name, order.cell.settings)


def _multiply_adds(network: keras.Model) -> int | None:
    with contextlib.suppress(TypeError):  # A user's own layer, whose products nobody knows.
        return multiply_adds(network)
    return None


def _build(order: Order, training: Part) -> Trainable:
    """The cell's network in the model that trains it."""
    cell, settings = order.cell, order.cell.settings
    keras.utils.set_random_seed(cell.seed)
    keras.config.set_dtype_policy(settings.precision)
    inner = networks.network(cell, order.image_shape, len(order.dataset.classes))
    networks.set_norm_momentum(inner, settings.norm_momentum)
    devices.synchronise(inner, cell.replicas)
    lesson = None
    if cell.teacher is not None:
        if order.teacher is None:
            raise ValueError(f"{cell.label} needs the result of its teacher, {cell.teacher.slug}.")
        lesson = Lesson(load_teacher(order.teacher), Distillation(**dict(cell.distillation)))
    return trainable(
        inner,
        settings,
        cell.seed,
        image_shape=order.image_shape,
        labels=training.labels,
        lesson=lesson,
    )


def _gates(made: Trainable, validation: Part) -> Gates:
    """Of the network, on images as it gets them."""
    return Gates(made.inner, validation.images, front=made.front)


def _fit(
    order: Order, made: Trainable, parts: Sequence[Part], log: EpochLog, clock: Clock
) -> tuple[KeepBest, History]:
    """Trains to the end or to the patience's; the network then has its best epoch's weights."""
    settings, (training, validation) = order.cell.settings, parts
    batches = Batches(
        training, order.batch, order.cell.seed, settings.resample, labelled=made.labelled
    )
    best, history = KeepBest(made.inner), History()
    callbacks = [
        batches.starter(),
        FirstStep(lambda: clock.lap("trace")),
        Validate(made.predictor, validation, order.batch),
        best,
        history,
        log,
        Report(order.notify, settings.epochs, len(batches)),
        *_plateau(order),
        keras.callbacks.EarlyStopping("val_loss", patience=settings.patience),
    ]
    for first, last, until in phases(settings):
        if settings.freeze:
            freezing.freeze(made.inner, until)
        made.compile(order.execution, steps=len(batches))
        made.model.fit(
            batches,
            initial_epoch=first - 1,
            epochs=last,
            shuffle=False,
            verbose=0,
            callbacks=[*([Average(made.inner)] if settings.ema else []), *callbacks],
        )
        if made.model.stop_training:
            break
    best.restore()
    return best, history


def phases(settings: Settings) -> list[tuple[int, int, str | int | None]]:
    """First and last epoch of each stretch of a training, and what is frozen in it."""
    last = settings.epochs
    within = [(epoch, what or None) for epoch, what in settings.unfreeze if epoch <= last]
    return freezing.phases(settings.freeze or None, within, last)


def _plateau(order: Order) -> list[keras.callbacks.Callback]:
    settings = order.cell.settings
    if settings.schedule != "plateau":
        return []
    factor, patience = settings.plateau_factor, settings.plateau_patience
    return [schedules.plateau(factor=factor, patience=patience)]


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
