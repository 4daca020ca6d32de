"""What a student learns from its teacher, beside the labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import one_of


@dataclass(frozen=True)
class Distillation:
    """A second term in a student's loss, `(1 - weight) * loss of the labels + weight * it`.

    Attributes:
        kind: `"soft"`: `temperature ** 2 * KL(teacher || student)`, both at the temperature
            (Hinton et al. 2015, https://arxiv.org/abs/1503.02531); `"hard"`: the cross entropy
            with the class that the teacher finds most probable (Touvron et al. 2021,
            https://arxiv.org/abs/2012.12877).
        temperature: of the soft kind.
        weight: of the second term, from 0 to 1.

    Raises:
        ValueError: an unknown kind or a value out of range.
    """

    kind: str = "soft"
    temperature: float = 3.0
    weight: float = 0.5

    def __post_init__(self) -> None:
        one_of("kind of distillation", self.kind, TERMS)
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature must be above 0 and finite, given: {self.temperature}.")
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight must be from 0 to 1, given: {self.weight}.")

    def combine(self, of_labels: Any, teacher: Any, student: Any) -> Any:
        """The loss of each image, (batch,).

        Args:
            of_labels: (batch,), the loss of the labels on the student's class probabilities.
            teacher: the teacher's probabilities, (batch, classes); no gradient flows into them.
            student: the student's, (batch, classes): of its distillation head where it has one.
        """
        term = TERMS[self.kind](ops.stop_gradient(teacher), student, self.temperature)
        return (1 - self.weight) * of_labels + self.weight * term


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
KINDS = tuple(TERMS)
