"""The attention scores of the transformers: which token looks at which, layer by layer."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from attention_fer.common.checks import positive_int
from attention_fer.models.parts.positional_self_attention import SelfAttention
from attention_fer.models.parts.transformer_block import nested_layers, patch_grid


class Scores(NamedTuple):
    """Scores of one attention layer.

    Attributes:
        layer: name of the layer.
        weights: float32 of shape `(images, heads, tokens, tokens)`, each row summing to 1: row i
            says how much token i takes of every token.
        special: how many leading tokens are not patches: 1 (class) in ViT, 2 (class,
            distillation) in DeiT, 0 in ConViT's gated layers and 1 in those after them.
        grid: rows and columns of patches; the tokens after the special ones are the patches,
            row by row, so that `special + rows * columns == tokens`.
    """

    layer: str
    weights: np.ndarray
    special: int
    grid: tuple[int, int]


def attention_scores(model: keras.Model, images: Any, batch_size: int = 32) -> list[Scores]:
    """The scores of every self-attention layer of a transformer, first layer first.

    Args:
        model: a network of `models.ViT`, `models.DeiT` or `models.ConViT`, built or loaded, or a
            model that contains one such network, which may be called more than once: its first run
            counts. It must not run in another thread meanwhile.
        images: `(images, height, width, channels)`, or as `model` takes them.
        batch_size: how many images are computed at a time.

    Raises:
        ValueError: a model without self-attention over patches, or with several such networks.
    """
    layers = [layer for layer in nested_layers(model) if _attends(layer)]
    if not layers:
        raise ValueError(
            f"The model {model.name!r} has no self-attention layer, expected a network of "
            "models.ViT, models.DeiT or models.ConViT, or a model that contains one."
        )
    grid = patch_grid(model)
    size = positive_int("batch_size", batch_size)
    parts = [
        _of_batch(model, layers, images[start : start + size])
        for start in range(0, max(1, len(images)), size)
    ]
    found = []
    for layer, batches in zip(layers, zip(*parts, strict=True), strict=True):
        weights = np.concatenate(batches)
        found.append(Scores(layer.name, weights, weights.shape[-1] - math.prod(grid), grid))
    return found


def _attends(layer: Any) -> bool:
    return isinstance(layer, (SelfAttention, keras.layers.MultiHeadAttention))


def _of_batch(model: keras.Model, layers: list[Any], images: Any) -> list[np.ndarray]:
    with contextlib.ExitStack() as stack:
        inputs = [stack.enter_context(_inputs_of(layer)) for layer in layers]
        model(images, training=False)
    return [_scores(layer, seen[0]) for layer, seen in zip(layers, inputs, strict=True)]


def _scores(layer: Any, tokens: Any) -> np.ndarray:
    others = () if isinstance(layer, SelfAttention) else (tokens,)
    _, scores = layer(tokens, *others, training=False, return_attention_scores=True)
    return keras.ops.convert_to_numpy(keras.ops.cast(scores, "float32"))


@contextlib.contextmanager
def _inputs_of(layer: Any) -> Iterator[list[Any]]:
    """A list that gets the first argument of each call of the layer while this lasts."""
    # A graph of its own through the layer would have to go through every model around it.
    seen: list[Any] = []
    original = layer.call

    def call(tokens: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(tokens)
        return original(tokens, *args, **kwargs)

    layer.call = call
    try:
        yield seen
    finally:
        del layer.call
