"""Grad-CAM: the regions in which a convolutional network saw evidence for a class.

Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra 2017, https://arxiv.org/abs/1610.02391
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from attention_fer.common.checks import positive_int
from attention_fer.explain.maps.class_scores import ClassScores
from attention_fer.explain.maps.layer_tree import (
    LayerRun,
    data_format_of,
    find_layer,
    last_convolution,
    run_order,
)
from attention_fer.explain.maps.running import (
    batches,
    check_images,
    divide_by_maximum,
    gradient,
    image_size,
    outputs_of,
    replaced_outputs,
    resize_maps,
    to_numpy,
    without_gradients,
)


class EmptyMapWarning(UserWarning):
    """Some maps are 0 everywhere."""


def grad_cam(
    model: keras.Model,
    images: Any,
    classes: Sequence[int] | np.ndarray | None = None,
    layer: str | None = None,
    *,
    output: str | int | None = None,
    batch_size: int = 32,
) -> np.ndarray:
    """Returns maps of the regions that raise the score of a class in each image.

    The channels of a convolution's output are summed, each weighted by the gradient of the class
    score with respect to it, averaged over all positions; negative sums become 0. The score is the
    logit of the class: the softmax or sigmoid at the model's end is left out while the gradient is
        computed, so even a certain prediction has a map.

    Args:
        model: any Keras model from one batch of images to class scores or probabilities.
        images: `(n, height, width, channels)`, or channels first, as the model takes them.
        classes: a class index for each image; None for the predicted classes.
        layer: path of the layer whose output is used, `outer/inner` in a nested model; None for
            `default_layer`.
        output: name or index, if the model has several outputs.
        batch_size: how many images are computed at a time.

    Returns:
        float32 of shape `(n, height, width)`, at the images' size (bilinear), each map divided by
        its maximum. A map that is 0 everywhere stays 0.

    Raises:
        ValueError: a model without a convolution, or with several outputs and none chosen; an
            unknown layer; images or classes of another shape or range; scores that are not finite.

    Warns:
        EmptyMapWarning: some maps are 0 everywhere.
        UserWarning: the model outputs probabilities but does not end in a softmax or sigmoid, so
            the gradient may vanish.
    """
    images, scores = check_images(images), ClassScores(model, output)
    positive_int("batch_size", batch_size)
    chosen = None if classes is None else _check_classes(classes, len(images))
    if not len(images):
        return np.zeros((0, *image_size(images, keras.config.image_data_format())), "float32")
    order = run_order(model, images[:1])
    target = find_layer(order, layer) if layer else last_convolution(order)
    _check_map(target)
    found = []
    for rows, batch in batches(images, batch_size):
        some = None if chosen is None else chosen[rows]
        found.append(_batch_maps(scores, target, batch, some)[: rows.stop - rows.start])
    size = image_size(images, data_format_of(run.layer for run in order))
    return _warn_if_empty(divide_by_maximum(resize_maps(np.concatenate(found), size)))


def default_layer(model: keras.Model, image: Any) -> str:
    """Returns the path of the layer that `grad_cam` uses by default.

    It is the last one whose output has the size of the last convolution's: after the normalisation,
    activation, addition and attention that follow that convolution, before any pooling.

    Args:
        model: runs once.
        image: a batch of one image, as the model takes it.

    Raises:
        ValueError: a model without a convolution whose output has more than one pixel.
    """
    return last_convolution(run_order(model, image)).path


def _batch_maps(
    scores: ClassScores, target: LayerRun, images: np.ndarray, classes: np.ndarray | None
) -> np.ndarray:
    """The maps of one batch at the size of the layer's output, not below 0."""
    with without_gradients(), outputs_of(target.layer) as seen:
        probabilities = to_numpy(scores.probabilities(images))
    chosen = _one_hot(classes, probabilities)
    if not scores.squashed:
        _warn_if_probabilities(probabilities)

    def score(activations: Any) -> Any:
        with replaced_outputs(target.layer, activations):
            found = scores.scores(images)
        return keras.ops.sum(found * keras.ops.cast(chosen, found.dtype))

    slopes, activations = to_numpy(gradient(score, seen[0])), to_numpy(seen[0])
    places = (2, 3) if target.data_format == "channels_first" else (1, 2)
    weights = slopes.mean(axis=places, keepdims=True)
    channels = 1 if target.data_format == "channels_first" else 3
    result = np.maximum((weights * activations).sum(axis=channels), 0)
    if not np.isfinite(result).all():
        raise ValueError(
            "The scores of this model and their gradients must be finite, got NaN or infinity. "
            "Check the weights and the images for NaN and for values that are too large."
        )
    return result


def _one_hot(classes: np.ndarray | None, probabilities: np.ndarray) -> np.ndarray:
    """Rows with a 1 at the class to explain; the last row repeats in a batch that was filled up."""
    count = probabilities.shape[1]
    if classes is None:
        classes = probabilities.argmax(axis=1)
    if classes.min() < 0 or classes.max() >= count:
        raise ValueError(
            f"classes must be from 0 to {count - 1}, as the model has {count} classes, got "
            f"{classes.min()} to {classes.max()}."
        )
    filled = np.pad(classes, (0, len(probabilities) - len(classes)), mode="edge")
    return np.eye(count, dtype="float32")[filled]


def _check_classes(classes: Any, images: int) -> np.ndarray:
    classes = np.asarray(classes)
    if classes.shape != (images,) or (images and classes.dtype.kind not in "iu"):
        raise ValueError(
            f"classes must hold an integer for each of the {images} images, got {classes.dtype} of "
            f"shape {classes.shape}."
        )
    return classes


def _check_map(target: LayerRun) -> None:
    if target.size is None:
        raise ValueError(
            f"The layer {target.path!r} must output images of shape (n, height, width, channels), "
            f"got shape {target.shape}. Choose another layer."
        )


def _warn_if_probabilities(values: np.ndarray) -> None:
    if values.min() >= 0 and np.allclose(values.sum(axis=1), 1, atol=1e-3):
        warnings.warn(
            "The model outputs probabilities but does not end in a softmax that could be left "
            "out, so the gradient is that of the probability, which vanishes where the model is "
            "certain.",
            stacklevel=4,
        )


def _warn_if_empty(maps: np.ndarray) -> np.ndarray:
    empty = np.flatnonzero(~maps.any(axis=(1, 2)))
    if len(empty):
        rows = ", ".join(map(str, empty[:5])) + (" ..." if len(empty) > 5 else "")
        warnings.warn(
            f"{len(empty)} of {len(maps)} maps are 0 everywhere (images {rows}): the layer holds "
            "no evidence for the class.",
            EmptyMapWarning,
            stacklevel=3,
        )
    return maps
