"""Layers of the transformers: patches, tokens, blocks, and their initial weights.

The networks are flat graphs of Keras layers, named after the sublayers of KerasHub's backbones, and
compute the same. Those backbones are not used because they have no place for stochastic depth,
cannot be frozen block by block through `model.layers`, and need TensorFlow under every Keras
backend.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers as kl

from attention_fer.common.checks import positive_int
from attention_fer.common.nested import nested_layers
from attention_fer.models.parts.common import channel_axis, draw_seed, seeded, spatial_sizes
from attention_fer.models.parts.residual_layers import StochasticDepth
from attention_fer.models.parts.self_attention import MultiHeadSelfAttention
from attention_fer.models.parts.tokens import LearnedTokens, PositionEmbedding

Attend = Callable[[Any, str], Any]


@dataclass(frozen=True)
class TransformerSize:
    """Channels of a token, blocks, heads, and units of the first dense layer of a block."""

    hidden_dim: int
    layers: int
    heads: int
    mlp_dim: int


@dataclass(frozen=True)
class TransformerLayers:
    """Layers as the options of the builder configure them, by name."""

    size: TransformerSize
    drop_path: float
    dropout: float
    seed: int | None

    def initializer(self, name: str) -> keras.initializers.Initializer:
        """Return a truncated normal of standard deviation 0.02, as in the authors' code."""
        return seeded(keras.initializers.TruncatedNormal(stddev=0.02), self.seed, name)

    def dense(self, x: Any, units: int, name: str, activation: str | None = None) -> Any:
        kernel = self.initializer(name)
        return kl.Dense(units, activation=activation, kernel_initializer=kernel, name=name)(x)

    def norm(self, x: Any, name: str) -> Any:
        return kl.LayerNormalization(epsilon=1e-6, name=name)(x)

    def drop(self, x: Any, name: str) -> Any:
        if not self.dropout:
            return x
        return kl.Dropout(self.dropout, seed=draw_seed(self.seed, name), name=name)(x)

    def patches(self, image: Any, patch_size: int) -> Any:
        """Return the patches of an image as tokens, row by row.

        Output shape: `(batch, rows * columns, hidden_dim)`.

        Raises:
            ValueError: the size of the image is unknown, or the patches do not divide it.
        """
        _check_divides(image, patch_size)
        x = kl.Conv2D(
            self.size.hidden_dim,
            patch_size,
            strides=patch_size,
            kernel_initializer=self.initializer("patch_embedding"),
            name="patch_embedding",
        )(image)
        if channel_axis() == 1:
            x = kl.Permute((2, 3, 1), name="channels_to_the_end")(x)
        return kl.Reshape((-1, self.size.hidden_dim), name="patches")(x)

    def learned_token(self, x: Any, name: str) -> Any:
        """Put one learned token before the others."""
        return LearnedTokens(initializer=self.initializer(name), name=name)(x)

    def positions(self, x: Any) -> Any:
        """Add a learned position to each token."""
        name = "position_embedding"
        x = PositionEmbedding(initializer=self.initializer(name), name=name)(x)
        return self.drop(x, "dropout")

    def block(self, x: Any, number: int, attend: Attend) -> Any:
        """Apply attention, then two dense layers: two residual branches, normalised first."""
        name = f"transformer_block_{number}"
        y = attend(self.norm(x, f"{name}_ln_1"), name)
        x = self._add(x, self.drop(y, f"{name}_dropout"), number, f"{name}_add_1")
        y = self.norm(x, f"{name}_ln_2")
        y = self.dense(y, self.size.mlp_dim, f"{name}_mlp_dense_1", activation="gelu")
        y = self.drop(y, f"{name}_mlp_dropout_1")
        y = self.dense(y, self.size.hidden_dim, f"{name}_mlp_dense_2")
        return self._add(x, self.drop(y, f"{name}_mlp_dropout_2"), number, f"{name}_add_2")

    def _add(self, x: Any, branch: Any, number: int, name: str) -> Any:
        # The rate grows from 0 in the first block to drop_path in the last, as in DeiT's code.
        rate = self.drop_path * (number - 1) / max(1, self.size.layers - 1)
        if rate:
            drop = f"{name}_drop_path"
            branch = StochasticDepth(rate, draw_seed(self.seed, drop), name=drop)(branch)
        return kl.Add(name=name)([x, branch])

    def multi_head_attention(self, x: Any, block: str) -> Any:
        size = self.size
        layer = MultiHeadSelfAttention(
            size.heads,
            size.hidden_dim // size.heads,
            kernel_initializer=self.initializer(block),
            name=f"{block}_mha",
        )
        y = layer(x, x)
        self.draw_projections(layer)
        return y

    def draw_projections(self, layer: kl.Layer, keep: str | None = None) -> None:
        """Draw the kernels of the projections of an attention layer anew, except that of `keep`."""
        # With one seed for the whole layer, its projections would start equal.
        if self.seed is None:
            return
        for variable in layer.weights:
            owner, kind = variable.path.split("/")[-2:]
            if kind == "kernel" and owner != keep:
                draw = self.initializer(f"{layer.name}/{owner}")
                variable.assign(draw(variable.shape, dtype=variable.dtype))


def _check_divides(image: Any, patch_size: int) -> None:
    """Raise ValueError unless patches of that size tile the image."""
    positive_int("patch_size", patch_size)
    sizes = spatial_sizes(image)
    if None in sizes:
        raise ValueError(
            f"input_shape must have a known height and width, got shape {image.shape}."
        )
    if any(pixels is None or pixels < patch_size or pixels % patch_size for pixels in sizes):
        raise ValueError(
            f"patch_size must divide the height and width of the image, got {patch_size} for "
            f"{sizes[0]} x {sizes[1]} pixels. {_nearest(sizes, patch_size)}"
        )


def _nearest(sizes: tuple[Any, ...], patch_size: int) -> str:
    images = [max(1, round(pixels / patch_size)) * patch_size for pixels in sizes]
    common = math.gcd(*sizes)
    divisors = [d for d in range(2, common + 1) if common % d == 0]
    patch = min(divisors, key=lambda d: abs(d - patch_size), default=1)
    return f"Use an image of {images[0]} x {images[1]} pixels or patch_size={patch}."


def patch_grid(model: keras.Model) -> tuple[int, int]:
    """Return the rows and columns of patches of a transformer, which may be nested in `model`.

    Raises:
        ValueError: the model has no layer `patch_embedding`, or several.
    """
    found = [layer for layer in nested_layers(model) if layer.name == "patch_embedding"]
    if len(found) != 1:
        raise ValueError(
            f"The model {model.name!r} must contain one transformer, got {len(found)} layers named "
            "'patch_embedding'."
        )
    shape = found[0].output.shape
    rows, columns = shape[2:] if found[0].data_format == "channels_first" else shape[1:3]
    return rows, columns
