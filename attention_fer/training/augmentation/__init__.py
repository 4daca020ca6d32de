"""Augmentations as layers that run on the device, together with the network.

    from attention_fer.training import augmentation
    layers = augmentation.build((("flip", ()), ("crop", (("padding", 4),))), seed=0)
    images = augmentation.apply(layers, images, training=True)

Our own layers are those that Keras lacks, or implements differently from the papers. Checking a
specification loads no framework.
"""

from __future__ import annotations

from typing import Any

from attention_fer.training.augmentation.specification import AUGMENTATIONS, check, mixes

__all__ = ["AUGMENTATIONS", "apply", "build", "check", "mixes"]


def __getattr__(name: str) -> Any:
    if name in ("apply", "build"):
        from attention_fer.training.augmentation import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
