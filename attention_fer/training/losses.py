"""Losses on soft labels, which mixed images need, and on integer labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import one_of
from attention_fer.recipes import LOSSES


def loss(
    kind: str = "crossentropy",
    *,
    label_smoothing: float = 0.0,
    gamma: float = 2.0,
    class_weights: Sequence[float] | None = None,
) -> keras.losses.Loss:
    """Return a loss for soft labels and probabilities, both (batch, classes).

    Args:
        kind: `"crossentropy"`, or `"focal"`: the sum over the classes of
            `-label * (1 - p) ** gamma * log(p)` (Lin et al. 2017,
            https://arxiv.org/abs/1708.02002, with alpha 1).
        label_smoothing: s turns a label into `label * (1 - s) + s / classes`.
        gamma: gamma of the focal loss; 0 gives the cross entropy.
        class_weights: (classes,); an image's loss is multiplied by the mean of the weights under
            its label before smoothing. None: all 1.

    Raises:
        ValueError: an unknown kind, or a value out of range.
    """
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing must be from 0 to below 1, got {label_smoothing}.")
    if not gamma >= 0:
        raise ValueError(f"gamma must be at least 0, got {gamma}.")
    made = BUILDERS[one_of("loss", kind, LOSSES)](label_smoothing, gamma)
    return made if class_weights is None else ClassWeighted(made, class_weights)


BUILDERS: dict[str, Callable[[float, float], keras.losses.Loss]] = {
    "crossentropy": lambda smoothing, gamma: keras.losses.CategoricalCrossentropy(
        label_smoothing=smoothing
    ),
    # Keras's alpha would scale every class alike, and the learning rate with it.
    "focal": lambda smoothing, gamma: keras.losses.CategoricalFocalCrossentropy(
        alpha=1.0, gamma=gamma, label_smoothing=smoothing
    ),
}


class _Around(keras.losses.Loss):
    """Wraps another loss, of which it uses the value of each image."""

    def __init__(self, loss: keras.losses.Loss, **kwargs: Any):
        super().__init__(**kwargs)
        self.loss = loss

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "loss": keras.saving.serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> keras.losses.Loss:
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})


@keras.saving.register_keras_serializable("attention_fer")
class ClassWeighted(_Around):
    """Multiplies another loss by `labels . class_weights` for each image.

    Args:
        loss: loss of soft labels.
        class_weights: (classes,), at least 0.

    Raises:
        ValueError: weights that are negative, infinite or missing.
    """

    def __init__(self, loss: keras.losses.Loss, class_weights: Sequence[float], **kwargs: Any):
        super().__init__(loss, **kwargs)
        self.class_weights = [float(weight) for weight in class_weights]
        if not self.class_weights or not all(0 <= w < float("inf") for w in self.class_weights):
            raise ValueError(
                f"class_weights must be finite and at least 0, got {self.class_weights}."
            )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if y_true.shape[-1] != len(self.class_weights):
            raise ValueError(
                f"class_weights must have one weight for each of {y_true.shape[-1]} classes, got "
                f"{len(self.class_weights)}."
            )
        weights = ops.matmul(y_true, ops.convert_to_tensor(self.class_weights, y_true.dtype))
        return self.loss.call(y_true, y_pred) * weights

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "class_weights": self.class_weights}


@keras.saving.register_keras_serializable("attention_fer")
class Sparse(_Around):
    """Applies a loss of soft labels to integer labels, (batch,) or (batch, 1).

    Args:
        loss: loss of soft labels.
        classes: number of classes.
    """

    def __init__(self, loss: keras.losses.Loss, classes: int, **kwargs: Any):
        super().__init__(loss, **kwargs)
        self.classes = classes

    def call(self, y_true: Any, y_pred: Any) -> Any:
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")  # Keras makes them floats.
        return self.loss.call(ops.one_hot(labels, self.classes, dtype=y_pred.dtype), y_pred)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "classes": self.classes}
