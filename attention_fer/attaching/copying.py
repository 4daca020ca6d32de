"""Copies a model call by call, so that calls can be added or left out, and keeps its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers as kl

from attention_fer.attaching.graph import Key
from attention_fer.attaching.opening import as_functional, opens
from attention_fer.common import keras_private
from attention_fer.common.errors import cause

Edit = Callable[[Callable[[], Any], Any], Any]
"""`edit(call, given)` returns the output of a call: that of `call()`, or a replacement."""


@dataclass(frozen=True)
class Copy:
    """A copy of a model.

    Attributes:
        model: functional, not compiled.
        kept: the number of arrays of weights that are equal to those of the original.
        count: the number of arrays of weights of the layers that were copied.
        notes: what is different about it, besides the edits.
    """

    model: keras.Model
    kept: int
    count: int
    notes: tuple[str, ...]


def copied(model: keras.Model, edits: dict[Key, Edit]) -> Copy:
    """Return a copy of a model that `opens`, with some of its calls edited.

    The models that hold an edited call become plain functional ones. A layer without a copy, which
    a `Lambda` is, belongs to both models.

    Raises:
        ValueError: a layer whose configuration or weights do not make an equal layer.
    """
    copier = _Copier(edits)
    made = copier.copy_model(model)
    # A layer whose calls are all left out is not built. A frozen model trains nothing, whatever the
    # flags of its layers.
    pairs = [(layer, copy) for layer, copy in copier.pairs if copy.built]
    arrays = [_settle(layer, copy, model.trainable) for layer, copy in pairs]
    notes = list(copier.notes)
    if model.compiled:
        notes.append("The model was compiled, but its copy is not: compile the copy.")
    return Copy(made, sum(kept for kept, _ in arrays), sum(n for _, n in arrays), tuple(notes))


class _Copier:
    """Copies models and remembers which layers were copied.

    Attributes:
        pairs: each layer with its copy, which does not have its weights yet.
        notes: what is different about the copy.
    """

    def __init__(self, edits: dict[Key, Edit]):
        self.pairs: list[tuple[kl.Layer, kl.Layer]] = []
        self.notes: list[str] = []
        self._edits = edits
        self._copies: dict[int, Any] = {}

    def copy_model(self, model: keras.Model) -> keras.Model:
        """Return a functional model that makes the same calls, but for the edits."""
        graph = as_functional(model)
        if type(model) not in (type(graph), keras.Sequential):
            self.notes.append(
                f"{model.name} is a {type(model).__name__}, but its copy is a plain keras.Model."
            )
        originals: dict[int, Any] = {}
        numbers: dict[int, int] = {}

        def clone(operation: Any) -> Any:
            copy = self._copy_of(operation)
            originals[id(copy)] = operation
            return copy

        def call(copy: Any, *args: Any, **kwargs: Any) -> Any:
            operation = originals[id(copy)]
            number = numbers[id(operation)] = numbers.get(id(operation), -1) + 1
            edit = self._edits.get((id(model), id(operation), number))
            if edit is None:
                return copy(*args, **kwargs)
            return edit(lambda: copy(*args, **kwargs), next(iter((*args, *kwargs.values()))))

        return keras.models.clone_model(graph, clone_function=clone, call_function=call)

    def _copy_of(self, operation: Any) -> Any:
        if id(operation) not in self._copies:
            self._copies[id(operation)] = self._made(operation)
        return self._copies[id(operation)]

    def _made(self, operation: Any) -> Any:
        if opens(operation) and self._is_edited(operation):
            return self.copy_model(operation)
        if not isinstance(operation, kl.Layer) or isinstance(operation, kl.Lambda):
            return operation
        try:
            copy = type(operation).from_config(operation.get_config())
        except Exception as error:
            raise ValueError(
                f"The layer {operation.name!r} must have a configuration that can rebuild it: "
                f"{cause(error)}"
            ) from error
        self.pairs.append((operation, copy))
        return copy

    def _is_edited(self, model: keras.Model) -> bool:
        if any(owner == id(model) for owner, _, _ in self._edits):
            return True
        return any(map(self._is_edited, filter(opens, as_functional(model).operations)))


def _settle(layer: kl.Layer, copy: kl.Layer, trainable: bool) -> tuple[int, int]:
    """Give a copy the weights and the flags of its layer.

    Returns:
        How many arrays of weights are equal, and how many there are.
    """
    inside, copies = map(keras_private.flatten_layers, (layer, copy))
    given, shapes = layer.get_weights(), [weight.shape for weight in copy.weights]
    if len(inside) != len(copies) or [array.shape for array in given] != shapes:
        raise ValueError(
            f"The configuration of the layer {layer.name!r} must make an equal layer, but a "
            f"{type(layer).__name__} made from it has other layers or weights inside."
        )
    copy.set_weights(given)
    for one, other in zip(inside, copies, strict=True):  # Each before those inside it.
        other.trainable = one.trainable and trainable
        if isinstance(other, kl.Normalization):  # It computes with constants made of its weights.
            other.finalize_state()
    return sum(map(np.array_equal, given, copy.get_weights())), len(given)
