"""What our own augmentations share: draws of their own for each image, and none at inference."""

from __future__ import annotations

from typing import Any

import keras


class Augmentation(keras.layers.Layer):
    """Changes images while training, and hands them on as they are otherwise.

    A subclass says what it does in `augment`; it draws from `self.generator`, whose state moves on
    with each step, so that draws are a function of the seed and the number of the step.

    Args:
        seed: of the draws.

    Input and output: images (batch, height, width, channels) in [0, 1], float32; or, of those
    that mix, `{"images": images, "labels": (batch, classes)}`, as Keras's own do.

    Attributes:
        mixes_labels: whether it is one of those that mix.
    """

    mixes_labels = False

    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    def augment(self, inputs: Any) -> Any:
        """The changed inputs."""
        raise NotImplementedError(f"{type(self).__name__} must define augment(inputs).")

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.augment(inputs) if training else inputs

    def uniform(self, count: Any, low: float = 0.0, high: float = 1.0) -> Any:
        """One number for each image, (count,)."""
        return keras.random.uniform((count,), low, high, dtype="float32", seed=self.generator)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return input_shape

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}
