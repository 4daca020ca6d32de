"""From a network to the model that is trained: pixels in, augmentation first."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from attention_fer.training import losses, sampling
from attention_fer.training.augmentation import build as augmentation
from attention_fer.training.augmentation import specification
from attention_fer.training.augmentation.geometric import can_compile
from attention_fer.training.distillation import Distillation
from attention_fer.training.model import prepared, training_graph
from attention_fer.training.optimizers import optimizer
from attention_fer.training.sam import SAM
from benchmarks.plan.execution import Execution
from benchmarks.plan.settings import Settings
from benchmarks.train import devices


@dataclass(frozen=True)
class Lesson:
    """Who teaches a network, and how.

    Attributes:
        teacher: from pixels in [0, 1] to probabilities.
        distillation: what is learnt from it.
    """

    teacher: keras.Model
    distillation: Distillation


@dataclass(frozen=True)
class Trainable:
    """A network in the models that train and use it.

    Attributes:
        inner: the network.
        settings: how it is trained.
        model: what is fitted: it takes uint8 pixels, and where `labelled` labels beside them.
        predictor: uint8 pixels to probabilities, with the same weights.
        front: uint8 pixels to what `inner` reads.
        loss: of the training; None where the graph of `model` has its own.
    """

    inner: keras.Model
    settings: Settings
    model: keras.Model
    predictor: keras.Model
    front: keras.Model
    loss: keras.losses.Loss | str | None

    @property
    def labelled(self) -> bool:
        """Whether labels are changed with the images, or a teacher is asked."""
        return self.loss is None

    def compile(self, execution: Execution | None = None, steps: int = 1) -> None:
        """Makes it ready to be fitted; again after layers were frozen or released.

        Args:
            execution: how it is computed.
            steps: of an epoch, for the cosine schedule.
        """
        self.model.compile(
            optimizer=optimizer(self.settings, self.inner, steps),
            loss=self.loss,
            metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
            **devices.compilation(execution or Execution()),
        )
        # With the optimizer's and the metric's variables made here TensorFlow traces the training
        # step once; made in the first step they cost it two traces and a graph for each variable.
        self.model.optimizer.build(self.model.trainable_variables)


def trainable(
    inner: keras.Model,
    settings: Settings,
    seed: int,
    *,
    image_shape: tuple[int, ...] | None = None,
    labels: np.ndarray | None = None,
    lesson: Lesson | None = None,
) -> Trainable:
    """`inner` behind augmentation and scaling: uint8 images in, probabilities out.

    The augmentation's draws depend on the seed and the number of the step alone, so that all
    networks of a row group see the same pictures.

    Args:
        inner: the network.
        settings: how it is trained.
        seed: of the augmentation.
        image_shape: (height, width, channels) of the images; None for what `inner` takes.
        labels: int (n,), of the training images; the weights of the classes follow from them.
        lesson: of a teacher.

    Raises:
        ValueError: class weights without labels, or a setting out of range.
    """
    pixels = keras.Input(image_shape or inner.input_shape[1:], dtype="uint8", name="pixels")
    loss: keras.losses.Loss | str | None = _loss(settings, labels, inner)
    if lesson is not None or specification.mixes(settings.augmentation):
        soft = _soft(settings, labels, inner)
        model, loss = _labelled(inner, settings, seed, pixels, soft, lesson), None
    else:
        model = _plain(inner, settings, seed, pixels)
    scaled = keras.layers.Rescaling(1 / 255, dtype="float32", name="scale")(pixels)
    front = keras.Model(pixels, prepared(scaled, inner, _normalise(settings)), name="front")
    predictor = keras.Model(pixels, inner(front.output), name="predictor")
    return Trainable(inner, settings, model, predictor, front, loss)


def _loss(
    settings: Settings, labels: np.ndarray | None, inner: keras.Model
) -> keras.losses.Loss | str:
    """On integer labels; the plain one by Keras's name for it."""
    if settings.loss == "crossentropy" and not (settings.label_smoothing or settings.class_weights):
        return "sparse_categorical_crossentropy"
    return losses.Sparse(_soft(settings, labels, inner), inner.output_shape[-1])


def unmixed(settings: Settings) -> Settings:
    """The settings without what needs the labels of the images."""
    kept = tuple(entry for entry in settings.augmentation if not specification.mixes((entry,)))
    return replace(settings, augmentation=kept, class_weights="")


def _plain(inner: keras.Model, settings: Settings, seed: int, pixels: Any) -> keras.Model:
    x = keras.layers.Rescaling(1 / 255, dtype="float32")(pixels)
    if settings.flip:
        x = keras.layers.RandomFlip("horizontal", seed=2 * seed + 1, dtype="float32")(x)
    if settings.zoom:
        by = (-settings.zoom, settings.zoom)
        zoom = keras.layers.RandomZoom(
            by, by, fill_mode="nearest", seed=2 * seed + 2, dtype="float32"
        )
        zoom.supports_jit = can_compile()  # see `augmentation.build`
        x = zoom(x)
    x = augmentation.apply(augmentation.build(settings.augmentation, seed), x)
    kind, more = _kind(settings)
    outputs = inner(prepared(x, inner, _normalise(settings)))
    return kind(pixels, outputs, name="trainable", **more)


def _labelled(
    inner: keras.Model,
    settings: Settings,
    seed: int,
    pixels: Any,
    loss: keras.losses.Loss,
    lesson: Lesson | None,
) -> keras.Model:
    first: list[tuple[str, tuple[tuple[str, Any], ...]]] = []
    if settings.flip:
        first.append(("flip", ()))
    if settings.zoom:
        first.append(("zoom", (("fraction", settings.zoom), ("fill", "nearest"))))
    kind, more = _kind(settings)
    model, _ = training_graph(
        _heads(inner) if lesson else inner,
        classes=inner.output_shape[-1],
        loss=loss,
        augment=(*first, *settings.augmentation),
        seed=seed,
        shape=pixels.shape[1:],
        normalise=_normalise(settings),
        teacher=lesson.teacher if lesson else None,
        distillation=lesson.distillation if lesson else None,
        model_class=kind,
        **more,
    )
    return model


def _heads(inner: keras.Model) -> keras.Model:
    """A network with a distillation token gives both its heads; any other stays as it is."""
    names = ("predictions", "distillation_predictions")
    if not set(names) <= {layer.name for layer in inner.layers}:
        return inner
    outputs = [inner.get_layer(name).output for name in names]
    return keras.Model(inner.input, outputs, name=inner.name)


def _normalise(settings: Settings) -> tuple[float, float] | None:
    usual = (settings.mean, settings.std) == (0, 1)
    return None if usual else (settings.mean, settings.std)


def _kind(settings: Settings) -> tuple[type[keras.Model], dict[str, Any]]:
    return (SAM, {"rho": settings.sam}) if settings.sam else (keras.Model, {})


def _soft(settings: Settings, labels: np.ndarray | None, inner: keras.Model) -> keras.losses.Loss:
    weights = None
    if settings.class_weights:
        if labels is None:
            raise ValueError("class_weights need the labels of the training images.")
        kind = settings.class_weights
        weights = sampling.class_weights(labels, inner.output_shape[-1], kind).tolist()
    return losses.loss(
        settings.loss,
        label_smoothing=settings.label_smoothing,
        gamma=settings.focal_gamma,
        class_weights=weights,
    )
