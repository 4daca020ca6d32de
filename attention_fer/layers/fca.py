"""Frequency channel attention. Qin et al. 2020, "FcaNet", https://arxiv.org/abs/2012.11879"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import keras
from keras import ops

from attention_fer.common.checks import channel_divisor, positive_int, reduced_channels
from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register

GRID = 7
ROW_FREQUENCIES = (0, 0, 6, 0, 0, 1, 1, 4, 5, 1, 3, 0, 0, 0, 3, 2)
COLUMN_FREQUENCIES = (0, 1, 0, 5, 2, 0, 2, 0, 0, 6, 0, 4, 6, 3, 5, 2)
"""The authors' 16 best frequencies of a 7x7 map, best first."""


@register("fca")
class FCA(AttentionModule):
    """Frequency channel attention: squeeze and excitation on components of a cosine transform.

    The map is averaged to `size` cells (adaptive average pooling). The channels form equal parts,
    and part `i` is reduced to its `i`-th component: the sum of the cells times `cos(pi u (p + 1/2)
    / rows) cos(pi v (q + 1/2) / columns)`, normalised, with the frequencies `u`, `v` of the
    authors' "top" list. The gate is `sigmoid(dense(relu(dense(components))))`, without biases. The
    first component is a multiple of the mean, `sqrt(rows * columns)` times it.

    Args:
        reduction_ratio: the hidden width is `channels // reduction_ratio`.
        frequencies: number of parts, from 1 to 16; it must divide the number of channels.
        size: rows and columns of cells, or one number for both; at least 7, because the
            frequencies belong to a 7x7 map and grow with `size // 7`. The authors train with 56,
            28, 14 and 7 for the stages of a ResNet on ImageNet and advise 7 for other maps.
        start, data_format: see `AttentionModule`.

    Example:
        >>> FCA(frequencies=8)(keras.ops.ones((2, 12, 12, 24))).shape
        (2, 12, 12, 24)

    Raises:
        ValueError: `frequencies` is above 16 or does not divide the number of channels, `size` is
            below 7, or `reduction_ratio` is below 1 or above the number of channels.

    The authors' code accepts smaller sizes; there all frequencies are 0, which leaves the mean.
    """

    ranks: ClassVar[tuple[int, ...]] = (2,)

    def __init__(
        self,
        reduction_ratio: int = 16,
        frequencies: int = 16,
        size: int | tuple[int, int] = GRID,
        start: str = "paper",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(start=start, data_format=data_format, **kwargs)
        self.reduction_ratio = positive_int("reduction_ratio", reduction_ratio)
        self.frequencies = positive_int("frequencies", frequencies)
        if self.frequencies > len(ROW_FREQUENCIES):
            raise ValueError(f"frequencies must be from 1 to 16, got {frequencies}.")
        self.size = _pair(size)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        most = len(ROW_FREQUENCIES)
        parts = channel_divisor("frequencies", self.frequencies, self.channels, most=most)
        hidden = reduced_channels(self.channels, self.reduction_ratio)
        self._bases = [
            _cosines(size, found[:parts])
            for size, found in zip(self.size, (ROW_FREQUENCIES, COLUMN_FREQUENCIES), strict=True)
        ]
        options = {"use_bias": False, "dtype": self.dtype_policy}
        self.squeeze = keras.layers.Dense(hidden, activation="relu", name="squeeze", **options)
        self.excite = keras.layers.Dense(
            self.channels, kernel_initializer=self.last_initializer(), name="excite", **options
        )
        self.squeeze.build((None, self.channels))
        self.excite.build((None, hidden))

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        logits = self.excite(self.squeeze(self._components(inputs)))
        return {"channel": self.per_channel(self.to_gate(logits))}

    def _components(self, inputs: Any) -> Any:
        """Return one component per channel, (batch, channels).

        Pooling and transform are linear and separate into rows and columns, so both are one
        weight per pixel here. That exports well and has a deterministic gradient on every device.
        """
        height, width = (ops.shape(inputs)[axis] for axis in self.spatial_axes)
        rows = _pooled_basis(self._bases[0], height)
        columns = _pooled_basis(self._bases[1], width)
        weights = ops.expand_dims(ops.expand_dims(rows, 1) * columns, 0)
        weights = ops.repeat(weights, self.channels // self.frequencies, axis=-1)
        weighted = ops.multiply(self.precise(inputs), self.from_channels_last(weights))
        return self.compute(ops.sum(weighted, axis=self.spatial_axes))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "reduction_ratio": self.reduction_ratio,
            "frequencies": self.frequencies,
            "size": self.size,
        }


def _pair(size: Any) -> tuple[int, int]:
    pair = tuple(size) if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) != 2 or any(positive_int("size", n) < GRID for n in pair):
        raise ValueError(f"size must be one number or two, of at least {GRID}, got {size!r}.")
    return pair


def _cosines(size: int, frequencies: tuple[int, ...]) -> tuple[tuple[float, ...], ...]:
    """Return the orthonormal cosines of some frequencies of a 7-cell grid, (size, frequencies)."""
    scaled = [frequency * (size // GRID) for frequency in frequencies]
    return tuple(
        tuple(
            math.cos(math.pi * frequency * (cell + 0.5) / size)
            * math.sqrt((2 if frequency else 1) / size)
            for frequency in scaled
        )
        for cell in range(size)
    )


def _pooled_basis(basis: tuple[tuple[float, ...], ...], length: Any) -> Any:
    """Return what pixels weigh, (length, parts), if cells that average them weigh `basis`.

    Cell `i` of `size` averages the pixels from `floor(i length / size)` up to and without
    `ceil((i + 1) length / size)`.
    """
    size = len(basis)
    cells = ops.arange(size)
    first = cells * length // size
    end = ((cells + 1) * length + size - 1) // size
    pixel = ops.expand_dims(ops.arange(length), 1)
    inside = ops.logical_and(ops.greater_equal(pixel, first), ops.less(pixel, end))
    shares = ops.cast(inside, "float32") / ops.cast(end - first, "float32")
    return ops.matmul(shares, ops.convert_to_tensor(basis, "float32"))
