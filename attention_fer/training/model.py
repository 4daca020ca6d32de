"""From a network to the model that trains it and the one that is asked."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from attention_fer.training.augmentation import build as augmentation
from attention_fer.training.augmentation.specification import Specification
from attention_fer.training.distillation import Distillation
from attention_fer.training.objective import Objective

Normalisation = tuple[float, float]


def training_graph(
    inner: keras.Model,
    *,
    classes: int,
    loss: keras.losses.Loss,
    augment: Specification = (),
    seed: int = 0,
    shape: tuple[int, int, int] | None = None,
    normalise: Normalisation | None = None,
    teacher: keras.Model | None = None,
    teacher_normalise: Normalisation | None = None,
    distillation: Distillation | None = None,
    model_class: type[keras.Model] = keras.Model,
    **options: Any,
) -> tuple[keras.Model, keras.Model]:
    """The model that trains `inner`, and the one that predicts; they share it and its weights.

    Pixels become numbers in [0, 1], are augmented, normalised, resized (bilinear) and copied to
    the channels of the network, in that order; the predicting model does the same without
    augmentation. Compile the first with `loss=None`: its loss is added by an `Objective`. Its
    output is that of the predicting model, for metrics: they compare predictions for augmented
    images with the labels that were given, before these were mixed.

    Args:
        inner: images (batch, height, width, channels) to probabilities (batch, classes), or to a
            pair of them, of its class head and its distillation head, whose mean it predicts
            (Touvron et al. 2021, https://arxiv.org/abs/2012.12877).
        classes: number of classes.
        loss: of soft labels, from `losses.loss`.
        augment: see `augmentation.build`.
        seed: of the augmentation.
        shape: (height, width, channels) of the pixels; default: the input of `inner`.
        normalise: mean and standard deviation of pixels in [0, 1], taken off and divided by.
        teacher: a network like `inner`, made untrainable here, which sees the same images; it is
            part of the training model and of its weights.
        teacher_normalise: what the teacher was trained with.
        distillation: what is learned from the teacher; needs one.
        model_class, options: of the training model, such as `sam.SAM` with `rho=0.05`.

    Returns:
        Training model: `{"pixels": uint8 (batch, *shape), "labels": int (batch,)}` to
        probabilities; predicting model: pixels to probabilities.

    Raises:
        ValueError: a teacher without distillation or the other way round, a distillation head
            without them, unknown augmentations, channels or classes that do not fit.
    """
    if (teacher is None) != (distillation is None):
        raise ValueError("A teacher and a distillation need each other; one of them is missing.")
    pixels = keras.Input(shape or inner.input_shape[1:], dtype="uint8", name="pixels")
    labels = keras.Input((), dtype="int32", name="labels")
    scale = keras.layers.Rescaling(1 / 255, dtype="float32", name="scale")
    clean = scale(pixels)
    soft = ops.one_hot(labels, classes, dtype="float32")
    images, soft = augmentation.apply(augmentation.build(augment, seed), clean, soft)
    outputs = _heads(inner(prepared(images, inner, normalise)), classes)
    if len(outputs) == 2 and teacher is None:
        raise ValueError(f"{inner.name} has a second head, which only a distillation trains.")
    inputs = [outputs[0], soft]
    if teacher is not None:
        inputs += [_taught(teacher, images, teacher_normalise, classes), *outputs[1:]]
    learned = Objective(loss, distillation, name="objective")(inputs)
    # The metrics' probabilities depend on the objective, or it would be no part of the graph.
    shown = learned if len(outputs) == 1 else _mean([learned, outputs[1]])
    training = model_class({"pixels": pixels, "labels": labels}, shown, name="trainable", **options)
    found = _mean(_heads(inner(prepared(clean, inner, normalise)), classes))
    return training, keras.Model(pixels, found, name="predicting")


def prepared(images: Any, network: keras.Model, normalise: Normalisation | None = None) -> Any:
    """Images in [0, 1] as `network` takes them: normalised, resized, copied to its channels."""
    for layer in (*_normalisation(normalise), *_fitting(images.shape[1:], network)):
        images = layer(images)
    return images


def _taught(
    teacher: keras.Model, images: Any, normalise: Normalisation | None, classes: int
) -> Any:
    found = Frozen(teacher, name="teacher", dtype="float32")(prepared(images, teacher, normalise))
    return _mean(_heads(found, classes))


def _normalisation(normalise: Normalisation | None) -> list[keras.layers.Layer]:
    if normalise is None:
        return []
    mean, deviation = normalise
    if not deviation > 0:
        raise ValueError(f"The standard deviation must be above 0, given: {deviation}.")
    return [keras.layers.Rescaling(1 / deviation, -mean / deviation, dtype="float32")]


def _fitting(shape: tuple[int, int, int], network: keras.Model) -> list[keras.layers.Layer]:
    """What makes images of `shape` such that `network` takes them."""
    height, width, channels = network.input_shape[1:]
    found: list[keras.layers.Layer] = []
    if None not in (height, width) and (height, width) != tuple(shape[:2]):
        found.append(keras.layers.Resizing(height, width, dtype="float32"))
    if channels != shape[2]:
        if shape[2] != 1:
            raise ValueError(
                f"{network.name} takes images with {channels} channels, given: {shape[2]}. Only "
                "a single channel can be copied."
            )
        found.append(Copies(channels))
    return found


@keras.saving.register_keras_serializable("attention_fer")
class Frozen(keras.layers.Layer):
    """A network that learns nothing and answers as at inference, also while others are trained.

    `network(x, training=False)` in a functional graph would not do: Keras runs all layers of a
    graph with the graph's own `training`.
    """

    def __init__(self, network: keras.Model, **kwargs: Any):
        super().__init__(**kwargs)
        self.network = network
        network.trainable = False

    def call(self, inputs: Any) -> Any:
        return self.network(inputs, training=False)

    def get_config(self) -> dict[str, Any]:
        network = keras.saving.serialize_keras_object(self.network)
        return {**super().get_config(), "network": network}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Frozen:
        network = keras.saving.deserialize_keras_object(config["network"])
        return cls(**{**config, "network": network})


@keras.saving.register_keras_serializable("attention_fer")
class Copies(keras.layers.Layer):
    """A grey image in several channels: (..., 1) to (..., channels)."""

    def __init__(self, channels: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.channels = channels

    def call(self, inputs: Any) -> Any:
        return ops.repeat(inputs, self.channels, axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "channels": self.channels}


def _heads(outputs: Any, classes: int) -> list[Any]:
    found = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    if len(found) > 2 or any(tuple(head.shape[1:]) != (classes,) for head in found):
        raise ValueError(
            f"The network must give probabilities (batch, {classes}), or a pair of them; given: "
            f"{[tuple(head.shape) for head in found]}."
        )
    return found


def _mean(heads: list[Any]) -> Any:
    return heads[0] if len(heads) == 1 else keras.layers.Average(dtype="float32")(heads)
