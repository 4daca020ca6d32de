"""The optimizer of a cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from attention_fer.common.checks import one_of
from attention_fer.training import schedules
from benchmarks.plan.settings import OPTIMIZERS, Settings

# Keras's defaults apart from the learning rate and what the settings add.
KINDS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "adagrad": keras.optimizers.Adagrad,
    "sgd": lambda rate, **more: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **more),
    "momentum": lambda rate, **more: keras.optimizers.SGD(rate, momentum=0.9, **more),
}


def optimizer(
    settings: Settings, network: keras.Model, steps: int = 1
) -> keras.optimizers.Optimizer:
    """The optimizer of the settings, for `network`; see `Recipe.optimizer`.

    Args:
        settings: its kind and rate.
        network: decides what "by-norm" is.
        steps: of an epoch, for the cosine schedule.
    """
    kind, rate = one_of("optimizer", settings.optimizer, OPTIMIZERS), settings.learning_rate
    if kind == "by-norm":
        kind, rate = ("sgd", rate) if _normalised(network) else ("adam", rate / 100)
    more: dict[str, Any] = {}
    if settings.weight_decay or kind == "adamw":
        more["weight_decay"] = settings.weight_decay
    if settings.ema:
        more |= {"use_ema": True, "ema_momentum": settings.ema}
    return KINDS[kind](_rate(settings, rate, steps), **more)


def _rate(settings: Settings, rate: float, steps: int) -> Any:
    if settings.schedule != "cosine":
        return rate  # the plateau's callback lowers it
    warmup = steps * settings.warmup_epochs
    return schedules.schedule("cosine", rate, steps=steps * settings.epochs, warmup_steps=warmup)


def _normalised(network: keras.Model) -> bool:
    return any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)
