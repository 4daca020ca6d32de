"""Statistics over the spatial axes that Keras has no function for."""

from __future__ import annotations

import functools
import operator
from typing import Any

from keras import ops


def unbiased_variance(squares: Any, axes: tuple[int, ...]) -> Any:
    """Return the unbiased variance along some axes, which keep the length 1.

    Args:
        squares: squared deviations from the mean along `axes`, as floating-point tensor.
        axes: at least one.

    Returns:
        The sum divided by `max(n - 1, 1)`, so a single value has the variance 0.
    """
    # The sizes may be unknown until the layer runs, so they may not be Python integers.
    n = functools.reduce(operator.mul, (ops.shape(squares)[axis] for axis in axes))
    free = ops.maximum(ops.cast(n, squares.dtype) - 1, 1)
    return ops.sum(squares, axis=axes, keepdims=True) / free
