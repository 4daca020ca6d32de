"""Solarization with a fixed threshold."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.training.augmentation.base import Augmentation


@keras.saving.register_keras_serializable("attention_fer")
class Solarize(Augmentation):
    """Inverts what is at least as bright as a threshold: x becomes 1 - x.

    Keras's own layer draws the threshold of each image, and cannot be held to one.

    Args:
        threshold: from 0 to 1.
        seed: unused, as nothing is drawn.
    """

    def __init__(self, threshold: float = 0.5, **kwargs: Any):
        super().__init__(**kwargs)
        self.threshold = threshold

    def augment(self, inputs: Any) -> Any:
        return ops.where(inputs >= self.threshold, 1 - inputs, inputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "threshold": self.threshold}
