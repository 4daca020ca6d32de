"""Copies a model call by call, so that calls can be added or left out, and keeps its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from attention_fer.attaching.graph import Key, as_functional, opens
from attention_fer.common import keras_private
from attention_fer.common.errors import cause

Edit = Callable[[Callable[[], Any], Any], Any]
"""`edit(call, given)` returns the output of a call: that of `call()`, or what replaces it."""


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
    made = copier.copy_model(model, frozen=False)
    arrays = [copier.settle(*pair) for pair in copier.pairs]
    notes = copier.notes
    if model.compiled:
        notes.append("The model was compiled, and its copy is not: compile it.")
    return Copy(made, sum(kept for kept, _ in arrays), sum(n for _, n in arrays), tuple(notes))


class _Copier:
    def __init__(self, edits: dict[Key, Edit]):
        self.edits = edits
        self.pairs: list[tuple[keras.layers.Layer, keras.layers.Layer, bool]] = []
        self.notes: list[str] = []
        self._copies: dict[int, Any] = {}

    def copy_model(self, model: keras.Model, frozen: bool) -> keras.Model:
        """Copy a model; `frozen` says whether one around it is frozen."""
        frozen = frozen or not model.trainable
        graph = as_functional(model)
        if type(model) not in (type(graph), keras.Sequential):
            self.notes.append(
                f"{model.name} was a {type(model).__name__}, and its copy is a keras.Model."
            )
        originals: dict[int, Any] = {}
        numbers: dict[int, int] = {}

        def clone(operation: Any) -> Any:
            copy = self._copy_of(operation, frozen)
            originals[id(copy)] = operation
            return copy

        def call(copy: Any, *args: Any, **kwargs: Any) -> Any:
            operation = originals[id(copy)]
            number = numbers[id(operation)] = numbers.get(id(operation), -1) + 1
            edit = self.edits.get((id(model), id(operation), number))
            if edit is None:
                return copy(*args, **kwargs)
            given = next(iter((*args, *kwargs.values())))
            return edit(lambda: copy(*args, **kwargs), given)

        return keras.models.clone_model(graph, clone_function=clone, call_function=call)

    def settle(
        self, layer: keras.layers.Layer, copy: keras.layers.Layer, frozen: bool
    ) -> tuple[int, int]:
        """Give a copy the weights and the flags of its layer; return how many arrays are equal."""
        old, new = (keras_private.flatten_layers(one) for one in (layer, copy))
        given = layer.get_weights()
        if len(old) != len(new) or [a.shape for a in given] != [
            a.shape for a in copy.get_weights()
        ]:
            raise ValueError(
                f"The configuration of the layer {layer.name!r} must make an equal layer, but the "
                f"copy of this {type(layer).__name__} has other layers or weights inside."
            )
        copy.set_weights(given)
        for before, after in zip(old, new, strict=True):  # Each layer comes before those inside it.
            after.trainable = before.trainable and not frozen
            if hasattr(
                after, "finalize_state"
            ):  # A Normalization computes with copies of its weights.
                after.finalize_state()
        equal = map(np.array_equal, given, copy.get_weights())
        return sum(equal), len(given)

    def _copy_of(self, operation: Any, frozen: bool) -> Any:
        if id(operation) not in self._copies:
            self._copies[id(operation)] = self._made(operation, frozen)
        return self._copies[id(operation)]

    def _made(self, operation: Any, frozen: bool) -> Any:
        if opens(operation) and self._is_edited(operation):
            return self.copy_model(operation, frozen)
        if not isinstance(operation, keras.layers.Layer) or isinstance(
            operation, keras.layers.Lambda
        ):
            return operation
        try:
            copy = type(operation).from_config(operation.get_config())
        except Exception as error:
            raise ValueError(
                f"The layer {operation.name!r} must have a configuration from which it can be made "
                f"again: {cause(error)}"
            ) from error
        self.pairs.append((operation, copy, frozen))
        return copy

    def _is_edited(self, model: keras.Model) -> bool:
        if any(key[0] == id(model) for key in self.edits):
            return True
        return any(map(self._is_edited, filter(opens, as_functional(model).operations)))
