"""Trains one cell and tests it once on the test part."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import keras
from keras.callbacks import EarlyStopping

from attention_fer.models.multiply_adds import multiply_adds
from attention_fer.training import freezing, schedules
from attention_fer.training.distillation import Distillation
from attention_fer.training.model import TrainingModel, training_model
from benchmarks.plan.cell import Cell
from benchmarks.plan.datasets import digest, split
from benchmarks.plan.job import TENSORBOARD, Job
from benchmarks.plan.settings import Settings
from benchmarks.results.predictions import write_predictions
from benchmarks.results.provenance import revision, versions
from benchmarks.results.saved_model import load_teacher, save
from benchmarks.statistics.scores import score
from benchmarks.train import devices
from benchmarks.train import network as networks
from benchmarks.train.callbacks import (
    BestWeights,
    EpochHistory,
    Notifier,
    OnFirstStep,
    ProgressReporter,
    SwapEMA,
    TrainingSequence,
    Validation,
)
from benchmarks.train.checkpoint import TrainingCheckpoint
from benchmarks.train.data import DataPart, duplicates, load_part
from benchmarks.train.epoch_loop import Batchwise, EpochLoop
from benchmarks.train.tensorboard.epochs import EpochLog, Gates
from benchmarks.train.tensorboard.events import EventWriter
from benchmarks.train.tensorboard.session import session, write_result
from preprocessing.dataset.folder import Dataset
from preprocessing.splits import Split


def train(job: Job, dataset: Dataset, notify: Notifier) -> dict[str, Any]:
    """Train the cell of a job; write predictions, curves and, if `job.keep`, the network.

    The images of the test part are read once, after the best epoch is chosen; `drop_copies` also
    compares them with the training images before.

    Args:
        job: the cell, its folder and how it is executed.
        dataset: the opened dataset of the cell.
        notify: receives stages and steps.

    Returns:
        The results for the cell's record: metrics, history, gates, the numbers of epochs after
        which a killed training went on, and timing in seconds.

    Raises:
        FloatingPointError: a loss or an output is not finite.
        ValueError: the dataset is not that of the cell, or the devices do not suit the cell.
    """
    rows = _load_split(job.cell, dataset)
    with session(job.tensorboard or job.folder / TENSORBOARD, job.cell.spec) as board:
        return _train(job, dataset, notify, rows, board)


def _train(
    job: Job, dataset: Dataset, notify: Notifier, rows: Split, board: EventWriter
) -> dict[str, Any]:
    clock, cell = Clock(), job.cell
    batch = int(cell.settings.batch_size or 64)
    notify("stage", stage="load")
    training, validation = (
        load_part(dataset, rows, name, cell.settings) for name in ("train", "validation")
    )
    clock.lap("load")
    with devices.scope(cell.replicas, min(batch, len(training))):
        notify("stage", stage="build")
        made = _build(job, dataset, training)
        clock.lap("build")
        notify("stage", stage="train")
        log = EpochLog(board, Gates(made.network, validation.images, front=made.front))
        compute = _computation(job, made, training)
        best, history, checkpoint = _fit(job, made, compute, validation, log, clock, notify)
        clock.lap("train", before=checkpoint.seconds)
        notify("stage", stage="test")
        test = load_part(dataset, rows, "test", cell.settings)
        probabilities = compute.predict(test.images)
    clock.lap("test")
    if job.keep:
        faces = dataset.manifest.get("parameters", {}).get("faces")
        save(made.predictor, job.folder, dataset.classes, faces)
    duplicate = duplicates(test, training, validation)
    write_predictions(
        job.folder,
        probabilities,
        test.labels,
        test.sample,
        subject=dataset.subjects[test.sample],
        duplicate=duplicate,
    )
    metrics = _training_metrics(made.network, best, history, (training, validation))
    metrics |= score(probabilities, test.labels, duplicate).as_dict()
    write_result(
        board,
        classes=dataset.classes,
        images=test.images,
        labels=test.labels,
        probabilities=probabilities,
        spec=cell.spec,
        metrics=metrics,
        step=metrics["best_epoch"],
    )
    clock.lap("store")
    return {
        "metrics": metrics,
        "history": history.epochs,
        "gates": log.gates_seen,
        "resumed": checkpoint.resumed,
        "timing": clock.laps,
    }


def _training_metrics(
    network: keras.Model, best: BestWeights, history: EpochHistory, parts: Sequence[DataPart]
) -> dict[str, Any]:
    training, validation = parts
    return {
        "parameters": network.count_params(),
        "multiply_adds": _multiply_adds(network),
        "best_epoch": best.epoch,
        "epochs": len(history.epochs),
        "validation_accuracy": best.best,
        "n_train": len(training),
        "n_validation": len(validation),
    }


def _load_split(cell: Cell, dataset: Dataset) -> Split:
    """Return the rows of the cell's fold. Raises ValueError if dataset or split have changed."""
    target = cell.target
    if dataset.fingerprint != target.fingerprint:
        raise ValueError(
            f"{dataset.path} must not change during a run: the fingerprint must be "
            f"{target.fingerprint[:12]}, got {dataset.fingerprint[:12]}. Rerun the command."
        )
    rows = split(dataset, target.protocol, cell.fold)
    if cell.split and (found := digest(rows)) != cell.split:
        raise ValueError(
            f"The split {target.protocol} of {dataset.path} must not change during a run: its hash "
            f"must be {cell.split}, got {found}. Rerun the command."
        )
    return rows


