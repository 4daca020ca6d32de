"""MixUp. Zhang et al. 2018, https://arxiv.org/abs/1710.09412"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.training.augmentation.base import Augmentation


@keras.saving.register_keras_serializable("attention_fer")
class MixUp(Augmentation):
    """Blends each image with another of the batch, and their labels by the same factor.

    Keras's own layer, which draws the same way, asks JAX for 64-bit integers, and JAX warns.

    Args:
        alpha: the factor is drawn from Beta(alpha, alpha) for each image.
        seed: of the draws.
    """

    mixes_labels = True

    def __init__(self, alpha: float = 0.2, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha

    def augment(self, inputs: dict[str, Any]) -> dict[str, Any]:
        count = ops.shape(inputs["images"])[0]
        kept = keras.random.beta((count,), self.alpha, self.alpha, "float32", self.generator)
        others = keras.random.shuffle(ops.arange(count), seed=self.generator)

        def mixed(values: Any) -> Any:
            share = ops.reshape(kept, [-1] + [1] * (len(values.shape) - 1))
            return share * values + (1 - share) * ops.take(values, others, axis=0)

        return {name: mixed(values) for name, values in inputs.items()}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}
