"""Forward hooks: temporarily wrap a layer's `call`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras


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
