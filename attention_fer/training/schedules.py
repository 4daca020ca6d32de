"""How the learning rate changes while a network is trained."""

from __future__ import annotations

import keras

from attention_fer.common.checks import one_of
from attention_fer.recipes import SCHEDULES


def schedule(
    kind: str, learning_rate: float, *, steps: int, warmup_steps: int = 0
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate of an optimizer, a number or a schedule.

    Args:
        kind: `"constant"`; `"cosine"`: a linear warm-up from 0, then half a cosine down (Loshchilov
            and Hutter 2017, https://arxiv.org/abs/1608.03983, without restarts); `"plateau"`:
            constant here, as the callback of `plateau` lowers it.
        learning_rate: the highest.
        steps: steps of the whole training, including the warm-up.
        warmup_steps: warm-up steps of the cosine.

    Raises:
        ValueError: an unknown kind, a warm-up for one that has none, or a value out of range.
    """
    one_of("schedule", kind, SCHEDULES)
    if not 0 <= warmup_steps < steps:
        raise ValueError(f"warmup_steps must be from 0 to below {steps}, got {warmup_steps}.")
    if kind != "cosine":
        if warmup_steps:
            raise ValueError(f"Only the schedule 'cosine' has a warm-up, got {kind!r}.")
        return learning_rate
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup_steps else learning_rate,
        decay_steps=steps - warmup_steps,
        warmup_target=learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


def plateau(
    monitor: str = "val_loss", *, factor: float = 0.1, patience: int = 10, minimum: float = 0.0
) -> keras.callbacks.Callback:
    """Return the callback that lowers the learning rate when `monitor` stops improving.

    It must come after the callback that adds `monitor` to the logs.

    Args:
        monitor: a loss; for an accuracy Keras looks for the highest by its name.
        factor: the learning rate is multiplied by it, below 1.
        patience: epochs without improvement.
        minimum: the lowest learning rate.
    """
    # Any improvement counts; Keras's own default ignores those below 1e-4.
    return keras.callbacks.ReduceLROnPlateau(
        monitor, factor=factor, patience=patience, min_lr=minimum, min_delta=0.0
    )
