"""Cutout. DeVries and Taylor 2017, https://arxiv.org/abs/1708.04552"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.training.augmentation.base import Augmentation
from attention_fer.training.augmentation.boxes import inside_box


@keras.saving.register_keras_serializable("attention_fer")
class Cutout(Augmentation):
    """Sets a box of always the same size to 0, cut off where it sticks out of the image.

    Args:
        fraction: of the image's height and width.
        seed: of the draws.
    """

    def __init__(self, fraction: float = 0.25, **kwargs: Any):
        super().__init__(**kwargs)
        self.fraction = fraction

    def augment(self, inputs: Any) -> Any:
        fraction = ops.full((ops.shape(inputs)[0],), self.fraction, "float32")
        return ops.where(inside_box(inputs, fraction, self.generator), 0.0, inputs)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "fraction": self.fraction}
