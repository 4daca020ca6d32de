"""Augmentations that mix two images of a batch and their labels."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.training.augmentation.base import Augmentation
from attention_fer.training.augmentation.erasing import inside_box


@keras.saving.register_keras_serializable("attention_fer")
class MixUp(Augmentation):
    """Blends each image with another of the batch, and their labels by the same factor.

    Zhang et al. 2018, https://arxiv.org/abs/1710.09412. Keras's own layer draws the same way, but
    asks JAX for 64-bit integers, of which JAX warns.

    Args:
        alpha: the factor is drawn from Beta(alpha, alpha) for each image.
        seed: seed of the draws.
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


@keras.saving.register_keras_serializable("attention_fer")
class CutMix(Augmentation):
    """Pastes a box of another image of the batch; labels are weighted by the areas.

    Yun et al. 2019, https://arxiv.org/abs/1905.04899. Keras's own layer draws alpha anew for each
    batch, and weights labels by the area of the box before it is rounded to pixels.

    Args:
        alpha: the box has the area 1 - x, with x from Beta(alpha, alpha), before it is clipped.
        seed: seed of the draws.
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
