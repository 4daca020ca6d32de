"""Logs each epoch of a cell for TensorBoard."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import keras

from benchmarks.train.tensorboard.gates import Gates, Statistics, overall
from benchmarks.train.tensorboard.writer import EventWriter


class EpochLog(keras.callbacks.Callback):
    """Writes loss, accuracy and learning rate of each epoch, and the gates after some.

    The gates are measured after the last epoch, and after earlier ones as long as that takes only
    a small share of the time: at the end of a run of seconds, after nearly every epoch of a run of
    minutes. Place it after the callbacks that add to the logs.

    Args:
        writer: of the cell's curves.
        gates: of the trained network; one without attention has none.
        share: maximum share of the training time for measuring gates before the last epoch.
        clock: returns seconds.

    Attributes:
        gates_seen: `<layer>/<gate>` to its statistics after the last epoch.
    """

    def __init__(
        self,
        writer: EventWriter,
        gates: Gates,
        share: float = 0.02,
        clock: Callable[[], float] = time.monotonic,
    ):
        super().__init__()
        self.gates_seen: dict[str, Statistics] = {}
        self._writer, self._gates, self._share, self._clock = writer, gates, share, clock
        self._spent, self._cost, self._epoch, self._seen = 0.0, gates.guess, 0, 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._began, self._spent = self._clock(), 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch + 1
        for key, value in (logs or {}).items():
            part = "validation" if key.startswith("val_") else "train"
            self._writer.scalar(f"{key.removeprefix('val_')}/{part}", float(value), self._epoch)
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        self._writer.scalar("learning_rate", float(rate), self._epoch)
        if self._spent + self._cost <= self._share * (self._clock() - self._began):
            self._write_gates()
        self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._seen < self._epoch:
            self._write_gates()
            self._writer.flush()

    def _write_gates(self) -> None:
        if not self._gates:
            return
        start = self._clock()
        self.gates_seen, self._seen = self._gates.measure(), self._epoch
        for name, value in overall(self.gates_seen).items():
            self._writer.scalar(f"gates/{name}", value, self._epoch)
        for gate, values in self.gates_seen.items():
            for name, value in values.items():
                self._writer.scalar(f"gates/{gate}/{name}", value, self._epoch)
        self._cost = self._clock() - start
        self._spent += self._cost
