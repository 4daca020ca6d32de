"""CutMix. Yun et al. 2019, https://arxiv.org/abs/1905.04899"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.training.augmentation.base import Augmentation
from attention_fer.training.augmentation.boxes import inside_box


@keras.saving.register_keras_serializable("attention_fer")
class CutMix(Augmentation):
    """Pastes a box of another image of the batch; the label shares are those of the areas.

    Keras's own layer draws alpha anew for each batch, and its label shares are those of a box that
    was not rounded to pixels.

    Args:
        alpha: the box has the area 1 - x, with x from Beta(alpha, alpha), before it is cut off.
        seed: of the draws.
    """

    mixes_labels = True

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = alpha

    def augment(self, inputs: dict[str, Any]) -> dict[str, Any]:
        images, labels = inputs["images"], inputs["labels"]
        count = ops.shape(images)[0]
        kept = keras.random.beta((count,), self.alpha, self.alpha, "float32", self.generator)
        inside = inside_box(images, ops.sqrt(1 - kept), self.generator)
        others = keras.random.shuffle(ops.arange(count), seed=self.generator)
        share = ops.mean(ops.cast(inside, "float32"), axis=(1, 2))
        return {
            "images": ops.where(inside, ops.take(images, others, axis=0), images),
            "labels": (1 - share) * labels + share * ops.take(labels, others, axis=0),
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "alpha": self.alpha}
