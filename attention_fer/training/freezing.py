"""Decides which layers of a pretrained network are trained, and from which epoch on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Union

import keras

from attention_fer.common import keras_private
from attention_fer.common.checks import one_of
from attention_fer.common.nested import nested_layers

Until = Union[int, str]


def freeze(model: keras.Model, until: Until | None = "all") -> list[str]:
    """Makes the first layers of a network untrainable and the others trainable.

    Layers are counted as in `model.layers`, including input and activations; the layers of a model
    inside the network are counted in its place. A frozen BatchNormalization uses its moving
    statistics and does not update them. Compile afterwards.

    Attention modules shift the numbers of all layers after them: for a network with attention
    pass the name of the last frozen layer. The first 165 layers of keras.applications' ResNet50
    are those up to and including "conv5_block2_out".

    Args:
        model: functional, or sequential.
        until: the number of frozen layers; the name of the last one; `"all"`: all but the
            head, which are the layers called `head_...` and `...predictions`, as those of this
            package, or else the last layer with weights; None, "" or 0: none.

    Returns:
        The names of the frozen layers that have weights.

    Raises:
        ValueError: more layers than there are, an unknown name, or nothing left to train. The
            network is then as it was.
    """
    layers = list(nested_layers(model))
    count = _count(layers, until)
    every = keras_private.flatten_layers(model)
    before = [layer.trainable for layer in every]
    # Under TensorFlow, setting a model to the value it already has does not reach its layers.
    for layer in every:
        layer.trainable = True
    for layer in layers[:count]:
        layer.trainable = False
    if not model.trainable_weights:
        for layer, trainable in zip(every, before, strict=True):  # Each before those inside it.
            layer.trainable = trainable
        raise ValueError(f"Freezing {count} layers of {model.name} leaves nothing to train.")
    return [layer.name for layer in layers[:count] if layer.weights]


def phases(
    until: Until | None, unfreeze: Iterable[tuple[int, Until | None]], epochs: int
) -> list[tuple[int, int, Until | None]]:
    """Return the phases of a training between changes of what is frozen.

    Args:
        until: what is frozen from epoch 1 on, as for `freeze`.
        unfreeze: pairs of an epoch, counted from 1, and what is frozen from its beginning on.
        epochs: number of epochs of the whole training.

    Returns:
        (first epoch, last epoch, until) of each, in order, both epochs included.

    Raises:
        ValueError: epochs that do not increase, or lie outside 2 to `epochs`.
    """
    starts = [(1, until), *unfreeze]
    firsts = [first for first, _ in starts]
    if epochs < 1 or firsts != sorted(set(firsts)) or firsts[-1] > epochs:
        raise ValueError(
            f"The epochs of unfreezing must increase from 2 to at most {epochs}, got {firsts[1:]}."
        )
    lasts = [first - 1 for first in firsts[1:]] + [epochs]
    return [(first, last, what) for (first, what), last in zip(starts, lasts, strict=True)]


def _count(layers: list[keras.layers.Layer], until: Until | None) -> int:
    if until is None or until == "":  # Recipes say "".
        return 0
    if until == "all":
        return _before_head(layers)
    if isinstance(until, str):
        names = [layer.name for layer in layers]
        return names.index(one_of("layer", until, names)) + 1
    if isinstance(until, bool) or not 0 <= until <= len(layers):
        raise ValueError(f"freeze must be from 0 to {len(layers)} layers, got {until!r}.")
    return until


def _before_head(layers: list[keras.layers.Layer]) -> int:
    """The number of layers before the head."""
    weighted = [index for index, layer in enumerate(layers) if layer.weights]
    head = [index for index in weighted if _is_of_head(layers[index].name)]
    return min(head, default=weighted[-1])


def _is_of_head(name: str) -> bool:
    return name.startswith("head_") or name.endswith("predictions")
