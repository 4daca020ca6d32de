"""Mean, spread and saturation of the gates of a network's attention layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np

from attention_fer.layers import AttentionModule
from benchmarks.published import Added

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
            f"{name}/{gate}": statistics(keras.ops.convert_to_numpy(values), module.start)
            for (name, module), x in zip(self._layers.items(), inputs, strict=True)
            for gate, values in module.attention_maps(x).items()
        }


def attention(layer: keras.layers.Layer) -> AttentionModule | None:
    """Return the attention module that a layer is or wraps, if any."""
    module = layer.attention if isinstance(layer, Added) else layer
    return module if isinstance(module, AttentionModule) else None


def statistics(gate: Any, start: str) -> Statistics:
    """Return mean, standard deviation and saturated share of all values of a gate.

    Args:
        gate: array of any shape.
        start: of the attention layer; with the identity start values lie in (0, 2). Saturated are
            values in the outer twentieths of the range.
    """
    values = np.asarray(gate, "float64")
    share = values / 2 if start == "identity" else values
    return {
        "mean": float(values.mean()),
        "spread": float(values.std()),
        "saturated": float(((share < LOW) | (share > HIGH)).mean()),
    }


def overall(measured: Mapping[str, Statistics]) -> Statistics:
    """Return the mean of each statistic over all gates, with equal weights."""
    return {name: _mean(of[name] for of in measured.values()) for name in _names(measured)}


def _names(measured: Mapping[str, Statistics]) -> Iterable[str]:
    return next(iter(measured.values()), {})


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
