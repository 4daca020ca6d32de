"""Class scores of one output of a model, with or without its final softmax.

A single output, as is common for two classes, counts as that of the second class.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras

from attention_fer.common import keras_private
from attention_fer.common.checks import one_of
from attention_fer.explain.maps.running import run_model, wrapped_call

_SQUASHING = ("softmax", "sigmoid")


class ClassScores:
    """The class scores of one output of a model.

    Attributes:
        single: whether the model turned out to have a single output.
        logits: whether the outputs are scores and not probabilities; None until the model has run.

    Args:
        model: outputs scores of shape `(n, classes)` or `(n, 1)`, or several such. A subclassed
            model has no graph; its final softmax is found once it has run.
        output: name or index; None if there is only one output.
        logits: whether outputs without a softmax or sigmoid are scores; None to conclude it from
            the first batch: scores are not all from 0 to 1.

    Raises:
        ValueError: several outputs and none chosen, or an unknown output.
    """

    def __init__(
        self,
        model: keras.Model,
        output: str | int | None = None,
        *,
        logits: bool | None = None,
    ):
        self._model = model
        self._output = output
        self._head = None
        self.single, self.logits = False, logits
        if getattr(model, "outputs", None):
            self._index = chosen_output(_names(model), output)
            self._head = _squashing(model, self._index)

    @property
    def squashed(self) -> bool:
        """Whether the output ends in a softmax or sigmoid that can be left out."""
        return self._head is not None

    def probabilities(self, images: Any) -> Any:
        """Returns what the model outputs for a batch, of shape `(n, classes)`.

        Of a model with a single output p, a probability, it is `[1 - p, p]`; of a score z, whose
        sigmoid is the probability, it is `[-z / 2, z / 2]`, whose softmax is the same.
        """
        found = self._run(images)
        self.single = found.shape[1] == 1
        if self.squashed:
            self.logits = False
        elif self.logits is None:  # once, or the answer for a picture would depend on others
            self.logits = not _within_0_and_1(found)
        if not self.single:
            return found
        pair = [-found / 2, found / 2] if self.logits else [1 - found, found]
        return keras.ops.concatenate(pair, axis=1)

    def scores(self, images: Any) -> Any:
        """Returns the same before the final softmax or sigmoid, unchanged if there is none.

        Of a single output z it is `[-z, z]`: what speaks against one class speaks for the other.
        """
        with _left_out(self._head) if self._head else contextlib.nullcontext():
            found = self._chosen(run_model(self._model, images))
        return found if found.shape[1] > 1 else keras.ops.concatenate([-found, found], axis=1)

    def _run(self, images: Any) -> Any:
        if getattr(self._model, "outputs", None):
            return self._chosen(run_model(self._model, images))
        with _squashed_outputs(self._model) as seen:
            found = self._chosen(run_model(self._model, images))
        self._head = next((layer for layer, output in seen if output is found), None)
        return found

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
        return chosen


@contextlib.contextmanager
def _squashed_outputs(model: keras.Model) -> Iterator[list[tuple[Any, Any]]]:
    """Yields a list that collects the layers that end in softmax or sigmoid, and their outputs."""
    seen: list[tuple[Any, Any]] = []

    def spied(layer: Any) -> Any:
        def call(original: Any, *args: Any, **kwargs: Any) -> Any:
            seen.append((layer, original(*args, **kwargs)))
            return seen[-1][1]

        return wrapped_call(layer, call)

    with contextlib.ExitStack() as hooks:
        for layer in filter(_squashes, keras_private.flatten_layers(model)):
            hooks.enter_context(spied(layer))
        yield seen


def _within_0_and_1(values: Any) -> bool:
    found = keras.ops.convert_to_numpy(values)
    return bool(found.min() >= 0 and found.max() <= 1)


def chosen_output(names: list[str], output: str | int | None) -> int:
    """Returns the index of an output given by name or index.

    Raises:
        ValueError: several outputs and none chosen, or an unknown output.
    """
    if output is None:
        if len(names) > 1:
            raise ValueError(
                f"This model has {len(names)} outputs. Choose one with output (--output), by name "
                f"or index: {', '.join(map(repr, names))}."
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
        made, index = keras_private.producer(tensor)
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
