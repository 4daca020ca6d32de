"""Gradients on any backend of Keras."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import keras

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
