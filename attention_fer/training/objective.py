"""The loss as a layer, so that labels can be mixed on the device, together with the images."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
from keras import ops

from attention_fer.common import keras_private
from attention_fer.training.distillation import Distillation


@keras.saving.register_keras_serializable("attention_fer")
class Objective(keras.layers.Layer):
    """Adds the mean loss of a batch to the model, and returns the probabilities unchanged.

    Use one per model, and call it once: the loss of another call would replace that of the first.
    Compile the model with `loss=None`: the loss that `fit` shows is the one added here, plus those
    of weight regularisers.

    Args:
        loss: loss for soft labels and probabilities; its own reduction is not used.
        distillation: what is learned from the teacher; None without one.

    Call arguments: a list of the class probabilities, the soft labels and, with a distillation,
    the teacher's probabilities and, if the student has one, its distillation head's; each
    (batch, classes).

    Raises:
        ValueError: inputs that do not fit the distillation.
    """

    def __init__(
        self, loss: keras.losses.Loss, distillation: Distillation | None = None, **kwargs: Any
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.loss, self.distillation = loss, distillation

    def call(self, inputs: list[Any]) -> Any:
        probabilities, labels, *others = inputs
        self._check(len(others))
        losses = self.loss.call(labels, probabilities)
        if self.distillation is not None:
            student = others[1] if len(others) == 2 else probabilities
            losses = self.distillation.combine(losses, others[0], student)
        # MirroredStrategy's replicas share this list. Where they wait for each other before this
        # point, as for synchronised normalisation, one would find the other's loss in it.
        keras_private.clear_losses(self)
        self.add_loss(ops.mean(losses))
        return probabilities

    def compute_output_shape(self, input_shape: list[Any]) -> Any:
        return tuple(input_shape[0])

    def _check(self, others: int) -> None:
        allowed = (0,) if self.distillation is None else (1, 2)
        if others not in allowed:
            raise ValueError(
                f"Inputs of Objective must be probabilities and labels"
                f"{'' if self.distillation is None else ', then those of the teacher'}, got "
                f"{others + 2} inputs with distillation={self.distillation}."
            )

    def get_config(self) -> dict[str, Any]:
        distillation = self.distillation and dataclasses.asdict(self.distillation)
        loss = keras.saving.serialize_keras_object(self.loss)
        return {**super().get_config(), "loss": loss, "distillation": distillation}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Objective:
        given = config["distillation"]
        loss = keras.saving.deserialize_keras_object(config["loss"])
        return cls(**{**config, "loss": loss, "distillation": given and Distillation(**given)})
