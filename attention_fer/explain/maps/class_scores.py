"""Class scores of one output of a model, with or without its final softmax."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from attention_fer.common.checks import one_of
from attention_fer.explain.maps.layer_tree import producer
from attention_fer.explain.maps.running import run_model, wrapped_call

_SQUASHING = ("softmax", "sigmoid")


class ClassScores:
    """The class scores of one output of a model.

    Args:
        model: outputs scores of shape `(n, classes)`, or several such.
        output: name or index; None if there is only one output.

    Raises:
        ValueError: several outputs and none chosen, or an unknown output.
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
        """Whether the output ends in a softmax or sigmoid that can be left out."""
        return self._head is not None

    def probabilities(self, images: Any) -> Any:
        """Returns what the model outputs for a batch, of shape `(n, classes)`."""
        return self._chosen(run_model(self._model, images))

    def scores(self, images: Any) -> Any:
        """Returns the same before the final softmax or sigmoid, unchanged if there is none."""
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
                f"The model must output class scores of shape (n, classes), got "
                f"{tuple(chosen.shape)}. Use a model with its classifier."
            )
        if chosen.shape[1] < 2:
            raise ValueError(
                "The model must output scores of at least two classes, got one number. Give it a "
                "softmax over both classes, or wrap it in a model that outputs both."
            )
        return chosen


def chosen_output(names: list[str], output: str | int | None) -> int:
    """Returns the index of an output given by name or index.

    Raises:
        ValueError: several outputs and none chosen, or an unknown output.
    """
    if output is None:
        if len(names) > 1:
            raise ValueError(
                f"This model has {len(names)} outputs. Choose one with output=, by name or index: "
                f"{', '.join(map(repr, names))}."
            )
        return 0
    if isinstance(output, str) and output not in names and output.isdecimal():
        output = int(output)
    if isinstance(output, str):
        if names.count(output) > 1:
            raise ValueError(
                f"Several outputs are called {output!r}. Give an index, 0 to {len(names) - 1}."
            )
        return names.index(one_of("output", output, names))
    if not 0 <= output < len(names):
        raise ValueError(f"output must be from 0 to {len(names) - 1}, got {output}.")
    return output


def _names(model: keras.Model) -> list[str]:
    """Names of the flattened outputs: the keys of a dict, or the layers that compute them."""
    given = getattr(model, "output", None)
    if isinstance(given, dict):
        return sorted(given)
    unnamed = [str(number) for number in range(len(model.outputs))]
    return list(getattr(model, "output_names", unnamed))


def _squashing(model: keras.Model, index: int) -> Any:
    """The layer or operation that ends an output with softmax or sigmoid; None if nothing does."""
    tensor = model.outputs[index]
    while True:
        made, index = producer(tensor)
        if isinstance(made, keras.Model):
            if not getattr(made, "outputs", None):
                return None
            tensor = made.outputs[index]
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
    """Whether a layer at most casts, as often happens after a softmax in mixed precision."""
    plain = isinstance(made, keras.layers.Activation) and _activation(made) == "linear"
    return plain or isinstance(made, (keras.layers.Identity, keras.layers.Dropout))


def _activation(made: Any) -> str:
    return getattr(getattr(made, "activation", None), "__name__", "")


@contextlib.contextmanager
def _left_out(made: Any) -> Iterator[None]:
    """Within the block, a layer has no activation, or an activation returns its input."""
    if _activation(made) not in _SQUASHING:
        with wrapped_call(made, lambda original, inputs, *args, **kwargs: inputs):
            yield
        return
    activation = made.activation
    made.activation = keras.activations.linear
    try:
        yield
    finally:
        made.activation = activation
