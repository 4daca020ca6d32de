"""The base of our own augmentations, and one that applies another with a probability."""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import ops


def check_data_format() -> None:
    """Check that images have their channels last, as everything here takes them.

    Raises:
        ValueError: `keras.config.image_data_format()` is `"channels_first"`.
    """
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "keras.config.image_data_format() must be 'channels_last' for training and "
            "augmentation, got 'channels_first'."
        )


class Augmentation(keras.layers.Layer):
    """Changes images in training, and returns them unchanged otherwise.

    A subclass defines `augment`, and keeps each of its arguments in an attribute of the same name,
    with which it is saved. It draws from `self.generator`, whose state moves on with each step, so
    the draws depend only on the seed and the number of the step.

    Args:
        seed: seed of the draws.

    Input and output: images (batch, height, width, channels) in [0, 1], float32; for layers that
    mix labels `{"images": images, "labels": (batch, classes)}`, as for Keras's own.

    Attributes:
        mixes_labels: whether the layer mixes labels.
    """

    mixes_labels = False

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def augment(self, inputs: Any) -> Any:
        """Return the changed inputs."""
        raise NotImplementedError(f"{type(self).__name__} must define augment(inputs).")

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.augment(inputs) if training else inputs

    def uniform(self, count: Any, low: float = 0.0, high: float = 1.0) -> Any:
        """Return one number per image, (count,)."""
        return keras.random.uniform((count,), low, high, dtype="float32", seed=self.generator)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        arguments = inspect.signature(type(self).__init__).parameters
        own = {name: value for name, value in vars(self).items() if name in arguments}
        return {**super().get_config(), "seed": self.seed, **own}


@keras.saving.register_keras_serializable("attention_fer")
class RandomApply(Augmentation):
    """Applies another augmentation to each image with probability p.

    Args:
        layer: the other augmentation. It is computed for all images.
        p: probability, from 0 to 1.
        seed: seed of the draws that decide which images are changed.
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

        # Keras's layers change the dictionary passed to them, and with PyTorch the tensors.
        changed = self.layer(keras.tree.map_structure(ops.copy, inputs), training=True)
        return keras.tree.map_structure(choose, changed, inputs)

    def get_config(self) -> dict[str, Any]:
        layer = keras.saving.serialize_keras_object(self.layer)
        return {**super().get_config(), "layer": layer}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> RandomApply:
        return cls(**{**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})
