"""Base class of the attention modules, which multiply their input by gates computed from it."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
from keras import ops

from attention_fer.common.checks import one_of
from attention_fer.layers.composite import CompositeLayer
from attention_fer.layers.gate_kinds import GATE_KINDS, Range

STARTS = ("paper", "identity")
DATA_FORMATS = ("channels_last", "channels_first")
LOW_PRECISION = ("float16", "bfloat16")


class IdentityStartError(ValueError):
    """`start="identity"` was requested for a module that cannot start as the identity."""


class AttentionModule(CompositeLayer):
    """Base class of the attention modules: `y = combine(x, gates(x)) + terms(x)`.

    Most modules only compute gates, which multiply the input one after another. A subclass creates
    its sublayers in `build` (after `super().build(input_shape)`, which sets `channels`,
    `channel_axis` and `spatial_axes`) and returns its gates from `gates`. It may also change how
    gates are combined (`combine`), add terms (`terms`) and show maps that multiply nothing
    (`views`). A subclass with its own `__init__` lists `start` and `data_format` among its
    arguments and passes them on.

    Class attributes that a subclass may set:

    - `gate_kind`: the function from logits to gates that `to_gate` applies, a name in `GATE_KINDS`.
    - `ranks`: numbers of spatial axes that the module accepts.
    - `combinator`: whether the module is made of other modules, which must be passed to it.
    - `no_identity`: why the module cannot start as the identity; empty if it can.

    Args:
        start: `"paper"`: as published; sigmoid gates start near 0.5. `"identity"`: a new layer
            returns its input exactly, so it can be inserted into a pretrained network; a sigmoid
            gate is then doubled, its logits start at zero, and its values are in (0, 2).
        data_format: `"channels_last"` or `"channels_first"`; None for
            `keras.config.image_data_format()`.

    Input and output shape: `(batch, *spatial, channels)` with one, two or three spatial axes of
    any size, including unknown; `(batch, channels, *spatial)` for channels first.

    Raises:
        ValueError: `start` or `data_format` is unknown, or the input has an unsupported rank or an
            unknown number of channels.
        IdentityStartError: a `ValueError`: the module cannot start as the identity.
    """

    gate_kind: ClassVar[str] = "sigmoid"
    ranks: ClassVar[tuple[int, ...]] = (1, 2, 3)
    combinator: ClassVar[bool] = False
    no_identity: ClassVar[str] = ""

    def __init__(self, start: str = "paper", data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.start = one_of("start", start, STARTS)
        if start == "identity" and self.no_identity:
            raise IdentityStartError(
                f"start must be 'paper' for {type(self).__name__}, got 'identity': "
                f"{self.no_identity}."
            )
        data_format = data_format or keras.config.image_data_format()
        self.data_format = one_of("data_format", data_format, DATA_FORMATS)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        rank = len(input_shape)
        if rank - 2 not in self.ranks:
            low, high = self.ranks[0], self.ranks[-1]
            axes = f"{low} to {high} spatial axes" if low < high else f"{low} spatial axes"
            ranks = f"{low + 2} to {high + 2}" if low < high else f"{low + 2}"
            raise ValueError(
                f"The input of {type(self).__name__} must have {axes} (rank {ranks}), "
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

    @property
    def only_gates(self) -> bool:
        """Whether the output is the input times the gates, and nothing else."""
        kind = type(self)
        return kind.combine is AttentionModule.combine and kind.terms is AttentionModule.terms

    def gates(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        """Return the gates by name, each broadcastable to `inputs`. Subclasses implement this."""
        raise NotImplementedError(f"{type(self).__name__} must implement gates(inputs, training).")

    def combine(self, inputs: Any, gates: dict[str, Any]) -> Any:
        """Return `inputs` under its gates: their product, unless a subclass says otherwise."""
        for gate in gates.values():
            inputs = ops.multiply(inputs, gate)
        return inputs

    def terms(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        """Return what to add to the gated input, by name, each broadcastable to it; or nothing."""
        return {}

    def views(self, inputs: Any, training: bool | None = None) -> dict[str, Any]:
        """Return maps that explain the module but multiply nothing, by name; or none."""
        return {}

    def attention_maps(self, x: Any, training: bool = False) -> dict[str, Any]:
        """Return the gates that this layer multiplies `x` by, for inspection or plotting.

        Args:
            x: array or tensor of the layer's input shape.
            training: as in `call`.

        Returns:
            Dict of tensors that broadcast to `x`: `"channel"` of shape `(batch, 1, ..., channels)`,
            `"spatial"` of shape `(batch, *spatial, 1)`, or what the module documents; with axes in
            channels-first order for channels first. Empty for a module that only adds terms.
        """
        return self.gates(self._prepared(x), training=training)

    def attention_terms(self, x: Any, training: bool = False) -> dict[str, Any]:
        """Return what this layer adds to its gated input, by name; see `attention_maps`."""
        return self.terms(self._prepared(x), training=training)

    def attention_views(self, x: Any, training: bool = False) -> dict[str, Any]:
        """Return maps that multiply nothing, by name. Arguments: see `attention_maps`."""
        return self.views(self._prepared(x), training=training)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        outputs = self.combine(inputs, self.gates(inputs, training=training))
        for term in self.terms(inputs, training=training).values():
            outputs = ops.add(outputs, term)
        return outputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "start": self.start, "data_format": self.data_format}

    def gate_range(self, name: str) -> Range:
        """Return the lower and upper bound of a gate's values; None for no bound.

        Args:
            name: name of the gate, a key of `attention_maps`.
        """
        return GATE_KINDS[self.gate_kind].range(self.start)

    def last_initializer(self, published: Any = "glorot_uniform") -> Any:
        """Return the initializer for the kernel that computes the logits of a gate.

        Args:
            published: the initializer for `start="paper"`.
        """
        return "zeros" if self.start == "identity" else published

    def to_gate(self, logits: Any) -> Any:
        """Turn logits into gates by the function that `gate_kind` names.

        For the identity start the function is one at zero: a sigmoid is doubled.
        """
        return GATE_KINDS[self.gate_kind](logits, self.start)

    def per_channel(self, vector: Any) -> Any:
        """Reshape `(batch, channels)` so that it broadcasts over the spatial axes."""
        shape = [-1] + [1] * (len(self.spatial_axes) + 1)
        shape[self.channel_axis] = self.channels
        return ops.reshape(vector, shape)

    def precise(self, x: Any) -> Any:
        """Cast half-precision values to float32, for statistics that would overflow or round."""
        return ops.cast(x, "float32") if self.compute_dtype in LOW_PRECISION else x

    def compute(self, x: Any) -> Any:
        """Cast back to the compute dtype."""
        return ops.cast(x, self.compute_dtype)

    def to_channels_last(self, x: Any) -> Any:
        """Move the channels of a map to the last axis, where every backend can convolve it."""
        return x if self.channel_axis != 1 else ops.moveaxis(x, 1, -1)

    def from_channels_last(self, x: Any) -> Any:
        """Undo `to_channels_last`."""
        return x if self.channel_axis != 1 else ops.moveaxis(x, -1, 1)

    def _prepared(self, x: Any) -> Any:
        x = ops.convert_to_tensor(x, self.compute_dtype)
        if not self.built:
            self.build(tuple(x.shape))
        return x
