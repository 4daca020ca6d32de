"""The gates of a network's attention modules, image by image."""

from __future__ import annotations

import contextlib
from typing import Any

import keras
import numpy as np

from attention_fer.common.checks import one_of, positive_int
from attention_fer.explain.maps.batches import batches, check_images, resized, size_of, to_numpy
from attention_fer.explain.maps.gradients import without_gradients
from attention_fer.explain.maps.hooks import inputs_of, run
from attention_fer.explain.maps.layer_tree import attention_layers
from attention_fer.layers import Attention

Gates = dict[str, dict[str, np.ndarray]]


def gate_maps(
    model: keras.Model, images: Any, layer: str | None = None, *, batch_size: int = 32
) -> Gates:
    """What each attention module of a model multiplies its input by.

    Args:
        model: any Keras model with attention modules, also in models nested in it.
        images: `(n, height, width, channels)`, or channels first, as the model takes it.
        layer: one module alone, by its path.
        batch_size: how many images are computed at a time.

    Returns:
        Path of a module to its gates, in the order of the network; each float32, by name:
        `"channel"` of shape `(n, channels)`; `"spatial"` of shape `(n, height, width)`, at the
        images' size (bilinear). A gate with both is `(n, height, width)`, its mean over the
        channels, one without either `(n, 1)`. Values are the factors themselves, from 0 to 1, or
        to 2 for modules with the identity start.

    Raises:
        ValueError: a model without attention modules, one that runs more than once, or an unknown
            layer, with the nearest name.
    """
    images, modules = check_images(images), attention_layers(model)
    positive_int("batch_size", batch_size)
    if not modules:
        raise ValueError(
            "This model has no attention modules: build it with `attention=`, or explain it with "
            "`grad_cam` or `rollout`."
        )
    if layer is not None:
        modules = {one_of("attention layer", layer, modules): modules[layer]}
    size = size_of(images, next(iter(modules.values())).data_format)
    parts: dict[str, dict[str, list[np.ndarray]]] = {path: {} for path in modules}
    for rows, batch in batches(images, batch_size):
        for path, module, given in _given(model, modules, batch):
            for name, gate in module.attention_maps(given).items():
                drawn = _drawn(name, to_numpy(gate), module, size)
                parts[path].setdefault(name, []).append(drawn[: rows.stop - rows.start])
    return {
        path: {name: np.concatenate(arrays) for name, arrays in gates.items()}
        for path, gates in parts.items()
    }


def _given(
    model: keras.Model, modules: dict[str, Attention], images: np.ndarray
) -> list[tuple[str, Attention, Any]]:
    """Path, module and what it is given, for a batch of images."""
    with without_gradients(), contextlib.ExitStack() as taps:
        seen = {path: taps.enter_context(inputs_of(of)) for path, of in modules.items()}
        run(model, images)
    for path, given in seen.items():
        if len(given) != 1:
            raise ValueError(
                f"The attention module {path!r} runs {len(given)} times in this model, and its "
                "gates have to come from one run."
            )
    return [(path, module, seen[path][0]) for path, module in modules.items()]


def _drawn(name: str, gate: np.ndarray, module: Attention, size: tuple[int, int]) -> np.ndarray:
    """A gate, `(n, 1, 1, channels)` or `(n, rows, columns, 1)`, without its axes of length 1."""
    if gate.ndim != 4:
        raise ValueError(f"Expected gates over pictures, those of {module.name!r} are {gate.shape}")
    gate = np.moveaxis(gate, module.channel_axis, 3)
    if name != "spatial" and gate.shape[1:3] == (1, 1):
        return gate[:, 0, 0]
    return resized(gate.mean(axis=3), size)
