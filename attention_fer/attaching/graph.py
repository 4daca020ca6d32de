"""The calls of a model as one graph, with the models inside it opened."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras

from attention_fer.common import keras_private

Key = tuple[int, int, int]
"""Of a call: the ids of the model it is made in and of the operation, and which of its calls."""

Shape = tuple[int | None, ...]

PROBE = 256
"""The size in pixels that stands for an unknown one."""


@dataclass(eq=False)
class Call:
    """A call of a layer, or of an operation of `keras.ops`.

    Attributes:
        owner: the model in which it is made.
        operation: what is called.
        number: which of the calls of the operation in that model, counted from 0.
        path: its name, after those of the models that hold it: `"backbone/conv1"`.
        tensors: the outputs, symbolic.
        shape: of the first output, with its batch axis.
        parents: the calls whose outputs this one takes.
        index: number of the call in the order in which they are made.
        data_format: of the layer, or of the nearest one before it; None if unknown.
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
        """Yield the calls that every path from an input to an output passes, for each such pair."""
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


def opens(operation: Any) -> bool:
    """Whether an operation is a model whose graph is known: functional, or sequential and built."""
    if isinstance(operation, keras.Sequential):
        return bool(getattr(operation, "inputs", None))
    return isinstance(operation, keras.Model) and keras_private.is_functional(operation)


def check_model(model: Any) -> None:
    """Check that a model `opens`.

    Raises:
        ValueError: it does not.
    """
    if not opens(model):
        raise ValueError(
            "model must be a functional model, or a sequential one with a known input, got "
            f"{type(model).__name__}. The graph of other models is not known; give a Sequential a "
            "keras.Input or build it."
        )


def as_functional(model: keras.Model) -> keras.Model:
    """Return a functional model of the same layers, which is not compiled."""
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return keras.Model(model.input, model.output, name=model.name)


def graph_of(model: keras.Model, sized: bool = False) -> Graph:
    """Return the graph of a model that `opens`.

    Args:
        model: the model.
        sized: give every call a shape of known size, by letting `PROBE` stand for unknown axes of
            the input.
    """
    calls: list[Call] = []
    shapes = [tuple(tensor.shape) for tensor in model.inputs]
    if sized:
        shapes = [(s[0], *(PROBE if axis is None else axis for axis in s[1:])) for s in shapes]
    return Graph(calls, _open(model, "", None, shapes, calls))


def _open(
    model: keras.Model,
    front: str,
    entries: Sequence[Call] | None,
    shapes: Sequence[Shape],
    calls: list[Call],
) -> list[Call]:
    """Append the calls of a model, and return those of its outputs.

    Args:
        model: the model.
        front: what paths begin with.
        entries: the calls that give its inputs; None for the outermost model.
        shapes: of its inputs.
        calls: the list to append to.
    """
    graph = as_functional(model)
    shape_of = _shapes(graph, shapes)
    made: dict[int, Call] = {}
    numbers: dict[int, int] = {}
    if entries is not None:
        made = {id(tensor): call for tensor, call in zip(graph.inputs, entries, strict=True)}
    for node in keras_private.nodes(graph):
        operation, tensors = node.operation, node.output_tensors
        number = numbers[id(operation)] = numbers.get(id(operation), -1) + 1
        if node.is_input and entries is not None:
            continue
        parents = [made[id(tensor)] for tensor in node.input_tensors]
        path = f"{front}{operation.name}"
        if opens(operation):
            given = [shape_of[id(tensor)] for tensor in node.input_tensors]
            ends = _open(operation, f"{path}/", parents, given, calls)
        else:
            shape, index = shape_of[id(tensors[0])], len(calls)
            calls.append(Call(model, operation, number, path, tensors, shape, parents, index))
            ends = [calls[-1]] * len(tensors)
        made.update((id(tensor), call) for tensor, call in zip(tensors, ends, strict=True))
    return [made[id(tensor)] for tensor in graph.outputs]


def _shapes(graph: keras.Model, given: Sequence[Shape]) -> dict[int, Shape]:
    """Return the shapes of all tensors of a functional model on inputs of the given shapes."""
    tensors = [tensor for node in keras_private.nodes(graph) for tensor in node.output_tensors]
    if [tuple(tensor.shape) for tensor in graph.inputs] == list(given):
        return {id(tensor): tuple(tensor.shape) for tensor in tensors}
    found = keras.Model(graph.inputs, tensors).compute_output_shape(list(given))
    return {id(tensor): tuple(shape) for tensor, shape in zip(tensors, found, strict=True)}


def _data_format(operation: Any) -> str | None:
    """Return the data format of a layer; None if it has none."""
    if isinstance(operation, keras.layers.BatchNormalization):
        return "channels_first" if operation.axis == 1 else None
    return getattr(operation, "data_format", None)
