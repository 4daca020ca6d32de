"""What a student learns from its teacher, in addition to the labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from attention_fer.common.rules import check_fields, choice, field, number


@dataclass(frozen=True)
class Distillation:
    """A second term in a student's loss: `(1 - weight) * loss on labels + weight * term`.

    Attributes:
        kind: `"soft"`: `temperature ** 2 * KL(teacher || student)`, both at the temperature
            (Hinton et al. 2015, https://arxiv.org/abs/1503.02531); `"hard"`: the cross entropy
            with the class that the teacher finds most probable (Touvron et al. 2021,
            https://arxiv.org/abs/2012.12877).
        temperature: temperature of the kind `"soft"`.
        weight: weight of the second term, from 0 to 1.

    Raises:
        ValueError: an unknown kind or a value out of range.
    """

    kind: str = field(choice("soft", ("soft", "hard")))
    temperature: float = field(number(3.0, above=0))
    weight: float = field(number(0.5, at_least=0, at_most=1))

    def __post_init__(self) -> None:
        check_fields(self)

    def combine(self, of_labels: Any, teacher: Any, student: Any) -> Any:
        """Return the loss of each image, (batch,).

        Args:
            of_labels: (batch,), the student's loss on the labels.
            teacher: the teacher's probabilities, (batch, classes); no gradient flows into them.
            student: the student's probabilities, (batch, classes), of its distillation head if any.
        """
        term = TERMS[self.kind](ops.stop_gradient(teacher), student, self.temperature)
        return (1 - self.weight) * of_labels + self.weight * term


@keras.saving.register_keras_serializable("attention_fer")
class FrozenTeacher(keras.layers.Layer):
    """A trained network in inference mode, also while the model around it is trained.

    `network(x, training=False)` in a functional graph would not do: Keras runs all layers of a
    graph with the graph's own `training`.

    Args:
        network: the teacher; it becomes untrainable.
    """

    def __init__(self, network: keras.Model, **kwargs: Any):
        super().__init__(**kwargs)
        self.network = network
        network.trainable = False

    def call(self, inputs: Any) -> Any:
        return self.network(inputs, training=False)

    def get_config(self) -> dict[str, Any]:
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FrozenTeacher:
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})


def _soft(teacher: Any, student: Any, temperature: float) -> Any:
    goal, found = (_tempered(p, temperature) for p in (teacher, student))
    return temperature**2 * ops.sum(ops.exp(goal) * (goal - found), axis=-1)


def _hard(teacher: Any, student: Any, temperature: float) -> Any:
    chosen = ops.one_hot(ops.argmax(teacher, axis=-1), student.shape[-1], dtype=student.dtype)
    return -ops.sum(chosen * _log(student), axis=-1)


def _tempered(probabilities: Any, temperature: float) -> Any:
    # Logits are log probabilities up to a constant, which the softmax takes away again.
    return ops.log_softmax(_log(probabilities) / temperature, axis=-1)


def _log(probabilities: Any) -> Any:
    return ops.log(ops.maximum(probabilities, keras.config.epsilon()))


TERMS: dict[str, Callable[[Any, Any, float], Any]] = {"soft": _soft, "hard": _hard}
