"""The class scores of a model: which of its outputs, and what they are before their softmax."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from attention_fer.common.checks import one_of
from attention_fer.explain.maps.hooks import around, run

_SQUASHING = ("softmax", "sigmoid")


class ClassScores:
    """The scores of one output of a model.

    Args:
        model: gives `(images, classes)`, or several such.
        output: name or index; None where there is one.

    Raises:
        ValueError: several outputs and none chosen, or an unknown one, with the names.
    """

    def __init__(self, model: keras.Model, output: str | int | None = None):
        self._model = model
        self._output = output
        self._head = None
        if getattr(model, "outputs", None):
            self._index = chosen_output(_names(model), output)
            self._head = _squashing(model, self._index)

    @property
    def squashed(self) -> bool:
        """Whether the model ends in a softmax or sigmoid that can be left out."""
        return self._head is not None

    def probabilities(self, images: Any) -> Any:
        """What the model gives for a batch, of shape `(images, classes)`."""
        return self._chosen(run(self._model, images))

    def scores(self, images: Any) -> Any:
        """The same before the softmax or sigmoid that made it; as it is where there is none."""
        with _left_out(self._head) if self._head else contextlib.nullcontext():
            return self.probabilities(images)

    def _chosen(self, outputs: Any) -> Any:
        if getattr(self._model, "outputs", None):
            chosen = keras.tree.flatten(outputs)[self._index]
        else:
            names = list(outputs) if isinstance(outputs, dict) else None
            flat = [outputs[name] for name in names] if names else keras.tree.flatten(outputs)
            names = names or [str(number) for number in range(len(flat))]
            chosen = flat[chosen_output(names, self._output)]
        if len(chosen.shape) != 2:
            raise ValueError(
                f"Expected class scores of shape (images, classes), the model gives "
                f"{tuple(chosen.shape)}. Give a model with its classifier."
            )
        if chosen.shape[1] < 2:
            raise ValueError(
                "Expected scores of at least two classes, the model gives one number. Give it a "
                "softmax over both, or wrap it in a model that gives both."
            )
        return chosen


def chosen_output(names: list[str], output: str | int | None) -> int:
    """The place of an output that is given by name or index.

    Raises:
        ValueError: none is given where there are several, or it is unknown.
    """
    if output is None:
        if len(names) > 1:
            raise ValueError(
                f"This model has {len(names)} outputs: choose one with output=, by name or index: "
                f"{', '.join(map(repr, names))}."
            )
        return 0
    if isinstance(output, str) and output not in names and output.isdecimal():
        output = int(output)
    if isinstance(output, str):
        if names.count(output) > 1:
            raise ValueError(
                f"Several outputs are called {output!r}: give an index, 0 to {len(names) - 1}."
            )
        return names.index(one_of("output", output, names))
    if not 0 <= output < len(names):
        raise ValueError(f"output must be from 0 to {len(names) - 1}, given: {output}.")
    return output


def _names(model: keras.Model) -> list[str]:
    """Names of the flattened outputs: the keys of a dict, or the layers that give them."""
    given = getattr(model, "output", None)
    if isinstance(given, dict):
        return sorted(given)
    unnamed = [str(number) for number in range(len(model.outputs))]
    return list(getattr(model, "output_names", unnamed))


def _squashing(model: keras.Model, index: int) -> Any:
    """The layer or operation whose softmax or sigmoid gives that output, None if there is none."""
    tensor = model.outputs[index]
    while True:
        history = getattr(tensor, "_keras_history", None)
        if history is None:
            return None
        made = history.operation
        if isinstance(made, keras.Model):
            if not getattr(made, "outputs", None):
                return None
            tensor = made.outputs[history.tensor_index]
        elif _squashes(made):
            return made
        elif _changes_nothing(made):
            tensor = made.input
        else:
            return None


def _squashes(made: Any) -> bool:
    own = type(made).__name__.lower() in _SQUASHING
    return own or _activation(made) in _SQUASHING


def _changes_nothing(made: Any) -> bool:
    """A layer that at most casts: common after a softmax under mixed precision."""
    plain = isinstance(made, keras.layers.Activation) and _activation(made) == "linear"
    return plain or isinstance(made, (keras.layers.Identity, keras.layers.Dropout))


def _activation(made: Any) -> str:
    return getattr(getattr(made, "activation", None), "__name__", "")


@contextlib.contextmanager
def _left_out(made: Any) -> Iterator[None]:
    """While it lasts, a layer is without its activation, or an activation hands its input on."""
    if _activation(made) not in _SQUASHING:
        with around(made, lambda original, inputs, *args, **kwargs: inputs):
            yield
        return
    activation = made.activation
    made.activation = keras.activations.linear
    try:
        yield
    finally:
        made.activation = activation
