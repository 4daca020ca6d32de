"""Builds the layers of a specification, and applies them to images and labels."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from attention_fer.training.augmentation.base import RandomApply, check_data_format
from attention_fer.training.augmentation.specification import (
    AUGMENTATIONS,
    AugmentationEntry,
    AugmentationKind,
    Specification,
    complete,
)

# The first flip and the first zoom: 2 * seed + this. Most recorded results have these seeds.
_FIRST = {"flip": 1, "zoom": 2}


def build(specification: Specification, seed: int) -> list[keras.layers.Layer]:
    """Return the layers of a specification, in its order; images are float32 in [0, 1].

    Each layer changes images only in training, with new draws for every image. The draws depend on
    the seed, the name of the augmentation, how often that name came before, and the number of the
    step: adding an augmentation does not change the draws of the others.

    Args:
        specification: names with their options, see `specification.AUGMENTATIONS`.
        seed: seed of all draws.

    Raises:
        ValueError: an unknown name or option, a value out of range, or `"channels_first"` as
            Keras's data format.
    """
    check_data_format()
    seen: Counter[str] = Counter()
    layers = []
    for entry in specification:
        layers.append(_layer(entry, seed, seen[entry[0]]))
        seen[entry[0]] += 1
    return layers


def apply(
    layers: Sequence[keras.layers.Layer],
    images: Any,
    labels: Any = None,
    training: bool | None = None,
) -> Any:
    """Return images that went through the layers; with labels the pair (images, labels).

    Args:
        layers: from `build`.
        images: (batch, height, width, channels), float32 in [0, 1].
        labels: soft, (batch, classes); needed by layers that mix.
        training: True to change the images; None where a model says so, as within its graph. Called
            on their own, Keras's layers would then change images, and those of this package not.

    Raises:
        ValueError: a layer that mixes, without labels.
    """
    mode = {} if training is None else {"training": training}
    for layer in layers:
        if not getattr(layer, "mixes_labels", False):
            images = layer(images, **mode)
        elif labels is None:
            raise ValueError(f"{layer.name} mixes labels: pass labels to `apply`.")
        else:
            mixed = layer({"images": images, "labels": labels}, **mode)
            images, labels = mixed["images"], mixed["labels"]
    return images if labels is None else (images, labels)


def _layer(entry: AugmentationEntry, seed: int, occurrence: int) -> keras.layers.Layer:
    name, options = complete(entry)
    kind = AUGMENTATIONS[name]
    own, of_p = _seeds(seed, name, occurrence)
    p = 1.0 if kind.own_p else options.pop("p", 1.0)
    layer = _maker(kind)(seed=own, dtype="float32", **options)
    return layer if p == 1 else RandomApply(layer, p, seed=of_p)


def _maker(kind: AugmentationKind) -> Callable[..., keras.layers.Layer]:
    module, _, name = kind.layer.partition(":")
    maker: Callable[..., keras.layers.Layer] = getattr(
        importlib.import_module(f"{__package__}.{module}"), name
    )
    return maker


def _seeds(seed: int, name: str, occurrence: int) -> tuple[int, int]:
    """The seed of a layer, and that of the choice which images it changes."""
    letters = int.from_bytes(name.encode(), "little")
    state = np.random.SeedSequence([seed, letters, occurrence]).generate_state(2)
    own, of_p = (int(part >> 1) for part in state)  # Keras's seeds have 31 bits.
    if name in _FIRST and not occurrence:
        own = 2 * seed + _FIRST[name]
    return own, of_p
