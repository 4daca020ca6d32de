"""All private Keras names that we use, in one file, so that a new version can break only this one.

Written for Keras 3.12 to 3.15. Each function says which name it hides and why nothing public does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras


def is_functional(model: keras.Model) -> bool:
    """Whether a model is a graph of layers. Public Keras offers no class to test against."""
    return isinstance(model, keras.src.models.functional.Functional)


def nodes(model: keras.Model) -> Iterator[Any]:
    """Yield the calls in the graph of a functional model, `Functional._nodes_by_depth`.

    They come in the order in which the model makes them. `model.layers` names each layer once,
    however often it is called.
    """
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from model._nodes_by_depth[depth]


def has_mask(tensor: keras.KerasTensor) -> bool:
    """Whether a mask travels with a symbolic tensor, `KerasTensor._keras_mask`."""
    return getattr(tensor, "_keras_mask", None) is not None


def flatten_layers(layer: keras.layers.Layer, include_self: bool = True) -> list[Any]:
    """Return a layer with all layers inside it, `Layer._flatten_layers`.

    `Model.layers` holds only those of a model, and only the outermost.
    """
    return list(layer._flatten_layers(include_self=include_self))


def sublayers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """Return the layers that a layer holds directly, `Layer._flatten_layers`.

    `Model.layers` holds only those of a model.
    """
    return list(layer._flatten_layers(include_self=False, recursive=False))


def producer(tensor: Any) -> tuple[Any, int]:
    """Return the operation that made a symbolic tensor and the tensor's index among its outputs.

    The operation is None for a tensor of no graph. `KerasTensor._keras_history` has no public name.
    """
    history = getattr(tensor, "_keras_history", None)
    return (None, 0) if history is None else (history.operation, history.tensor_index)


def replace_dtype_policy(
    layer: keras.layers.Layer, policy: keras.dtype_policies.DTypePolicy
) -> None:
    """Give a built layer a policy without converting anything, `Layer._dtype_policy`.

    The public setter puts the policy into the map that a layer has, and may quantise.
    """
    layer._dtype_policy = policy


def own_variables(layer: keras.layers.Layer) -> list[Any]:
    """Return the trainable variables of a layer itself, `Layer._trainable_variables`.

    `trainable_weights` includes those of the layers inside, and is empty for a frozen layer.
    """
    return list(layer._trainable_variables)


def clear_losses(layer: keras.layers.Layer) -> None:
    """Forget the losses that a layer added, `Layer._losses`.

    Keras clears them only for a whole model, at the beginning of a step.
    """
    layer._losses.clear()


def update_loss(model: keras.Model, loss: Any, sample_weight: Any) -> None:
    """Add the loss of a batch to the mean that `fit` shows, `Trainer._loss_tracker`.

    Our own `train_step` must do so; the tracker has no public name in `model.metrics`.
    """
    model._loss_tracker.update_state(loss, sample_weight=sample_weight)


def update_metrics(model: keras.Model, variables: Any, loss: Any, *batch: Any) -> tuple[Any, Any]:
    """Return the logs and the new variables of the metrics, `JAXTrainer._update_metrics_variables`.

    Args:
        model: compiled, under JAX.
        variables: variables of the metrics, before the step.
        loss: loss of the batch.
        batch: x, y, predictions and sample weight.
    """
    logs, updated = model._update_metrics_variables(variables, loss, *batch)
    return logs, updated
