"""Base class of the attention modules, which multiply their input by gates computed from it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import one_of
from attention_fer.layers.composite import CompositeLayer

STARTS = ("paper", "identity")
DATA_FORMATS = ("channels_last", "channels_first")


class AttentionModule(CompositeLayer):
    """Base class of the attention modules: `y = x * gate`, one gate after another.

    A subclass creates its sublayers in `build` (after `super().build(input_shape)`, which sets
    `channels`, `channel_axis` and `spatial_axes`) and returns its gates from `gates`. A subclass
    with its own `__init__` lists `start` and `data_format` among its arguments and passes them on.

    Args:
        start: `"paper"`: gates are sigmoids, as published, and start near 0.5. `"identity"`: gates
            are twice a sigmoid whose logits start at zero, so a new layer returns its input
            exactly and can be inserted into a pretrained network; trained gates are in (0, 2).
        data_format: `"channels_last"` or `"channels_first"`; None for
            `keras.config.image_data_format()`.

    Input and output shape: `(batch, *spatial, channels)` with one, two or three spatial axes of
    any size, including unknown; `(batch, channels, *spatial)` for channels first.

    Raises:
        ValueError: `start` or `data_format` is unknown, or the input has another rank or an
            unknown number of channels.
    """

    def __init__(self, start: str = "paper", data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.start = one_of("start", start, STARTS)
        data_format = data_format or keras.config.image_data_format()
        self.data_format = one_of("data_format", data_format, DATA_FORMATS)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        rank = len(input_shape)
        if rank not in (3, 4, 5):
            raise ValueError(
                f"The input of {type(self).__name__} must have 1 to 3 spatial axes (rank 3 to 5), "
                f"got shape {tuple(input_shape)}."
            )
        last = self.data_format == "channels_last"
        self.channel_axis = rank - 1 if last else 1
        self.spatial_axes = tuple(axis for axis in range(1, rank) if axis != self.channel_axis)
        channels = input_shape[self.channel_axis]
        if channels is None:
            raise ValueError(
                f"The input of {type(self).__name__} must have a known number of channels, got "
                f"shape {tuple(input_shape)} with data_format={self.data_format!r}. Give axis "
                f"{self.channel_axis} a static size; the spatial axes may be unknown."
            )
        self.channels = int(channels)
        self.input_spec = keras.layers.InputSpec(ndim=rank, axes={self.channel_axis: self.channels})

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        """Return the gates by name, each broadcastable to `inputs`. Subclasses implement this."""
        raise NotImplementedError(f"{type(self).__name__} must implement gates(inputs, training).")

    def attention_maps(self, x: Any, training: bool = False) -> dict[str, Any]:
        """Return the gates that this layer multiplies `x` by, for inspection or plotting.

        Args:
            x: array or tensor of the layer's input shape.
            training: as in `call`.

        Returns:
            Dict of tensors: `"channel"` of shape `(batch, 1, ..., channels)`, `"spatial"` of
            shape `(batch, *spatial, 1)`; with axes in channels-first order for channels first.
        """
        x = ops.convert_to_tensor(x, self.compute_dtype)
        if not self.built:
            self.build(tuple(x.shape))
        return self.gates(x, training=training)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        for gate in self.gates(inputs, training=training).values():
            inputs = ops.multiply(inputs, gate)
        return inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "start": self.start, "data_format": self.data_format}

    def last_initializer(self) -> str:
        """Return the initializer for the kernel that computes the logits of a gate."""
        return "zeros" if self.start == "identity" else "glorot_uniform"

    def to_gate(self, logits: Any) -> Any:
        """Turn logits into gates: a sigmoid, doubled for the identity start."""
        gate = ops.sigmoid(logits)
        return gate * 2 if self.start == "identity" else gate

    def per_channel(self, vector: Any) -> Any:
        """Reshape `(batch, channels)` so that it broadcasts over the spatial axes."""
        shape = [-1] + [1] * (len(self.spatial_axes) + 1)
        shape[self.channel_axis] = self.channels
        return ops.reshape(vector, shape)
