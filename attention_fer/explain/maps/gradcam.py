"""Grad-CAM: where a convolutional network saw what speaks for a class.

Selvaraju, Cogswell, Das, Vedantam, Parikh and Batra 2017, https://arxiv.org/abs/1610.02391
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from attention_fer.common.checks import positive_int
from attention_fer.explain.maps.batches import (
    batches,
    check_images,
    resized,
    size_of,
    to_numpy,
    to_unit,
)
from attention_fer.explain.maps.class_scores import ClassScores
from attention_fer.explain.maps.gradients import gradient, without_gradients
from attention_fer.explain.maps.hooks import outputs_of, replaced
from attention_fer.explain.maps.layer_tree import (
    Called,
    find_layer,
    image_format,
    last_convolution,
    run_order,
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
    """For each image a map of what in it raises the score of a class.

    The channels of a convolution's map are summed, each weighted by the mean over all places of
    the gradient of the class score with respect to it; what is below 0 is left out. The score is
    the class's logit: the softmax or sigmoid at the model's end is left out while the gradient is
    taken, so that a certain prediction has a map too.

    Args:
        model: any Keras model from one batch of images to class scores or probabilities.
        images: `(n, height, width, channels)`, or channels first, as the model takes it.
        classes: for each image the index of a class; None for the predicted ones.
        layer: whose output is looked at, `outer/inner` in a nested model; None for
            `default_layer`.
        output: name or index, where the model has several.
        batch_size: how many images are computed at a time.

    Returns:
        float32 of shape `(n, height, width)`, at the images' size (bilinear), each map divided by
        its maximum. A map that is 0 everywhere stays so.

    Raises:
        ValueError: a model without a convolution or with several outputs of which none is chosen;
            an unknown layer; images, or classes, of another shape or range; scores that are not
            finite.

    Warns:
        EmptyMapWarning: some maps are 0 everywhere.
        UserWarning: a model whose outputs are probabilities by other
            means than a last softmax or sigmoid, whose gradient may vanish.
    """
    images, scores = check_images(images), ClassScores(model, output)
    positive_int("batch_size", batch_size)
    chosen = None if classes is None else _check_classes(classes, len(images))
    if not len(images):
        return np.zeros((0, *size_of(images, keras.config.image_data_format())), "float32")
    order = run_order(model, images[:1])
    looked_at = find_layer(order, layer) if layer else last_convolution(order)
    _check_map(looked_at)
    found = [
        _maps(scores, looked_at, batch, None if chosen is None else chosen[rows])[: _length(rows)]
        for rows, batch in batches(images, batch_size)
    ]
    size = size_of(images, image_format(order))
    return _told(to_unit(resized(np.concatenate(found), size)))


def default_layer(model: keras.Model, image: Any) -> str:
    """The path of the layer that `grad_cam` looks at where none is named.

    It is the last one of the size of the last convolution's map: after that convolution's
    normalisation, activation, addition and attention, before any pooling.

    Args:
        model: is run once.
        image: a batch of one image, as the model takes it.

    Raises:
        ValueError: a model without a convolution whose map has more than one pixel.
    """
    return last_convolution(run_order(model, image)).path


def _maps(
    scores: ClassScores, looked_at: Called, images: np.ndarray, classes: np.ndarray | None
) -> np.ndarray:
    """The maps of one batch, at the size of the layer's, not below 0."""
    with without_gradients(), outputs_of(looked_at.layer) as seen:
        probabilities = to_numpy(scores.probabilities(images))
    chosen = _one_hot(classes, probabilities)
    if not scores.squashed:
        _warn_of_probabilities(probabilities)

    def score(activations: Any) -> Any:
        with replaced(looked_at.layer, activations):
            found = scores.scores(images)
        return keras.ops.sum(found * keras.ops.cast(chosen, found.dtype))

    slopes, activations = to_numpy(gradient(score, seen[0])), to_numpy(seen[0])
    places = (2, 3) if looked_at.data_format == "channels_first" else (1, 2)
    weights = slopes.mean(axis=places, keepdims=True)
    channels = 1 if looked_at.data_format == "channels_first" else 3
    result = np.maximum((weights * activations).sum(axis=channels), 0)
    if not np.isfinite(result).all():
        raise ValueError(
            "The scores of this model, or their gradients, are not finite: its weights or the "
            "images hold NaN or values that are too large."
        )
    return result


def _one_hot(classes: np.ndarray | None, probabilities: np.ndarray) -> np.ndarray:
    """Rows with a 1 at the class to explain; the last one again where a batch was filled up."""
    count = probabilities.shape[1]
    if classes is None:
        classes = probabilities.argmax(axis=1)
    if classes.min() < 0 or classes.max() >= count:
        raise ValueError(
            f"classes must be from 0 to {count - 1}, as the model has {count}; given: "
            f"{classes.min()} to {classes.max()}."
        )
    filled = np.pad(classes, (0, len(probabilities) - len(classes)), mode="edge")
    return np.eye(count, dtype="float32")[filled]


def _check_classes(classes: Any, images: int) -> np.ndarray:
    classes = np.asarray(classes)
    if classes.shape != (images,) or (images and classes.dtype.kind not in "iu"):
        raise ValueError(
            f"classes must be a whole number for each of the {images} images, given: shape "
            f"{classes.shape} of {classes.dtype}."
        )
    return classes


def _check_map(looked_at: Called) -> None:
    if looked_at.size is None:
        raise ValueError(
            f"The layer {looked_at.path!r} gives no map but the shape {looked_at.shape}: choose a "
            "layer with the output (images, height, width, channels)."
        )


def _length(rows: slice) -> int:
    return rows.stop - rows.start


def _warn_of_probabilities(values: np.ndarray) -> None:
    if values.min() >= 0 and np.allclose(values.sum(axis=1), 1, atol=1e-3):
        warnings.warn(
            "The model gives probabilities without a softmax at its end that could be left out: "
            "the gradient is that of the probability and vanishes where it is certain.",
            stacklevel=4,
        )


def _told(maps: np.ndarray) -> np.ndarray:
    empty = np.flatnonzero(~maps.any(axis=(1, 2)))
    if len(empty):
        rows = ", ".join(map(str, empty[:5])) + (" ..." if len(empty) > 5 else "")
        warnings.warn(
            f"{len(empty)} of {len(maps)} maps are 0 everywhere (images {rows}): in them nothing "
            "in the layer looked at speaks for the class.",
            EmptyMapWarning,
            stacklevel=3,
        )
    return maps
