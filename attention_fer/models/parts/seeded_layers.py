"""Layers of a network whose initial weights and draws depend on its seed and their names alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers as kl

from attention_fer.models.parts.common import draw_seed, seeded
from attention_fer.models.parts.placement import Placement


@dataclass(frozen=True)
class SeededLayers:
    """Layers as the options of a builder configure them, by name.

    Attributes:
        attend: the places of the attention layers.
        activation: any Keras activation.
        kernel_initializer, seed: see `common.seeded`.
    """

    attend: Placement
    activation: Any
    kernel_initializer: str | keras.initializers.Initializer
    seed: int | None

    def conv(self, x: Any, filters: int, size: int, name: str, **options: Any) -> Any:
        kernel = seeded(self.kernel_initializer, self.seed, name)
        return kl.Conv2D(filters, size, kernel_initializer=kernel, name=name, **options)(x)

    def dense(self, x: Any, units: int, name: str, **options: Any) -> Any:
        kernel = seeded(self.kernel_initializer, self.seed, name)
        return kl.Dense(units, kernel_initializer=kernel, name=name, **options)(x)

    def act(self, x: Any, name: str) -> Any:
        return kl.Activation(self.activation, name=name)(x)

    def dropout(self, x: Any, rate: float, name: str) -> Any:
        return kl.Dropout(rate, seed=draw_seed(self.seed, name), name=name)(x)
