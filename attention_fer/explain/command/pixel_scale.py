"""Finds out by a probe whether a model reads pixels from 0 to 255 or from 0 to 1."""

from __future__ import annotations

import contextlib
from typing import Any

import keras
import numpy as np

from attention_fer.common import keras_private
from attention_fer.explain.maps.running import run_model, without_gradients, wrapped_call

PIXELS = ("0-255", "0-1")
# These may be the first layers of a model's own preprocessing; their weights are statistics.
_NORMALISING = (keras.layers.Normalization, keras.layers.BatchNormalization)


def probe(model: keras.Model, shape: tuple[int, ...]) -> tuple[str, str]:
    """Returns the scale of the pixels that a model reads, and how that was found.

    Everything before the first layer with weights (layers, operations and nested models alike) is
    run on the same pictures in both scales. Networks are trained on numbers of about 1 in which
    pictures differ, so the scale that comes nearer to this is chosen. A model that does nothing to
    its input, or shifts it by less than 1, therefore takes 0 to 1.

    Args:
        model: with one input of images.
        shape: shape of an image as the model takes it, `(height, width, channels)` or channels
            first.
    """
    pictures = _gradients(shape)
    found, other = _first_input(model, pictures), _first_input(model, pictures / 255)
    if found is None or other is None:
        return "0-1", "assumed: no layer with weights reads them"
    (name, large), (_, small) = found, other
    if np.allclose(large, small, rtol=1e-2, atol=1e-2 * np.abs(large).max()):
        return "0-255", f"probed: {name!r}, its first layer with weights, reads the same of 0-1"
    if np.allclose(small * 255, large, rtol=1e-2) and np.abs(small).max() > 1 / 16:
        return "0-1", f"assumed: nothing before {name!r}, its first layer with weights, shifts them"
    chosen = "0-255" if _strangeness(large) < _strangeness(small) else "0-1"
    values, others = (large, small) if chosen == "0-255" else (small, large)
    return chosen, (
        f"probed: with these pixels its first layer with weights, {name!r}, receives "
        f"{_span(values)}; with the other scale, {_span(others)}"
    )


def _gradients(shape: tuple[int, ...]) -> np.ndarray:
    """Four pictures that go evenly from 0 to 255, along each axis in both directions."""
    longest = np.argsort(shape)[-2:]
    pictures = []
    for axis in sorted(int(one) for one in longest):
        line = np.linspace(0, 255, shape[axis], dtype="float32")
        along = line.reshape([-1 if place == axis else 1 for place in range(3)])
        pictures += [np.broadcast_to(along, shape), np.broadcast_to(np.flip(along), shape)]
    return np.stack(pictures)


def _first_input(model: keras.Model, images: np.ndarray) -> tuple[str, np.ndarray] | None:
    """Name and input of the first layer with weights that runs; None if none runs."""
    seen: list[tuple[str, Any]] = []

    def spied(layer: keras.layers.Layer) -> Any:
        def call(original: Any, given: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append((layer.name, given))
            return original(given, *args, **kwargs)

        return wrapped_call(layer, call)

    with contextlib.ExitStack() as hooks, without_gradients():
        for layer in filter(_learns, keras_private.flatten_layers(model)):
            hooks.enter_context(spied(layer))
        run_model(model, images)
    if not seen:
        return None
    name, given = seen[0]
    first = keras.tree.flatten(given)[0]
    return name, np.asarray(keras.ops.convert_to_numpy(first), "float64")


def _learns(layer: keras.layers.Layer) -> bool:
    """Whether a layer has weights of its own that are not those of a normalisation."""
    below = keras_private.flatten_layers(layer, include_self=False)
    inside = {id(weight) for one in below for weight in one.weights}
    own = any(id(weight) not in inside for weight in layer.weights)
    return own and not isinstance(layer, _NORMALISING)


def _strangeness(values: np.ndarray) -> float:
    """How far, in powers of e, the spread of values is from 1 and from their root mean square."""
    spread, size = values.std(), np.sqrt(np.mean(values**2))
    if not np.isfinite(size) or spread == 0:
        return np.inf
    return abs(np.log(spread)) + abs(np.log(spread / size))


def _span(values: np.ndarray) -> str:
    return f"{values.min():.3g} to {values.max():.3g}"
