"""An augmentation of some images, drawn at random."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.training.augmentation.base import Augmentation


@keras.saving.register_keras_serializable("attention_fer")
class Sometimes(Augmentation):
    """Another augmentation, of each image with probability p.

    Args:
        layer: the other. It is computed for all images.
        p: from 0 to 1.
        seed: of the draws which images are changed.
    """

    def __init__(self, layer: keras.layers.Layer, p: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.layer, self.p = layer, p
        self.mixes_labels = getattr(layer, "mixes_labels", False)
        self.supports_jit = layer.supports_jit

    def build(self, input_shape: Any) -> None:
        self.layer.build(input_shape)

    def augment(self, inputs: Any) -> Any:
        chosen = self.uniform(ops.shape(keras.tree.flatten(inputs)[0])[0]) < self.p

        def choose(new: Any, old: Any) -> Any:
            return ops.where(ops.reshape(chosen, [-1] + [1] * (len(old.shape) - 1)), new, old)

        # Keras's layers change the dictionary that they are given, and with PyTorch the tensors.
        changed = self.layer(keras.tree.map_structure(ops.copy, inputs), training=True)
        return keras.tree.map_structure(choose, changed, inputs)

    def get_config(self) -> dict[str, Any]:
        layer = keras.saving.serialize_keras_object(self.layer)
        return {**super().get_config(), "layer": layer, "p": self.p}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Sometimes:
        return cls(**{**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})
