"""Which layers of a pretrained network are trained, and from which epoch on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Union

import keras

from attention_fer.common.checks import one_of

Until = Union[int, str]


def freeze(model: keras.Model, until: Until | None = "all", head: int | None = None) -> list[str]:
    """Makes the beginning of a network untrainable and the rest trainable.

    Layers are counted as `model.layers` does, input and activations among them; where the network
    lies inside another model, its layers take that one's place. A frozen BatchNormalization uses
    its moving statistics and does not update them. Compile afterwards.

    Attention modules among the layers move all numbers behind them: of a network with attention
    give the name of the last frozen layer. The first 165 layers of keras.applications' ResNet50
    are those up to and including "conv5_block2_out".

    Args:
        model: functional, or sequential.
        until: how many of its first layers; the name of the last of them; `"all"`: all but the
            head; None or 0: none.
        head: how many of the last layers with weights `"all"` leaves trainable; None for those of
            a head of this package, called `head_...` and `...predictions`, and else the last one.

    Returns:
        The names of the frozen layers that have weights.

    Raises:
        ValueError: more layers than there are, an unknown name, or nothing left to train.
    """
    layers = list(_layers(model.layers))
    count = _count(layers, until, head)
    # Under TensorFlow, to give a model the value it has already does not reach its layers.
    for layer in model._flatten_layers():
        layer.trainable = True
    for layer in layers[:count]:
        layer.trainable = False
    if not model.trainable_weights:
        raise ValueError(f"{until!r} freezes every weight of {model.name}: nothing is left.")
    return [layer.name for layer in layers[:count] if layer.weights]


def phases(
    until: Until | None, unfreeze: Iterable[tuple[int, Until | None]], epochs: int
) -> list[tuple[int, int, Until | None]]:
    """The stretches of a training between changes of what is frozen.

    Args:
        until: what is frozen from epoch 1 on, as for `freeze`.
        unfreeze: pairs of an epoch, counted from 1, and what is frozen from its beginning on.
        epochs: of the whole training.

    Returns:
        (first epoch, last epoch, until) of each, in order, both epochs included.

    Raises:
        ValueError: epochs that do not rise, or lie outside 2 to `epochs`.
    """
    starts = [(1, until), *unfreeze]
    firsts = [first for first, _ in starts]
    if epochs < 1 or firsts != sorted(set(firsts)) or firsts[-1] > epochs:
        raise ValueError(
            f"The epochs of unfreezing must rise within 2 to {epochs}, given: {firsts[1:]}."
        )
    lasts = [first - 1 for first in firsts[1:]] + [epochs]
    return [(first, last, what) for (first, what), last in zip(starts, lasts, strict=True)]


def _layers(layers: Iterable[keras.layers.Layer]) -> Iterable[keras.layers.Layer]:
    for layer in layers:
        if isinstance(layer, keras.Model):
            yield from _layers(layer.layers)
        else:
            yield layer


def _count(layers: list[keras.layers.Layer], until: Until | None, head: int | None) -> int:
    if until is None:
        return 0
    if until == "all":
        return _before_head(layers, head)
    if isinstance(until, str):
        names = [layer.name for layer in layers]
        return names.index(one_of("layer", until, names)) + 1
    if isinstance(until, bool) or not 0 <= until <= len(layers):
        raise ValueError(f"The network has {len(layers)} layers, given: {until!r} to freeze.")
    return until


def _before_head(layers: list[keras.layers.Layer], head: int | None) -> int:
    """How many layers there are before the head."""
    weighted = [index for index, layer in enumerate(layers) if layer.weights]
    if head is None:
        named = [index for index in weighted if _of_head(layers[index].name)]
        return min(named, default=weighted[-1])
    if not 1 <= head <= len(weighted):
        raise ValueError(f"head must be from 1 to {len(weighted)}, given: {head}.")
    return weighted[-head]


def _of_head(name: str) -> bool:
    return name.startswith("head_") or name.endswith("predictions")
