"""Softmax over several axes of any length."""

from __future__ import annotations

from typing import Any

from keras import ops


def softmax(x: Any, axes: tuple[int, ...]) -> Any:
    """Return `exp(x)` divided by its sum over `axes`.

    `keras.ops.softmax` warns of axes of length 1 and needs known lengths for several axes.
    """
    powers = ops.exp(x - ops.max(x, axis=axes, keepdims=True))
    return powers / ops.sum(powers, axis=axes, keepdims=True)
