"""From a network to the model that is trained: pixels in, augmentation first."""

from __future__ import annotations

from collections.abc import Callable

import keras

from attention_fer.checks import one_of
from benchmarks.devices import Execution
from benchmarks.settings import OPTIMIZERS, Settings

# Keras's defaults apart from the learning rate.
KINDS: dict[str, Callable[[float], keras.optimizers.Optimizer]] = {
    "adam": keras.optimizers.Adam,
    "rmsprop": keras.optimizers.RMSprop,
    "adagrad": keras.optimizers.Adagrad,
    "sgd": lambda rate: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True),
}


def trainable(
    inner: keras.Model, settings: Settings, seed: int, execution: Execution | None = None
) -> keras.Model:
    """`inner` behind augmentation and scaling: uint8 images in, probabilities out.

    The augmentation's draws depend on the seed and the number of the step alone, so that all
    networks of a row group see the same pictures.
    """
    pixels = keras.Input(inner.input_shape[1:], dtype="uint8", name="pixels")
    x = keras.layers.Rescaling(1 / 255, dtype="float32", name="scale")(pixels)
    if settings.flip:
        x = keras.layers.RandomFlip("horizontal", seed=2 * seed + 1, dtype="float32")(x)
    if settings.zoom:
        by = (-settings.zoom, settings.zoom)
        zoom = keras.layers.RandomZoom(
            by, by, fill_mode="nearest", seed=2 * seed + 2, dtype="float32"
        )
        x = zoom(x)
    model = keras.Model(pixels, inner(x), name="trainable")
    model.compile(
        optimizer=optimizer(settings, inner),
        loss="sparse_categorical_crossentropy",
        metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        **(execution or Execution()).compilation(),
    )
    # With the optimizer's and the metric's variables made here TensorFlow traces the training step
    # once; made in the first step they cost it two traces and a graph for each variable.
    model.optimizer.build(model.trainable_variables)
    return model


def optimizer(settings: Settings, network: keras.Model) -> keras.optimizers.Optimizer:
    """The optimizer of the settings, for `network`; see `Settings.optimizer`."""
    kind, rate = one_of("optimizer", settings.optimizer, OPTIMIZERS), settings.learning_rate
    if kind == "by-norm":
        kind, rate = ("sgd", rate) if _normalised(network) else ("adam", rate / 100)
    return KINDS[kind](rate)


def _normalised(network: keras.Model) -> bool:
    return any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)
