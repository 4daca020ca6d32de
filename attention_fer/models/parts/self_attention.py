"""Self-attention of ConViT. d'Ascoli et al. 2021, https://arxiv.org/abs/2103.10697"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from attention_fer.common.checks import positive_int
from attention_fer.layers.composite import CompositeLayer


@keras.saving.register_keras_serializable(package="attention_fer")
class SelfAttention(CompositeLayer):
    """Multi-head self-attention whose queries, keys and values have no bias, as in ConViT.

    `keras.layers.MultiHeadAttention` has biases on all four projections or on none; here the
    output projection alone has one.

    Args:
        heads: number of heads, a divisor of the channels.
        kernel_initializer: initializer of the projections, each of which draws its own kernel.

    Input and output shape: `(batch, tokens, channels)`.

    Raises:
        ValueError: the heads do not divide the channels.
    """

    def __init__(
        self,
        heads: int,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.heads = positive_int("heads", heads)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        channels = int(input_shape[-1] or 0)
        if not channels or channels % self.heads:
            raise ValueError(
                f"heads must divide the number of channels, got {self.heads} heads for inputs of "
                f"shape {tuple(input_shape)}."
            )
        self.channels = channels
        for name in ("query", "key", "value", "projection"):
            dense = keras.layers.Dense(
                channels,
                use_bias=name == "projection",
                kernel_initializer=self.initializer_of(name),
                dtype=self.dtype_policy,
                name=name,
            )
            dense.build((None, None, channels))
            setattr(self, name, dense)

    def initializer_of(self, name: str) -> str | keras.initializers.Initializer:
        """Return the initializer for the kernel of a projection."""
        return self.kernel_initializer.clone()

    def call(self, inputs: Any, return_attention_scores: bool = False) -> Any:
        """Attend over the tokens.

        Returns:
            Tokens `(batch, tokens, channels)`; with `return_attention_scores`, also the scores
            `(batch, heads, tokens, tokens)`, whose rows sum to 1.
        """
        scores = self.scores(inputs)
        values = ops.matmul(scores, self._split(self.value(inputs)))
        joined = ops.reshape(ops.transpose(values, (0, 2, 1, 3)), ops.shape(inputs))
        attended = self.projection(joined)
        return (attended, scores) if return_attention_scores else attended

    def scores(self, inputs: Any) -> Any:
        """Return the softmax over the scaled products of queries and keys."""
        query, key = self._split(self.query(inputs)), self._split(self.key(inputs))
        scale = (self.channels // self.heads) ** -0.5
        return ops.softmax(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) * scale)

    def compute_output_spec(self, inputs: Any, return_attention_scores: bool = False) -> Any:
        batch, tokens, _ = inputs.shape
        attended = keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)
        if not return_attention_scores:
            return attended
        shape = (batch, self.heads, tokens, tokens)
        return attended, keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        initializer = keras.initializers.serialize(self.kernel_initializer)
        return {**super().get_config(), "heads": self.heads, "kernel_initializer": initializer}

    def _split(self, x: Any) -> Any:
        """`(batch, tokens, channels)` to `(batch, heads, tokens, channels of a head)`."""
        batch, tokens, channels = ops.shape(x)
        x = ops.reshape(x, (batch, tokens, self.heads, channels // self.heads))
        return ops.transpose(x, (0, 2, 1, 3))


@keras.saving.register_keras_serializable(package="attention_fer")
class MultiHeadSelfAttention(CompositeLayer, keras.layers.MultiHeadAttention):
    """Keras's multi-head attention, whose projections stay frozen and quantised when loaded."""


@keras.saving.register_keras_serializable(package="attention_fer")
class GatedPositionalSelfAttention(SelfAttention):
    """Self-attention that starts as a convolution, with one gate per head.

    The gate g mixes attention by content and by position. The scores are
    `(1 - sigmoid(g)) softmax(QK) + sigmoid(g) softmax(v r)`, whose rows sum to 1 without the
    paper's division by their sum; `r` is `(dx, dy, dx^2 + dy^2)`, the columns and rows from the
    query patch to the key patch, and each head learns its `v`. Initially each head attends to one
    place in a square of sqrt(heads) patches per side around its own patch, more sharply with
    larger `locality_strength`; its values are the input itself, and its gate is `sigmoid(1)`.

    Args:
        heads: a square number.
        locality_strength: alpha in the paper.
        kernel_initializer: initializer of the projections, except that of the values.

    Input and output shape: `(batch, patches, channels)`, the patches of a square grid row by row,
    without a class token.

    Raises:
        ValueError: the number of heads or patches is not a square number.
    """

    def __init__(
        self,
        heads: int,
        locality_strength: float = 1.0,
        kernel_initializer: str | keras.initializers.Initializer = "glorot_uniform",
        **kwargs: Any,
    ):
        super().__init__(heads, kernel_initializer, **kwargs)
        self.locality_strength = locality_strength
        self.window = _root("The number of heads", self.heads)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        super().build(input_shape)
        self.side = _root("The number of patches", int(input_shape[1] or 0))
        self.position_kernel = self.add_weight(
            shape=(3, self.heads), initializer=self._centres, name="position_kernel"
        )
        # Adds one number to all logits of a head, which has no effect after softmax; it is here
        # because the authors' code has it.
        self.position_bias = self.add_weight(
            shape=(self.heads,), initializer="zeros", name="position_bias"
        )
        self.gate = self.add_weight(shape=(self.heads,), initializer="ones", name="gate")

    def initializer_of(self, name: str) -> str | keras.initializers.Initializer:
        return "identity" if name == "value" else super().initializer_of(name)

    def scores(self, inputs: Any) -> Any:
        content = super().scores(inputs)
        gate = ops.reshape(ops.sigmoid(ops.cast(self.gate, content.dtype)), (1, -1, 1, 1))
        position = ops.cast(self.position_scores(), content.dtype)
        return (1 - gate) * content + gate * ops.expand_dims(position, 0)

    def position_scores(self) -> Any:
        """Return the scores by position alone: `(heads, patches, patches)`."""
        logits = ops.matmul(self._offsets(), ops.cast(self.position_kernel, "float32"))
        logits += ops.cast(self.position_bias, "float32")
        return ops.softmax(ops.transpose(logits, (2, 0, 1)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "locality_strength": self.locality_strength}

    def _offsets(self) -> Any:
        """Return columns, rows and squared distance between patches: `(patches, patches, 3)`."""
        index = ops.arange(self.side * self.side, dtype="int32")
        row, column = (
            ops.cast(index // self.side, "float32"),
            ops.cast(index % self.side, "float32"),
        )
        dx = ops.expand_dims(column, 0) - ops.expand_dims(column, 1)
        dy = ops.expand_dims(row, 0) - ops.expand_dims(row, 1)
        return ops.stack([dx, dy, dx**2 + dy**2], axis=-1)

    def _centres(self, shape: tuple[int, ...], dtype: Any = None) -> Any:
        """Return `2 alpha` times the centre of attention of each head, and `-alpha`."""
        middle = (self.window - 1) / 2
        places = [
            (2 * (head // self.window - middle), 2 * (head % self.window - middle), -1.0)
            for head in range(self.heads)
        ]
        rows = [
            [self.locality_strength * value for value in row] for row in zip(*places, strict=True)
        ]
        return ops.convert_to_tensor(rows, dtype=dtype)


def _root(what: str, number: int) -> int:
    root = math.isqrt(number)
    if number < 1 or root * root != number:
        raise ValueError(
            f"{what} must be a square number, got {number}. The nearest are {max(1, root) ** 2} "
            f"and {(root + 1) ** 2}."
        )
    return root
