"""Opens a model: finds the graph of its calls, with those of the models inside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from attention_fer.attaching.graph import Call, Graph, Shape
from attention_fer.common import keras_private

PROBE = 256
"""The size in pixels used in place of an unknown one."""


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
            f"{type(model).__name__}. The graph of other models is unknown; give a Sequential a "
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
        shapes: shapes of its inputs.
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
