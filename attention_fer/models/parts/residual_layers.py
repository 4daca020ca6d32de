"""Layers at the end of a residual branch.

Layer scale: Touvron et al. 2021, https://arxiv.org/abs/2103.17239, section 2
Stochastic depth: Huang et al. 2016, https://arxiv.org/abs/1603.09382
"""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="attention_fer")
class LayerScale(keras.layers.Layer):
    """Multiplies each channel, the last axis, by a learned number.

    Args:
        start: initial value of that number; a small one starts a residual block near identity.

    Input and output shape: any, with channels last.
    """

    def __init__(self, start: float = 1e-6, **kwargs: Any):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.gamma = self.add_weight(
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.start),
            name="gamma",
        )

    def call(self, inputs: Any) -> Any:
        return inputs * self.gamma

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "start": self.start}


@keras.saving.register_keras_serializable(package="attention_fer")
class StochasticDepth(keras.layers.Layer):
    """Drops a residual branch for some samples of a batch during training.

    Put it at the end of the branch. Samples that are kept are divided by the probability of
    keeping them, so the expectation is the input. At inference the layer does nothing.

    Args:
        rate: probability of dropping the branch for a sample, at least 0 and below 1.
        seed: integer for reproducible draws; None for a random one.

    Input and output shape: any with a batch axis first.

    Raises:
        ValueError: `rate` is out of range.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate < 1:
            raise ValueError(f"rate must be a number of at least 0 and below 1, got {rate!r}.")
        self.rate = float(rate)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        # One draw per sample, shared along all other axes.
        self.noise_shape = (None, *(1 for _ in input_shape[1:]))

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or self.rate == 0:
            return inputs
        return keras.random.dropout(
            inputs, self.rate, noise_shape=self.noise_shape, seed=self.seed_generator
        )

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
