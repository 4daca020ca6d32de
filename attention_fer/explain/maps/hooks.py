"""Looking into a running model: for a while a layer's `call` goes through a function of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras


def run(model: keras.Model, images: Any) -> Any:
    """What a model gives for a batch, in inference.

    Raises:
        ValueError: a model with several inputs.
    """
    taken = getattr(model, "input", None)  # A tensor, or a list or dict of one; not all have it.
    if len(keras.tree.flatten(taken)) > 1:
        names = [one.name for one in keras.tree.flatten(taken)]
        raise ValueError(f"Expected a model with one input, given: inputs {', '.join(names)}.")
    if isinstance(taken, (list, tuple, dict)):
        images = keras.tree.map_structure(lambda _: images, taken)
    return model(images, training=False)


@contextlib.contextmanager
def around(layer: Any, call: Callable[..., Any]) -> Iterator[None]:
    """While it lasts, `layer.call(...)` is `call(original, ...)`.

    It works for any layer of any model, nested or not, where a second graph through the layer would
    have to be rebuilt through every model that holds it. The model is the worse for it while it
    lasts: use it in one thread at a time.
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
    """A list that gets what `layer` gives at each run."""
    seen: list[Any] = []

    def call(original: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(original(*args, **kwargs))
        return seen[-1]

    with around(layer, call):
        yield seen


@contextlib.contextmanager
def inputs_of(layer: Any) -> Iterator[list[Any]]:
    """A list that gets what `layer` is given at each run."""
    seen: list[Any] = []

    def call(original: Any, first: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(first)
        return original(first, *args, **kwargs)

    with around(layer, call):
        yield seen


@contextlib.contextmanager
def replaced(layer: Any, outputs: Any) -> Iterator[None]:
    """While it lasts, `layer` gives `outputs`, whatever it is given."""
    with around(layer, lambda original, *args, **kwargs: outputs):
        yield
