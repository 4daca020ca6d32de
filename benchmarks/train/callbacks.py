"""Callbacks of a training: data order, validation, EMA, best weights, history, progress."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from attention_fer.training import sampling
from benchmarks.train.data import DataPart, epoch_order

Notifier = Callable[..., None]


class Batches(keras.utils.PyDataset):
    """Batches that, under TensorFlow, two threads prepare ahead of the model.

    With one worker, Keras's default, TensorFlow's data pipeline tunes itself, at intervals that
    double from 10 ms, and ends only between two of them: an epoch of 22 s waits until 41 s.

    Under JAX Keras 3.15 reads one batch of several workers before the first epoch, to learn the
    shapes. It then starts that epoch with the second batch, and each other with the last one of the
    epoch before.
    """

    def __init__(self) -> None:
        workers = 2 if keras.backend.backend() == "tensorflow" else 1
        super().__init__(workers=workers, max_queue_size=4)


class TrainingSequence(Batches):
    """Training batches of equal size; a smaller rest at the end of an epoch is dropped.

    The order of an epoch depends on the seed and the number of the epoch alone.

    Args:
        part: images and labels.
        batch_size: images per step.
        seed: seed of the order.
        resample: how an epoch's images are drawn, see `attention_fer.training.sampling`; "" for
            each once.
        with_labels: whether the model also reads the labels as an input.
    """

    def __init__(
        self,
        part: DataPart,
        batch_size: int,
        seed: int,
        resample: str = "",
        with_labels: bool = False,
    ):
        super().__init__()
        self.part, self.seed = part, seed
        self.resample, self.with_labels = resample, with_labels
        self.start(1)
        self.batch_size = min(batch_size, len(self._order))

    def start(self, epoch: int) -> None:
        """Sets the order of an epoch, counted from 1."""
        if self.resample:
            rng = np.random.default_rng([self.seed, epoch])
            self._order = sampling.draw(self.part.labels, self.resample, rng)
        else:
            self._order = epoch_order(len(self.part), self.seed, epoch)

    def epoch_starter(self) -> keras.callbacks.Callback:
        """Return the callback that starts each epoch of a `fit`.

        PyDataset's own hooks would not do: Keras's backends call them at different times.
        """
        return keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: self.start(epoch + 1))

    def __len__(self) -> int:
        return len(self._order) // self.batch_size

    @property
    def rows(self) -> np.ndarray:
        """Which images each step of the epoch takes, int (steps, batch size)."""
        taken = self._order[: len(self) * self.batch_size]
        return np.reshape(taken, (len(self), self.batch_size))

    def __getitem__(self, index: int) -> tuple[Any, np.ndarray]:
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        # JAX has no int64 and warns of each one.
        images, labels = self.part.images[rows], self.part.labels[rows].astype(np.int32)
        return ({"pixels": images, "labels": labels} if self.with_labels else images), labels


class PredictionSequence(Batches):
    """Batches of one shape: the last one is filled with images from the beginning.

    Some backends would compile a last batch of another shape separately, and several devices could
    not share it evenly.
    """

    def __init__(self, images: np.ndarray, batch_size: int):
        super().__init__()
        self.images, self.batch_size = images, batch_size

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray]:
        first = index * self.batch_size
        return (self.images.take(range(first, first + self.batch_size), axis=0, mode="wrap"),)


def predict(model: keras.Model, images: np.ndarray, batch_size: int) -> np.ndarray:
    """Return class probabilities (n, classes), float32, computed in batches of one shape."""
    batches = PredictionSequence(images, batch_size)
    return np.asarray(model.predict(batches, verbose=0), "float32")[: len(images)]


def log_loss(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean negative logarithm of the labels' probabilities, as scikit-learn computes it.

    A probability of 0 or 1 counts as the nearest number that its type distinguishes from it.

    Args:
        probabilities: (n, classes), finite; those of a row add up to 1.
        labels: int (n,).
    """
    least = np.finfo(probabilities.dtype).eps
    right = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(right, least, 1 - least)).mean())


class Validation(keras.callbacks.Callback):
    """Adds `val_loss` and `val_accuracy` to the logs, for later callbacks.

    It predicts as the test does, which needs that anyway: one graph less to trace than with
    validation inside `fit`.

    Args:
        part: images and labels.
        predict: images to probabilities (n, classes).
    """

    def __init__(self, part: DataPart, predict: Callable[[np.ndarray], np.ndarray]):
        super().__init__()
        self.part, self.predict = part, predict

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        probabilities = self.predict(self.part.images)
        if logs is None or not np.isfinite(probabilities).all():
            raise FloatingPointError(f"The network's output is not finite after epoch {epoch + 1}.")
        logs["val_loss"] = log_loss(probabilities, self.part.labels)
        logs["val_accuracy"] = float((probabilities.argmax(1) == self.part.labels).mean())


class SwapEMA(keras.callbacks.SwapEMAWeights):
    """Exposes the optimizer's EMA weights to later callbacks, and keeps them after training.

    Use a new one for each `fit`: the average of a new optimizer is zero until its first step. Keras
    itself would leave the weights that are not averaged, and with JAX none at all, as it deletes
    their buffers.
    """

    def __init__(self, network: keras.Model) -> None:
        super().__init__(swap_on_epoch=True)
        self.network = network
        self._averaged: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        super().on_epoch_end(epoch, logs)
        self._averaged = self.network.get_weights()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        super().on_train_end(logs)
        self.network.set_weights(self._averaged)


class BestWeights(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the best validation accuracy, the first among equals."""

    def __init__(self, network: keras.Model) -> None:
        super().__init__()
        self.network = network
        self.best, self.epoch = -1.0, 0
        self.weights: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        accuracy = (logs or {})["val_accuracy"]
        if accuracy > self.best:
            self.best, self.epoch = accuracy, epoch + 1
            self.weights = self.network.get_weights()

    def restore(self) -> None:
        """Sets the network to the best weights."""
        self.network.set_weights(self.weights)


class EpochHistory(keras.callbacks.Callback):
    """Collects the logs of each epoch in `epochs`; a loss that is not finite ends the training."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[dict[str, float]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        values = {key: float(value) for key, value in (logs or {}).items()}
        if not np.isfinite(values["loss"]):
            raise FloatingPointError(f"The training loss is {values['loss']} in epoch {epoch + 1}.")
        self.epochs.append({"epoch": epoch + 1, **values})


class ProgressReporter(keras.callbacks.Callback):
    """Reports the progress of the training, at most twice a second.

    It acts at the beginning of batches only: with a callback at their end Keras would wait for
    every loss before it hands the next batch to the device.
    """

    def __init__(self, notify: Notifier, epochs: int, steps: int):
        super().__init__()
        self.notify, self.epochs, self.steps = notify, epochs, steps
        self.epoch, self._last = 0, 0.0

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch = epoch

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if time.monotonic() - self._last > 0.5:
            self._report(batch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._report(self.steps)

    def _report(self, step: int) -> None:
        self._last = time.monotonic()
        self.notify("step", epoch=self.epoch + 1, epochs=self.epochs, step=step, steps=self.steps)


class OnFirstStep(keras.callbacks.Callback):
    """Calls `done` once, after the first step was started and so compiled."""

    def __init__(self, done: Callable[[], None]):
        super().__init__()
        self._done: Callable[[], None] | None = done

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if batch > 0:
            self._call_once()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._call_once()

    def _call_once(self) -> None:
        if self._done is not None:
            self._done()
            self._done = None
