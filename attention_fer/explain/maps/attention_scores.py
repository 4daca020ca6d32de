"""Attention scores of transformers: which token attends to which, layer by layer."""

from __future__ import annotations

import contextlib
import math
from typing import Any, NamedTuple

import keras
import numpy as np

from attention_fer.common.checks import positive_int
from attention_fer.explain.maps.batches import to_numpy
from attention_fer.explain.maps.hooks import inputs_of
from attention_fer.models.parts.self_attention import SelfAttention
from attention_fer.models.parts.transformer_block import nested_layers, patch_grid


class AttentionScores(NamedTuple):
    """Scores of one attention layer.

    Attributes:
        layer: name of the layer.
        weights: float32 of shape `(images, heads, tokens, tokens)`, each row summing to 1: row i
            holds how much token i attends to every token.
        special: number of leading tokens that are not patches: 1 (class) in ViT, 2 (class,
            distillation) in DeiT, 0 in ConViT's gated layers and 1 in those after them.
        grid: rows and columns of patches. The tokens after the special ones are the patches, row by
            row, so that `special + rows * columns == tokens`.
    """

    layer: str
    weights: np.ndarray
    special: int
    grid: tuple[int, int]


def attention_scores(
    model: keras.Model, images: Any, batch_size: int = 32
) -> list[AttentionScores]:
    """Returns the scores of every self-attention layer of a transformer, first layer first.

    Args:
        model: a network of `models.ViT`, `models.DeiT` or `models.ConViT`, built or loaded, or a
            model that contains one. If it runs that network several times, the first run counts. It
            must not run in another thread meanwhile.
        images: `(images, height, width, channels)`, or as `model` takes them.
        batch_size: how many images are computed at a time.

    Raises:
        ValueError: a model without self-attention over patches, or with several such networks.
    """
    layers = [layer for layer in nested_layers(model) if _attends(layer)]
    if not layers:
        raise ValueError(
            f"The model {model.name!r} has no self-attention layer. Use a network of models.ViT, "
            "models.DeiT or models.ConViT, or a model that contains one."
        )
    grid = patch_grid(model)
    size = positive_int("batch_size", batch_size)
    parts = [
        _batch_scores(model, layers, images[start : start + size])
        for start in range(0, max(1, len(images)), size)
    ]
    found = []
    for layer, batches in zip(layers, zip(*parts, strict=True), strict=True):
        weights = np.concatenate(batches)
        special = weights.shape[-1] - math.prod(grid)
        found.append(AttentionScores(layer.name, weights, special, grid))
    return found


def _attends(layer: Any) -> bool:
    return isinstance(layer, (SelfAttention, keras.layers.MultiHeadAttention))


def _batch_scores(model: keras.Model, layers: list[Any], images: Any) -> list[np.ndarray]:
    with contextlib.ExitStack() as stack:
        inputs = [stack.enter_context(inputs_of(layer)) for layer in layers]
        model(images, training=False)
    return [_layer_scores(layer, seen[0]) for layer, seen in zip(layers, inputs, strict=True)]


def _layer_scores(layer: Any, tokens: Any) -> np.ndarray:
    others = () if isinstance(layer, SelfAttention) else (tokens,)
    _, scores = layer(tokens, *others, training=False, return_attention_scores=True)
    return to_numpy(scores)
