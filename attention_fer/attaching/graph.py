"""The calls of a model as a graph."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from attention_fer.common import keras_private

Key = tuple[int, int, int]
"""Identifies a call: the ids of the calling model and of the operation, and the call's number."""

Shape = tuple[int | None, ...]


@dataclass(eq=False)
class Call:
    """A call of a layer, or of an operation of `keras.ops`.

    Attributes:
        owner: the model in which it is made.
        operation: what is called.
        number: which of the calls of the operation in that model, counted from 0.
        path: its name, after those of the models that hold it: `"backbone/conv1"`.
        tensors: the outputs, symbolic.
        shape: shape of the first output, with its batch axis.
        parents: the calls whose outputs this one takes.
        index: number of the call in the order in which they are made.
        data_format: data format of the layer, or of the nearest one before it; None if unknown.
    """

    owner: keras.Model
    operation: Any
    number: int
    path: str
    tensors: Sequence[keras.KerasTensor]
    shape: Shape
    parents: list[Call]
    index: int
    data_format: str | None = field(init=False)

    def __post_init__(self) -> None:
        known = [_data_format(self.operation), *(parent.data_format for parent in self.parents)]
        self.data_format = next(filter(None, known), None)

    @property
    def key(self) -> Key:
        """See `Key`. A model that is called twice makes two calls of one key."""
        return id(self.owner), id(self.operation), self.number

    @property
    def is_input(self) -> bool:
        return isinstance(self.operation, keras.layers.InputLayer)

    @property
    def size(self) -> Shape:
        """The spatial axes of the output, of which rank 2 has none."""
        first = (self.data_format or keras.config.image_data_format()) == "channels_first"
        return self.shape[2:] if first else self.shape[1:-1]

    @functools.cached_property
    def kernels(self) -> int:
        """1 for a layer with a kernel or another matrix to train, frozen or not; else 0."""
        return int(any(len(variable.shape) > 1 for variable in self._variables()))

    @functools.cached_property
    def learns(self) -> bool:
        """Whether the layer has weights to train, frozen or not."""
        return any(True for _ in self._variables())

    def _variables(self) -> Iterator[Any]:
        if isinstance(self.operation, keras.layers.Layer):
            for layer in keras_private.flatten_layers(self.operation):
                yield from keras_private.own_variables(layer)


@dataclass(frozen=True)
class Graph:
    """The calls of a model, each after those that it needs, and those that return its outputs."""

    calls: list[Call]
    outputs: list[Call]

    def trunks(self) -> Iterator[list[Call]]:
        """Yield the calls that every path from an input to an output passes through.

        They come as one list for each such pair.
        """
        for source in filter(lambda call: call.is_input, self.calls):
            down = self._paths_from(source)
            for sink in self.outputs:
                total, up = down[sink.index], self._paths_to(sink)
                if total:
                    yield [c for c in self.calls if down[c.index] * up[c.index] == total]

    def _paths_from(self, source: Call) -> list[int]:
        """The number of paths to each call."""
        counts = [0] * len(self.calls)
        for call in self.calls:
            counts[call.index] = (call is source) + sum(counts[p.index] for p in call.parents)
        return counts

    def _paths_to(self, sink: Call) -> list[int]:
        """The number of paths from each call."""
        counts = [0] * len(self.calls)
        counts[sink.index] = 1
        for call in reversed(self.calls):
            for parent in call.parents:
                counts[parent.index] += counts[call.index]
        return counts


def _data_format(operation: Any) -> str | None:
    """Return the data format of a layer; None if it has none."""
    if isinstance(operation, keras.layers.BatchNormalization):
        return "channels_first" if operation.axis == 1 else None
    return getattr(operation, "data_format", None)
