"""Running a model: batches of images, hooks on its layers, gradients, and maps at image size."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np


def run_model(model: keras.Model, images: Any) -> Any:
    """Returns what a model outputs for a batch, in inference mode.

    Raises:
        ValueError: a model with several inputs.
    """
    given = getattr(model, "input", None)  # A tensor, or a list or dict of one; not always there.
    if len(keras.tree.flatten(given)) > 1:
        names = [one.name for one in keras.tree.flatten(given)]
        raise ValueError(f"model must have one input, got {', '.join(names)}.")
    if isinstance(given, (list, tuple, dict)):
        images = keras.tree.map_structure(lambda _: images, given)
    return model(images, training=False)


@contextlib.contextmanager
def wrapped_call(layer: Any, call: Callable[..., Any]) -> Iterator[None]:
    """Within the block, `layer.call(...)` is `call(original, ...)`.

    This works for any layer, however deeply nested, where a second graph through the layer would
    have to be rebuilt through every model around it. The model must not run in another thread
    meanwhile.
    """
    original = layer.call
    before = vars(layer).get("call")
    layer.call = lambda *args, **kwargs: call(original, *args, **kwargs)
    try:
        yield
    finally:
        del layer.call
        if before is not None:
            layer.call = before


@contextlib.contextmanager
def outputs_of(layer: Any) -> Iterator[list[Any]]:
    """Yields a list that collects the outputs of `layer`, one per run."""
    seen: list[Any] = []

    def call(original: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(original(*args, **kwargs))
        return seen[-1]

    with wrapped_call(layer, call):
        yield seen


@contextlib.contextmanager
def inputs_of(layer: Any) -> Iterator[list[Any]]:
    """Yields a list that collects the first argument of `layer`, one per run."""
    seen: list[Any] = []

    def call(original: Any, first: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(first)
        return original(first, *args, **kwargs)

    with wrapped_call(layer, call):
        yield seen


@contextlib.contextmanager
def replaced_outputs(layer: Any, outputs: Any) -> Iterator[None]:
    """Within the block, `layer` outputs `outputs`, whatever its input."""
    with wrapped_call(layer, lambda original, *args, **kwargs: outputs):
        yield


Function = Callable[[Any], Any]


def gradient(function: Function, at: Any) -> Any:
    """Returns the gradient of the scalar `function(x)` at `x = at`, a tensor shaped like `at`."""
    return _BACKENDS[keras.backend.backend()](function, at)


def without_gradients() -> contextlib.AbstractContextManager[Any]:
    """Turns off gradient recording in PyTorch; the other backends record only on request."""
    if keras.backend.backend() != "torch":
        return contextlib.nullcontext()
    import torch

    return torch.no_grad()


def _tensorflow(function: Function, at: Any) -> Any:
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(at)
        value = function(at)
    return tape.gradient(value, at, unconnected_gradients="zero")


def _jax(function: Function, at: Any) -> Any:
    import jax

    return jax.grad(function)(at)


def _torch(function: Function, at: Any) -> Any:
    import torch

    leaf = at.detach().requires_grad_()
    with torch.enable_grad():
        value = function(leaf)
    if not value.requires_grad:
        return torch.zeros_like(leaf)
    (found,) = torch.autograd.grad(value, leaf, allow_unused=True)
    return torch.zeros_like(leaf) if found is None else found


_BACKENDS: dict[str, Callable[[Function, Any], Any]] = {
    "tensorflow": _tensorflow,
    "jax": _jax,
    "torch": _torch,
}


def check_images(images: Any) -> np.ndarray:
    """Returns the images as an array of rank 4, which may lie on disk.

    Raises:
        ValueError: another rank.
    """
    images = images if isinstance(images, np.ndarray) else np.asarray(images)
    if images.ndim != 4:
        raise ValueError(
            "images must be of shape (n, height, width, channels), or channels first, got shape "
            f"{images.shape}. Pass a single image as image[None]."
        )
    return images


def batches(images: np.ndarray, size: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields rows and their images in batches of one size.

    The last batch is filled up with its last image, because compiling backends compile once per
    size.
    """
    size = min(size, len(images))
    for start in range(0, len(images), size or 1):
        batch = np.ascontiguousarray(images[start : start + size])
        missing = size - len(batch)
        filled = np.concatenate([batch, batch[-1:].repeat(missing, 0)]) if missing else batch
        yield slice(start, start + len(batch)), filled


def image_size(images: np.ndarray, data_format: str) -> tuple[int, int]:
    """Height and width of a batch of images."""
    height, width = images.shape[2:] if data_format == "channels_first" else images.shape[1:3]
    return height, width


def to_numpy(tensor: Any) -> np.ndarray:
    """Converts a tensor of any float type, including bfloat16, to float32."""
    return keras.ops.convert_to_numpy(keras.ops.cast(tensor, "float32"))


def resize_maps(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes maps of shape `(n, rows, columns)` to `(n, *size)`, bilinear, float32."""
    if not len(maps):
        return np.zeros((0, *size), "float32")
    given = keras.ops.convert_to_tensor(maps[..., None].astype("float32"))
    found = keras.ops.image.resize(
        given, size, interpolation="bilinear", data_format="channels_last"
    )
    return to_numpy(found)[..., 0]


def divide_by_maximum(maps: np.ndarray) -> np.ndarray:
    """Divides each map of `(n, height, width)`, none below 0, by its maximum; zero maps stay."""
    most = maps.max(axis=(1, 2), keepdims=True, initial=0)
    return np.divide(maps, most, out=np.zeros_like(maps), where=most > 0)
