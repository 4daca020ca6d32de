"""Logs each epoch of a cell for TensorBoard: curves, and the gates of the attention layers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from attention_fer.layers import AttentionModule
from attention_fer.layers.gate_kinds import Range
from benchmarks.published import Added
from benchmarks.train.tensorboard.events import EventWriter

Statistics = dict[str, float]
LOW, HIGH = 0.05, 0.95


class Gates:
    """Measures the gates of `network` on fixed images.

    It runs eagerly: with TensorFlow one measurement of a ResNet50 takes about half a second, while
    tracing it takes several.

    Args:
        network: functional.
        images: uint8 of shape (n, height, width, channels).
        at_most: maximum number of images used, evenly spaced.
        front: images to what the network reads; None for pixels in [0, 1].
    """

    def __init__(
        self,
        network: keras.Model,
        images: np.ndarray,
        at_most: int = 64,
        front: Callable[[np.ndarray], Any] | None = None,
    ):
        rows = np.linspace(0, len(images) - 1, min(at_most, len(images))).astype(int)
        self._images = front(images[rows]) if front else images[rows].astype("float32") / 255
        found = {layer: attention(layer) for layer in network.layers}
        self._layers = {layer.name: module for layer, module in found.items() if module}
        inputs = [layer.input for layer, module in found.items() if module]
        self._probe = keras.Model(network.input, inputs, name="probe") if inputs else None

    def __bool__(self) -> bool:
        return self._probe is not None

    @property
    def guess(self) -> float:
        """Estimated seconds of the first measurement: about two milliseconds per layer."""
        return 0.002 * len(self._probe.layers) if self._probe else 0.0

    def measure(self) -> dict[str, Statistics]:
        """Return `<layer>/<gate>` to its statistics, with the current weights."""
        if self._probe is None:
            return {}
        inputs = self._probe(self._images, training=False)
        inputs = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        return {
            f"{name}/{gate}": statistics(
                keras.ops.convert_to_numpy(values), module.gate_range(gate)
            )
            for (name, module), x in zip(self._layers.items(), inputs, strict=True)
            for gate, values in module.attention_maps(x).items()
        }


def attention(layer: keras.layers.Layer) -> AttentionModule | None:
    """Return the attention module that a layer is or wraps, if any."""
    module = layer.attention if isinstance(layer, Added) else layer
    return module if isinstance(module, AttentionModule) else None


def statistics(gate: Any, bounds: Range) -> Statistics:
    """Return mean, standard deviation and saturated share of all values of a gate.

    Args:
        gate: array of any shape.
        bounds: bounds of the values, see `AttentionModule.gate_range`. Saturated are values in the
            outer twentieths of this range; without two bounds there is no such share.
    """
    values = np.asarray(gate, "float64")
    found = {"mean": float(values.mean()), "spread": float(values.std())}
    low, high = bounds
    if low is None or high is None:
        return found
    share = (values - low) / (high - low)
    return {**found, "saturated": float(((share < LOW) | (share > HIGH)).mean())}


def overall(measured: Mapping[str, Statistics]) -> Statistics:
    """Return the mean of each statistic over the gates that have it, with equal weights."""
    found: dict[str, list[float]] = {}
    for of in measured.values():
        for name, value in of.items():
            found.setdefault(name, []).append(value)
    return {name: float(np.mean(values)) for name, values in found.items()}


class EpochLog(keras.callbacks.Callback):
    """Writes loss, accuracy and learning rate of each epoch, and the gates after some.

    The gates are measured after the last epoch, and after earlier ones as long as that takes only
    a small share of the time: at the end of a run of seconds, after nearly every epoch of a run of
    minutes. Place it after the callbacks that add to the logs.

    Args:
        writer: writer of the cell's event file.
        gates: gates of the trained network; one without attention has none.
        share: maximum share of the training time for measuring gates before the last epoch.
        clock: returns seconds.

    Attributes:
        gates_seen: `<layer>/<gate>` to its statistics after the last epoch.
        scalars: tag, value and epoch of everything written.
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
        self.scalars: list[tuple[str, float, int]] = []
        self._writer, self._gates, self._share, self._clock = writer, gates, share, clock
        self._spent, self._cost, self._epoch, self._seen = 0.0, gates.guess, 0, 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._began, self._spent = self._clock(), 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch = epoch + 1
        for key, value in (logs or {}).items():
            part = "validation" if key.startswith("val_") else "train"
            self._write(f"{key.removeprefix('val_')}/{part}", float(value), self._epoch)
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        self._write("learning_rate", float(rate), self._epoch)
        if self._spent + self._cost <= self._share * (self._clock() - self._began):
            self._write_gates()
        self._writer.flush()

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._seen < self._epoch:
            self._write_gates()
            self._writer.flush()

    def replay(self, scalars: Iterable[Sequence[Any]]) -> None:
        """Writes again what a training wrote that was interrupted, see `scalars`."""
        for tag, value, epoch in scalars:
            self._write(tag, value, epoch)

    def _write(self, tag: str, value: float, epoch: int) -> None:
        self._writer.scalar(tag, value, epoch)
        self.scalars.append((tag, value, epoch))

    def _write_gates(self) -> None:
        if not self._gates:
            return
        start = self._clock()
        self.gates_seen, self._seen = self._gates.measure(), self._epoch
        for name, value in overall(self.gates_seen).items():
            self._write(f"gates/{name}", value, self._epoch)
        for gate, values in self.gates_seen.items():
            for name, value in values.items():
                self._write(f"gates/{gate}/{name}", value, self._epoch)
        self._cost = self._clock() - start
        self._spent += self._cost
