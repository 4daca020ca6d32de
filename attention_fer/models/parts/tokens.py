"""Learned tokens and learned positions of transformers.

Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import positive_int


@keras.saving.register_keras_serializable(package="attention_fer")
class LearnedTokens(keras.layers.Layer):
    """Puts learned tokens before those of the input, the same for every sample.

    Args:
        count: number of learned tokens.
        initializer: initializer of the tokens.

    Input shape: `(batch, tokens, channels)`. Output shape: `(batch, count + tokens, channels)`.

    Raises:
        ValueError: `count` is below 1.
    """

    def __init__(
        self,
        count: int = 1,
        initializer: str | keras.initializers.Initializer = "zeros",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.count = positive_int("count", count)
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (1, self.count, input_shape[-1])
        self.tokens = self.add_weight(shape=shape, initializer=self.initializer, name="tokens")

    def call(self, inputs: Any) -> Any:
        batch, _, channels = ops.shape(inputs)
        learned = ops.broadcast_to(
            ops.cast(self.tokens, inputs.dtype), (batch, self.count, channels)
        )
        return ops.concatenate([learned, inputs], axis=1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, tokens, channels = input_shape
        return batch, None if tokens is None else tokens + self.count, channels

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "count": self.count, "initializer": initializer}


@keras.saving.register_keras_serializable(package="attention_fer")
class PositionEmbedding(keras.layers.Layer):
    """Adds a learned vector to each token, one per place in the sequence.

    Args:
        initializer: initializer of the vectors.

    Input and output shape: `(batch, tokens, channels)`, with a known number of tokens.
    """

    def __init__(self, initializer: str | keras.initializers.Initializer = "zeros", **kwargs: Any):
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.positions = self.add_weight(
            shape=(1, *input_shape[1:]), initializer=self.initializer, name="positions"
        )

    def call(self, inputs: Any) -> Any:
        return inputs + ops.cast(self.positions, inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(input_shape)

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.initializer)
        return {**super().get_config(), "initializer": initializer}
