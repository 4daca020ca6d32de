"""Looking into a running model: for a while a layer's `call` goes through a function of ours."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any


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
