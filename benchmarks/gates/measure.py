"""Collects the gates and terms of a network's attention modules over images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from attention_fer.explain.maps.gates import module_inputs
from attention_fer.explain.maps.layer_tree import attention_layers
from attention_fer.explain.maps.running import batches, to_numpy
from attention_fer.layers import AttentionModule
from attention_fer.layers.gate_kinds import Range

EDGE = 0.05  # gates within the outer twentieths of their range count as saturated


@dataclass(frozen=True, eq=False)
class GateStatistics:
    """A gate, or a term, over images.

    Attributes:
        module: path of its module.
        name: name of the gate, a key of `attention_maps`; or of the term.
        kind: "gate" or "term".
        channel_axis: channel axis of `mean` and `deviation`.
        bounds: bounds of the values, see `AttentionModule.gate_range`; (None, None) for a term.
        n: number of images.
        mean, deviation: over the images, of the gate's shape without the batch.
        saturated: share of all values in the outer twentieths of the bounds; None without two.
    """

    module: str
    name: str
    kind: str
    channel_axis: int
    bounds: Range
    n: int
    mean: np.ndarray
    deviation: np.ndarray
    saturated: float | None

    @property
    def level(self) -> float:
        """The mean of all values."""
        return float(self.mean.mean())

    @property
    def across_images(self) -> float:
        """How much a value differs from image to image: root mean square deviation."""
        return float(np.sqrt((self.deviation**2).mean()))

    @property
    def across_places(self) -> float:
        """How much the means differ between channels or positions: standard deviation."""
        return float(self.mean.std())

    def channels(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean and deviation by channel; None for a gate that all channels share."""
        if self.mean.shape[self.channel_axis] == 1:
            return None
        mean, deviation = (
            np.moveaxis(values, self.channel_axis, -1).reshape(-1, values.shape[self.channel_axis])
            for values in (self.mean, self.deviation)
        )
        return mean.mean(axis=0), np.sqrt((deviation**2).mean(axis=0))

    def maps(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean and deviation by row and column; None for a gate without positions."""
        mean = np.moveaxis(self.mean, self.channel_axis, -1)
        if mean.ndim != 3 or mean.shape[:2] == (1, 1):
            return None
        deviation = np.moveaxis(self.deviation, self.channel_axis, -1)
        return mean.mean(axis=-1), np.sqrt((deviation**2).mean(axis=-1))


class _Sums:
    """Sums of a gate's values and of their squares, for the mean and deviation over images."""

    def __init__(self) -> None:
        self.n, self.saturated = 0, 0.0
        self.shift: Any = None
        self.sum: Any = 0.0
        self.squares: Any = 0.0

    def add(self, values: np.ndarray, bounds: Range) -> None:
        values = values.astype("float64")
        if self.shift is None:
            self.shift = values[0]  # sums of small differences keep their digits
        away = values - self.shift
        self.n += len(values)
        self.sum = self.sum + away.sum(axis=0)
        self.squares = self.squares + (away**2).sum(axis=0)
        low, high = bounds
        if low is not None and high is not None:
            share = (values - low) / (high - low)
            self.saturated += float(((share < EDGE) | (share > 1 - EDGE)).mean()) * len(values)

    @property
    def mean(self) -> np.ndarray:
        return self.shift + self.sum / self.n

    @property
    def deviation(self) -> np.ndarray:
        variance = self.squares / self.n - (self.sum / self.n) ** 2
        return np.sqrt(np.maximum(variance, 0))


def measure(
    model: keras.Model, images: np.ndarray, batch_size: int = 32, track: Any = iter
) -> list[GateStatistics]:
    """Return the gates and terms of each attention module over images, in the model's order.

    Args:
        model: any Keras model with attention modules, which may be nested.
        images: as the model takes them, of one size.
        batch_size: images computed at a time.
        track: receives the batches and passes them on, to show progress.

    Raises:
        ValueError: no image, no attention module, or a module that runs more than once.
    """
    modules = attention_layers(model)
    if not modules or not len(images):
        missing = "attention module" if len(images) else "image"
        raise ValueError(f"There must be at least one {missing} to measure gates, got none.")
    sums: dict[tuple[str, str, str], _Sums] = {}
    for rows, batch in track(batches(images, batch_size)):
        for path, kind, name, values in _parts(model, modules, batch):
            bounds = modules[path].gate_range(name) if kind == "gate" else (None, None)
            found = sums.setdefault((path, kind, name), _Sums())
            found.add(values[: rows.stop - rows.start], bounds)
    statistics = []
    for (path, kind, name), found in sums.items():
        bounds = modules[path].gate_range(name) if kind == "gate" else (None, None)
        statistics.append(
            GateStatistics(
                module=path,
                name=name,
                kind=kind,
                channel_axis=modules[path].channel_axis - 1,
                bounds=bounds,
                n=found.n,
                mean=found.mean,
                deviation=found.deviation,
                saturated=None if None in bounds else found.saturated / found.n,
            )
        )
    return statistics


def _parts(
    model: keras.Model, modules: dict[str, AttentionModule], images: np.ndarray
) -> Iterator[tuple[str, str, str, np.ndarray]]:
    """Path, kind, name and values of each gate and term, for a batch of images."""
    for path, module, given in module_inputs(model, modules, images):
        for kind, parts in _kinds(module, given):
            for name, values in parts.items():
                # A part that all images share is repeated, so that it counts for each.
                array = to_numpy(values)
                yield path, kind, name, np.broadcast_to(array, (len(images), *array.shape[1:]))


def _kinds(module: AttentionModule, given: Any) -> Iterable[tuple[str, dict[str, Any]]]:
    yield "gate", module.attention_maps(given)
    yield "term", module.attention_terms(given)
