"""Augmentations by name, as layers that run on the device with the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from attention_fer.training.augmentation.cutmix import CutMix
from attention_fer.training.augmentation.erasing import Cutout
from attention_fer.training.augmentation.geometric import RandomAffine, RandomCrop, can_compile
from attention_fer.training.augmentation.mixing import MixUp
from attention_fer.training.augmentation.randaugment import RandAugment
from attention_fer.training.augmentation.solarize import Solarize
from attention_fer.training.augmentation.sometimes import Sometimes
from attention_fer.training.augmentation.specification import Specification, check, complete, mixes

__all__ = ["KINDS", "apply", "build", "check", "mixes"]

Maker = Callable[..., keras.layers.Layer]


def build(spec: Specification, seed: int) -> list[keras.layers.Layer]:
    """The layers of a specification, in its order; images are float32 in [0, 1].

    Each changes images while training and leaves them alone otherwise; each draws for every image
    anew. Draws are a function of the seed, the place in the specification and the number of the
    step. `p` is the probability with which an image is changed.

    | name | options | what it does |
    | --- | --- | --- |
    | flip | direction | mirrors half of the images |
    | rotate | degrees, fill, p | by up to so many degrees |
    | translate | fraction, fill, p | by up to this fraction of each side |
    | zoom | fraction, fill, p | each axis by itself, in or out, by up to this fraction |
    | shear | fraction, fill, p | both axes, by up to this fraction of a pixel for each pixel |
    | affine | rotate, translate, scale, shear, fill, p | see `RandomAffine` |
    | crop | padding, fill, p | see `RandomCrop` |
    | erasing | area, value, p | a box of this range of areas becomes a value, None for noise |
    | cutout | fraction, p | see `Cutout` |
    | mixup | alpha, p | see `MixUp` |
    | cutmix | alpha, p | see `CutMix` |
    | randaugment | operations, magnitude, fill, p | see `RandAugment` |
    | solarize | threshold, p | see `Solarize` |
    | brightness | fraction, p | adds up to this much, either way, and clips |
    | contrast | fraction, p | scales the distance from the mean by 1 plus or minus up to this |
    | noise | deviation, p | adds Gaussian noise, not clipped |

    Args:
        spec: pairs of a name and its options, themselves (option, value) pairs, such as
            `(("flip", ()), ("cutmix", (("alpha", 1.0), ("p", 0.5))))`.
        seed: of all draws.

    Raises:
        ValueError: see `known.check`.
    """
    return [_layer(*complete(entry), *_seeds(seed, place)) for place, entry in enumerate(spec)]


def apply(layers: Sequence[keras.layers.Layer], images: Any, labels: Any = None) -> Any:
    """Images that went through the layers; with labels the pair (images, labels).

    Args:
        layers: from `build`.
        images: (batch, height, width, channels), float32 in [0, 1].
        labels: soft, (batch, classes); needed by layers that mix.

    Raises:
        ValueError: a layer that mixes, and no labels.
    """
    for layer in layers:
        if not getattr(layer, "mixes_labels", False):
            images = layer(images)
        elif labels is None:
            raise ValueError(f"{layer.name} mixes labels, and none are given.")
        else:
            mixed = layer({"images": images, "labels": labels})
            images, labels = mixed["images"], mixed["labels"]
    return images if labels is None else (images, labels)


def _seeds(seed: int, place: int) -> tuple[int, int]:
    state = np.random.SeedSequence([seed, place]).generate_state(2)
    return int(state[0] >> 1), int(state[1] >> 1)  # Keras's seeds have 31 bits.


def _layer(name: str, options: dict[str, Any], seed: int, other: int) -> keras.layers.Layer:
    p = options.pop("p", 1.0) if name not in OWN_P else 1.0
    layer = KINDS[name](seed=seed, dtype="float32", **options)
    return layer if p == 1 else Sometimes(layer, p, seed=other)


def _resampling(layer: keras.layers.Layer) -> keras.layers.Layer:
    # Keras says for all backends that they cannot be compiled; a model with one of them would run
    # under JAX without being compiled at all.
    layer.supports_jit = can_compile()
    return layer


def _rotate(degrees: float, fill: str, **common: Any) -> keras.layers.Layer:
    return _resampling(keras.layers.RandomRotation(degrees / 360, fill_mode=fill, **common))


def _translate(fraction: float, fill: str, **common: Any) -> keras.layers.Layer:
    return _resampling(keras.layers.RandomTranslation(fraction, fraction, fill_mode=fill, **common))


def _zoom(fraction: float, fill: str, **common: Any) -> keras.layers.Layer:
    by = (-fraction, fraction)
    return _resampling(keras.layers.RandomZoom(by, by, fill_mode=fill, **common))


def _shear(fraction: float, fill: str, **common: Any) -> keras.layers.Layer:
    return _resampling(keras.layers.RandomShear(fraction, fraction, fill_mode=fill, **common))


def _erasing(
    area: tuple[float, float], value: float | None, p: float, **common: Any
) -> keras.layers.Layer:
    # A single number for p or the area would be the highest of a range.
    return keras.layers.RandomErasing((p, p), area, value, value_range=(0, 1), **common)


def _brightness(fraction: float, **common: Any) -> keras.layers.Layer:
    return keras.layers.RandomBrightness(fraction, value_range=(0, 1), **common)


def _contrast(fraction: float, **common: Any) -> keras.layers.Layer:
    # A single number would be the most that contrast is raised by, and never lowered.
    return keras.layers.RandomContrast((fraction, fraction), value_range=(0, 1), **common)


KINDS: dict[str, Maker] = {
    "flip": lambda direction, **common: keras.layers.RandomFlip(direction, **common),
    "rotate": _rotate,
    "translate": _translate,
    "zoom": _zoom,
    "shear": _shear,
    "affine": RandomAffine,
    "crop": RandomCrop,
    "erasing": _erasing,
    "cutout": Cutout,
    "mixup": MixUp,
    "cutmix": CutMix,
    "randaugment": RandAugment,
    "solarize": Solarize,
    "brightness": _brightness,
    "contrast": _contrast,
    "noise": lambda deviation, **common: keras.layers.GaussianNoise(deviation, **common),
}
OWN_P = ("erasing",)
