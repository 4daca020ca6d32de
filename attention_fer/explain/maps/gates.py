"""Gates of a network's attention modules for each image."""

from __future__ import annotations

import contextlib
from typing import Any

import keras
import numpy as np

from attention_fer.common.checks import one_of, positive_int
from attention_fer.explain.maps.layer_tree import attention_layers
from attention_fer.explain.maps.running import (
    batches,
    check_images,
    image_size,
    inputs_of,
    resize_maps,
    run_model,
    to_numpy,
    without_gradients,
)
from attention_fer.layers import AttentionModule


def gate_maps(
    model: keras.Model, images: Any, layer: str | None = None, *, batch_size: int = 32
) -> dict[str, dict[str, np.ndarray]]:
    """Returns the factors by which each attention module of a model multiplies its input.

    Args:
        model: any Keras model with attention modules, which may be nested.
        images: `(n, height, width, channels)`, or channels first, as the model takes them.
        layer: path of the only module to return.
        batch_size: how many images are computed at a time.

    Returns:
        The gates of each module by its path, in the order of the network; each float32, by name:
        `"channel"` of shape `(n, channels)`; `"spatial"` of shape `(n, height, width)`, at the
        images' size (bilinear). A gate over both is `(n, height, width)`, its mean over the
        channels; a gate over neither is `(n, 1)`. The range of the values is that of the module's
        `gate_range`: 0 to 1 for a sigmoid, 0 to 2 with the identity start.

    Raises:
        ValueError: a model without attention modules, a module that runs more than once, or an
            unknown layer.
    """
    images, modules = check_images(images), attention_layers(model)
    positive_int("batch_size", batch_size)
    if not modules:
        raise ValueError(
            "This model has no attention modules. Build it with `attention=`, or explain it with "
            "`grad_cam` or `rollout`."
        )
    if layer is not None:
        modules = {one_of("attention layer", layer, modules): modules[layer]}
    size = image_size(images, next(iter(modules.values())).data_format)
    parts: dict[str, dict[str, list[np.ndarray]]] = {path: {} for path in modules}
    for rows, batch in batches(images, batch_size):
        for path, module, given in module_inputs(model, modules, batch):
            for name, gate in module.attention_maps(given).items():
                shown = _as_map(name, to_numpy(gate), module, size)
                parts[path].setdefault(name, []).append(shown[: rows.stop - rows.start])
    return {
        path: {name: np.concatenate(arrays) for name, arrays in gates.items()}
        for path, gates in parts.items()
    }


def module_inputs(
    model: keras.Model, modules: dict[str, AttentionModule], images: np.ndarray
) -> list[tuple[str, AttentionModule, Any]]:
    """Returns path, module and the input of the module, for a batch of images.

    Raises:
        ValueError: a module that runs more than once.
    """
    with without_gradients(), contextlib.ExitStack() as hooks:
        seen = {path: hooks.enter_context(inputs_of(of)) for path, of in modules.items()}
        run_model(model, images)
    for path, given in seen.items():
        if len(given) != 1:
            raise ValueError(
                f"The attention module {path!r} must run once in this model, got {len(given)} runs."
            )
    return [(path, module, seen[path][0]) for path, module in modules.items()]


def _as_map(
    name: str, gate: np.ndarray, module: AttentionModule, size: tuple[int, int]
) -> np.ndarray:
    """Drops the axes of length 1 of a gate `(n, 1, 1, channels)` or `(n, rows, columns, 1)`."""
    if gate.ndim != 4:
        raise ValueError(
            f"The gates of {module.name!r} must be over images, of rank 4, got shape {gate.shape}."
        )
    gate = np.moveaxis(gate, module.channel_axis, 3)
    if not name.endswith("spatial") and gate.shape[1:3] == (1, 1):
        return gate[:, 0, 0]
    return resize_maps(gate.mean(axis=3), size)
