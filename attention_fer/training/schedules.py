"""How the learning rate changes while a network is trained."""

from __future__ import annotations

import keras

from attention_fer.common.checks import one_of

KINDS = ("constant", "cosine", "plateau")


def schedule(
    kind: str, learning_rate: float, *, steps: int, warmup_steps: int = 0, final: float = 0.0
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """What an optimizer takes as learning rate.

    Args:
        kind: `"constant"`; `"cosine"`: a linear warm-up from 0, then half a cosine down (Loshchilov
            and Hutter 2017, https://arxiv.org/abs/1608.03983, without restarts); `"plateau"`:
            constant here, as the callback of `plateau` lowers it.
        learning_rate: the highest.
        steps: of the whole training, the warm-up among them.
        warmup_steps: of the cosine.
        final: learning rate of the cosine at the last step, as a fraction of the highest.

    Raises:
        ValueError: an unknown kind, a warm-up for one that has none, or a value out of range.
    """
    one_of("schedule", kind, KINDS)
    if not 0 <= warmup_steps < steps:
        raise ValueError(f"The warm-up must be below all {steps} steps, given: {warmup_steps}.")
    if not 0 <= final <= 1:
        raise ValueError(f"final must be a fraction from 0 to 1, given: {final}.")
    if kind != "cosine":
        if warmup_steps:
            raise ValueError(f"Only the schedule 'cosine' has a warm-up, given: {kind!r}.")
        return learning_rate
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warmup_steps else learning_rate,
        decay_steps=steps - warmup_steps,
        alpha=final,
        warmup_target=learning_rate if warmup_steps else None,
        warmup_steps=warmup_steps,
    )


def plateau(
    monitor: str = "val_loss", *, factor: float = 0.1, patience: int = 10, minimum: float = 0.0
) -> keras.callbacks.Callback:
    """Lowers the learning rate where `monitor` has not improved for `patience` epochs.

    It must come after the callback that puts `monitor` into the logs.

    Args:
        monitor: a loss; for an accuracy Keras looks for the highest by its name.
        factor: what the learning rate is multiplied by, below 1.
        patience: epochs.
        minimum: the learning rate never goes below.
    """
    # Any improvement counts; Keras's own default ignores those below 1e-4.
    return keras.callbacks.ReduceLROnPlateau(
        monitor, factor=factor, patience=patience, min_lr=minimum, min_delta=0.0
    )
