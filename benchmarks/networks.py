"""From a cell to its network, and to the model that is trained: pixels in, augmentation first."""

from __future__ import annotations

import keras

from attention_fer import models
from attention_fer.checks import one_of
from benchmarks import published
from benchmarks.cells import Cell
from benchmarks.settings import OPTIMIZERS, Settings
from benchmarks.table import VARIANTS


def network(cell: Cell, input_shape: tuple[int, ...], classes: int) -> keras.Model:
    """The cell's backbone with its attention; the seed decides the initial weights.

    Raises:
        ValueError: an unknown variant, backbone or attention.
    """
    options = {
        "input_shape": input_shape,
        "classes": classes,
        "width": cell.settings.width,
        "seed": cell.seed,
    }
    if one_of("variant", cell.variant, VARIANTS) == "published":
        return published.build(cell.backbone, cell.attention, **options)
    # He et al. 2015, for ReLU networks: Keras's default lets their signal fade with depth.
    options["kernel_initializer"] = "he_normal"
    options["activation"] = cell.settings.activation
    if cell.backbone.startswith("vgg"):
        # As published: five "valid" pools would leave a map of one pixel of a 48-pixel face, on
        # which spatial attention has nothing to choose from.
        options["pool_padding"] = "same"
    attention = None if cell.attention == "none" else cell.attention
    return models.build(cell.backbone, attention=attention, **options)


def set_norm_momentum(model: keras.Model, momentum: float) -> None:
    """Sets how slowly the backbone's batch normalisations forget earlier batches."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = momentum


def trainable(inner: keras.Model, settings: Settings, seed: int) -> keras.Model:
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
    if kind == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)


def _normalised(network: keras.Model) -> bool:
    return any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)
