"""Attention rollout: the patches on which a transformer's decision is based.

Abnar and Zuidema 2020, https://arxiv.org/abs/2005.00928
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from attention_fer.common.checks import positive_int
from attention_fer.explain.maps.running import (
    batches,
    check_images,
    divide_by_maximum,
    image_size,
    inputs_of,
    resize_maps,
    to_numpy,
)
from attention_fer.models.parts.self_attention import SelfAttention
from attention_fer.models.parts.transformer_block import nested_layers, patch_grid

_ATTENDING = (SelfAttention, keras.layers.MultiHeadAttention)


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


def attention_scores(model: keras.Model, images: Any) -> list[AttentionScores]:
    """Returns the scores of every self-attention layer of a transformer, first layer first.

    Args:
        model: a network of `models.ViT`, `models.DeiT` or `models.ConViT`, built or loaded, or a
            model that contains one. If it runs that network several times, the first run counts. It
            must not run in another thread meanwhile.
        images: `(images, height, width, channels)`, or as `model` takes them.

    Raises:
        ValueError: a model without self-attention over patches, or with several such networks.
    """
    layers = [layer for layer in nested_layers(model) if isinstance(layer, _ATTENDING)]
    if not layers:
        raise ValueError(
            f"The model {model.name!r} has no self-attention layer. Use a network of models.ViT, "
            "models.DeiT or models.ConViT, or a model that contains one."
        )
    grid = patch_grid(model)
    with contextlib.ExitStack() as stack:
        inputs = [stack.enter_context(inputs_of(layer)) for layer in layers]
        model(images, training=False)
    found = []
    for layer, seen in zip(layers, inputs, strict=True):
        weights = _layer_scores(layer, seen[0])
        found.append(
            AttentionScores(layer.name, weights, weights.shape[-1] - math.prod(grid), grid)
        )
    return found


def _layer_scores(layer: Any, tokens: Any) -> np.ndarray:
    others = () if isinstance(layer, SelfAttention) else (tokens,)
    _, scores = layer(tokens, *others, training=False, return_attention_scores=True)
    return to_numpy(scores)


def rollout(
    model: keras.Model, images: Any, *, token: int | None = None, batch_size: int = 32
) -> np.ndarray:
    """Returns maps of how much the class token takes from each patch through all layers.

    A map does not depend on a class. Its lowest values are above 0 and often similar, because each
    layer adds the token itself; the maps are not stretched to hide this.

    Args:
        model: a network with a vision transformer; see `attention_scores`.
        images: `(n, height, width, channels)`, or channels first, as the model takes them.
        token: whose row is shown: 0 for the class token, 1 for DeiT's distillation token, None for
            the mean of all, as DeiT predicts with the mean of both.
        batch_size: how many images are computed at a time.

    Returns:
        float32 of shape `(n, height, width)`, at the images' size (bilinear), each map divided by
        its maximum.

    Raises:
        ValueError: a model without self-attention over patches, or an unknown token.
    """
    images = check_images(images)
    positive_int("batch_size", batch_size)
    size = image_size(images, keras.config.image_data_format())
    maps = [np.zeros((0, 1, 1), "float32")] if not len(images) else []
    for rows, batch in batches(images, batch_size):
        found = roll_out(attention_scores(model, batch), token)
        maps.append(found[: rows.stop - rows.start])
    return divide_by_maximum(resize_maps(np.concatenate(maps), size))


def roll_out(layers: Sequence[AttentionScores], token: int | None = None) -> np.ndarray:
    """Rolls out the scores of several layers, first layer first.

    The matrix of a layer is `0.5 A + 0.5 I`, where `A` is the mean of its heads; its rows sum to 1.
    The matrices are multiplied, later ones from the left. A special token that joins after some
    layers, as ConViT's class token after the gated ones, attends only to itself until then, and no
    token attends to it.

    Args:
        layers: see `attention_scores`; all with the same grid.
        token: a special token, or None for the mean of all. Without special tokens, None means all
            patches, because such a network reads their mean.

    Returns:
        float64 of shape `(images, rows, columns)`: shares of the patches, which together with those
        of the special tokens sum to 1.

    Raises:
        ValueError: no layer, layers with different grids, or an unknown token.
    """
    if not layers or len({layer.grid for layer in layers}) != 1:
        grids = sorted({layer.grid for layer in layers})
        raise ValueError(f"layers must share one grid of patches, got the grids {grids}.")
    special = max(layer.special for layer in layers)
    if token is not None and not 0 <= token < special:
        raise ValueError(
            f"token must be below {special}, the number of special tokens of this network, got "
            f"{token}."
        )
    rolled = _step(layers[0], special)
    for layer in layers[1:]:
        rolled = _step(layer, special) @ rolled
    read = slice(special or None) if token is None else [token]
    rows = rolled[:, read].mean(axis=1)
    return rows[:, special:].reshape(len(rows), *layers[0].grid)


def _step(layer: AttentionScores, special: int) -> np.ndarray:
    """One layer's `0.5 A + 0.5 I` with all special tokens; rows sum to 1."""
    heads = np.asarray(layer.weights, "float64").mean(axis=1)
    absent = special - layer.special
    tokens = heads.shape[-1] + absent
    step = np.zeros((len(heads), tokens, tokens))
    step[:, absent:, absent:] = heads
    step[:, range(absent), range(absent)] = 1
    step = 0.5 * step + 0.5 * np.eye(tokens)
    return step / step.sum(axis=-1, keepdims=True)
