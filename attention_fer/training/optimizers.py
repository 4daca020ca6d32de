"""The optimizer of a recipe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from attention_fer.common.nested import nested_layers
from attention_fer.recipes import Recipe
from attention_fer.training import schedules

# Keras's defaults apart from the learning rate and what the recipe adds.
BUILDERS: dict[str, Callable[..., keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "adamw": keras.optimizers.AdamW,
    "rmsprop": keras.optimizers.RMSprop,
    "adagrad": keras.optimizers.Adagrad,
    "sgd": lambda rate, **more: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **more),
    "momentum": lambda rate, **more: keras.optimizers.SGD(rate, momentum=0.9, **more),
}


def optimizer(recipe: Recipe, network: keras.Model, steps: int = 1) -> keras.optimizers.Optimizer:
    """Returns the optimizer that a recipe names, see `Recipe.optimizer`.

    Args:
        recipe: optimizer, learning rate, schedule, weight decay and EMA.
        network: decides what "by-norm" means.
        steps: steps per epoch, for the cosine schedule.
    """
    kind, rate = recipe.optimizer, recipe.learning_rate
    if kind == "by-norm":
        kind, rate = ("sgd", rate) if _is_normalised(network) else ("adam", rate / 100)
    more: dict[str, Any] = {}
    if recipe.weight_decay or kind == "adamw":
        more["weight_decay"] = recipe.weight_decay
    if recipe.ema:
        more |= {"use_ema": True, "ema_momentum": recipe.ema}
    made = BUILDERS[kind](
        schedules.schedule(
            recipe.schedule,
            rate,
            steps=steps * recipe.epochs,
            warmup_steps=round(steps * recipe.warmup_epochs),
        ),
        **more,
    )
    if recipe.decay_kernels_only and recipe.weight_decay:
        spared = [weight for weight in network.trainable_weights if len(weight.shape) < 2]
        made.exclude_from_weight_decay(var_list=spared)
    return made


def _is_normalised(network: keras.Model) -> bool:
    normalisation = keras.layers.BatchNormalization
    return any(isinstance(layer, normalisation) for layer in nested_layers(network))
