"""Sharpness-aware minimisation. Foret et al. 2021, https://arxiv.org/abs/2010.01412"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from attention_fer.common import keras_private


class SAM(keras.Model):
    """A model whose steps use the gradient at `w + rho * g / |g|`, where g is the gradient at w.

    The norm is over all trainable weights together. Both gradients use the same images with the
    same augmentation and dropout, because the draws are repeated. Loss, metrics, statistics of
    batch normalisations and states of random generators are those of the first pass, at w. A step
    takes twice as long.

    Args:
        rho: radius in the Euclidean norm.
        args, kwargs: arguments of `keras.Model`, such as inputs and outputs.

    Raises:
        ValueError: rho is not above 0.
    """

    def __init__(self, *args: Any, rho: float = 0.05, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if not 0 < rho < float("inf"):
            raise ValueError(f"rho must be above 0 and finite, got {rho}.")
        self.rho = rho

    def train_step(self, *state_and_data: Any) -> Any:
        return STEPS[keras.backend.backend()](self, *state_and_data)


def _jax_step(model: SAM, state: tuple[Any, ...], data: Any) -> tuple[Any, tuple[Any, ...]]:
    import jax

    weights, others, optimizer, metrics = state
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
    gradients_of = jax.value_and_grad(model.compute_loss_and_updates, has_aux=True)

    def at(point: Any) -> Any:
        return gradients_of(
            point,
            others,
            metrics,
            x,
            y,
            sample_weight,
            training=True,
            optimizer_variables=optimizer,
        )

    (_, aux), first = at(weights)
    loss, predicted, updated, metrics = aux
    _, second = at([w + step for w, step in zip(weights, ascent(first, model.rho), strict=True)])
    weights, optimizer = model.optimizer.stateless_apply(optimizer, second, weights)
    logs, metrics = keras_private.update_metrics(
        model, metrics, loss, x, y, predicted, sample_weight
    )
    return logs, (weights, updated, optimizer, metrics)


def _tensorflow_step(model: SAM, data: Any) -> Any:
    import tensorflow as tf

    def gradients(loss: Callable[[], Any]) -> tuple[list[Any], Any]:
        with tf.GradientTape() as tape:
            value, predicted = loss()
            scaled = model.optimizer.scale_loss(value)
        zero = tf.UnconnectedGradients.ZERO
        found = tape.gradient(scaled, model.trainable_weights, unconnected_gradients=zero)
        return found, (value, predicted)

    replicas = tf.distribute.get_replica_context()

    def total(gradients: list[Any]) -> list[Any]:
        several = replicas.num_replicas_in_sync > 1
        return replicas.all_reduce("sum", gradients) if several else gradients

    size = tf.shape(tf.nest.flatten(data)[0])[0]
    second, loss, logs = _two_passes(model, data, gradients, total)
    # The loss of a replica is its share of the mean over the whole batch.
    keras_private.update_loss(model, loss * replicas.num_replicas_in_sync, size)
    model.optimizer.apply_gradients(zip(second, model.trainable_weights, strict=True))
    return logs()


def _torch_step(model: SAM, data: Any) -> Any:
    import torch

    def gradients(loss: Callable[[], Any]) -> tuple[list[Any], Any]:
        model.zero_grad()
        value, predicted = loss()
        model.optimizer.scale_loss(value).backward()
        weights = [v.value for v in model.trainable_weights]
        found = [torch.zeros_like(w) if w.grad is None else w.grad.clone() for w in weights]
        return found, (value, predicted)

    second, loss, logs = _two_passes(model, data, gradients, lambda found: found)
    keras_private.update_loss(model, loss, keras.tree.flatten(data)[0].shape[0])
    with torch.no_grad():
        model.optimizer.apply(second, model.trainable_weights)
    return logs()


def _two_passes(
    model: SAM, data: Any, gradients: Callable[..., Any], total: Callable[..., Any]
) -> tuple[list[Any], Any, Callable[[], Any]]:
    """Returns gradients at the second point, the loss at the first, and a function for the logs."""
    x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)

    def loss() -> tuple[Any, Any]:
        predicted = model(x, training=True)
        return model.compute_loss(x, y, predicted, sample_weight, training=True), predicted

    weights, others = model.trainable_weights, model.non_trainable_variables
    before, here = _copies(others), _copies(weights)
    first, (value, predicted) = gradients(loss)
    after = _copies(others)
    steps = ascent(total(first), model.rho)
    _assign([*others, *weights], [*before, *(w + s for w, s in zip(here, steps, strict=True))])
    second, _ = gradients(loss)
    _assign([*others, *weights], [*after, *here])
    return second, value, lambda: model.compute_metrics(x, y, predicted, sample_weight)


def ascent(gradients: Sequence[Any], rho: float) -> list[Any]:
    """Return the step of length `rho` along the gradient."""
    norm = ops.sqrt(sum(ops.sum(ops.square(gradient)) for gradient in gradients))
    return [gradient * (rho / (norm + 1e-12)) for gradient in gradients]


def _copies(variables: Sequence[Any]) -> list[Any]:
    return [ops.stop_gradient(ops.copy(variable)) for variable in variables]


def _assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


STEPS: dict[str, Callable[..., Any]] = {
    "jax": _jax_step,
    "tensorflow": _tensorflow_step,
    "torch": _torch_step,
}