def _multiply_adds(network: keras.Model) -> int | None:
    with contextlib.suppress(TypeError):  # A user's layer, whose multiplications are unknown.
        return multiply_adds(network)
    return None


def _build(job: Job, dataset: Dataset, training: DataPart) -> TrainingModel:
    """Build the cell's network inside the model that trains it."""
    cell, settings = job.cell, job.cell.settings
    image_shape = tuple(dataset.images.shape[1:])
    keras.utils.set_random_seed(cell.seed)
    keras.config.set_dtype_policy(settings.precision)
    inner = networks.network(cell, image_shape, len(dataset.classes))
    networks.set_norm_momentum(inner, settings.norm_momentum)
    devices.synchronise(inner, cell.replicas)
    teacher: dict[str, Any] = {}
    if cell.teacher is not None:
        if job.teacher is None:
            raise ValueError(
                f"teacher must be the result of {cell.teacher.slug} for {cell.label}, got None."
            )
        distillation = Distillation(**dict(cell.row.distillation))
        teacher = {"teacher": load_teacher(job.teacher), "distillation": distillation}
        if cell.row.warm_start:
            networks.start_from(inner, teacher["teacher"])
    return training_model(
        inner,
        settings,
        seed=cell.seed,
        image_shape=image_shape,
        labels=training.labels,
        **teacher,
    )


def _fit(
    job: Job,
    made: TrainingModel,
    compute: Batchwise | EpochLoop,
    validation: DataPart,
    log: EpochLog,
    clock: Clock,
    notify: Notifier,
) -> tuple[BestWeights, EpochHistory, TrainingCheckpoint]:
    """Train until epochs or patience run out, then restore the weights of the best epoch."""
    settings, steps = job.cell.settings, len(compute.batches)
    best, history = BestWeights(made.network), EpochHistory()
    counting = [*_plateau(settings), EarlyStopping("val_loss", patience=settings.patience)]
    identity: dict[str, Any] = {
        "cell": job.cell.slug,
        "execution": asdict(job.execution),
        "versions": versions(),
        "revision": revision(),
    }
    checkpoint = TrainingCheckpoint(
        job.checkpoint, identity, best=best, history=history, log=log, counting=counting
    )
    if checkpoint.problem:
        notify("note", note=f"starts again: {checkpoint.problem}")
    callbacks = [
        compute.batches.epoch_starter(),
        OnFirstStep(lambda: clock.lap("trace")),
        Validation(validation, compute.predict),
        best,
        history,
        log,
        ProgressReporter(notify, settings.epochs, steps),
        *counting,
        checkpoint,
    ]
    for first, last, until in checkpoint.remaining(phases(settings)):
        if settings.freeze:
            freezing.freeze(made.network, until)
        made.compile(steps=steps, **devices.compilation(job.execution))
        made.fit(
            compute.of_a_fit(),
            initial_epoch=first - 1,
            epochs=last,
            shuffle=False,
            verbose=0,
            callbacks=[*([SwapEMA(made.network)] if settings.ema else []), *callbacks],
        )
        if made.model.stop_training:
            break
    best.restore()
    return best, history, checkpoint


def _computation(job: Job, made: TrainingModel, training: DataPart) -> Batchwise | EpochLoop:
    """Return how batches reach the device: from the processor, or within a loop on the device."""
    cell, settings = job.cell, job.cell.settings
    batch = int(settings.batch_size or 64)
    batches = TrainingSequence(
        training, batch, cell.seed, settings.resample, with_labels=made.takes_labels
    )
    looped = devices.loops_over_epochs(job.execution, cell.replicas)
    return (EpochLoop if looped else Batchwise)(made, batches, batch)


def phases(settings: Settings) -> list[tuple[int, int, str | int | None]]:
    """Return the first and last epoch of each phase, and its frozen layers as in `freeze`."""
    last = settings.epochs
    within = [(epoch, what) for epoch, what in settings.unfreeze if epoch <= last]
    return freezing.phases(settings.freeze, within, last)


def _plateau(settings: Settings) -> list[keras.callbacks.Callback]:
    if settings.schedule != "plateau":
        return []
    factor, patience = settings.plateau_factor, settings.plateau_patience
    return [schedules.plateau(factor=factor, patience=patience)]


class Clock:
    """Measures the seconds of each part of the work, in `laps`."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._since = time.monotonic()

    def lap(self, name: str, before: float = 0.0) -> None:
        """End the current part and store its duration under a name, with the seconds before."""
        now = time.monotonic()
        self.laps[name] = round(before + now - self._since, 3)
        self._since = now
