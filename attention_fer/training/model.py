"""From a network and a recipe to the model that is trained: pixels in, augmentation first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import ops

from attention_fer.recipes import Recipe
from attention_fer.training import augmentation, losses, sampling
from attention_fer.training.augmentation.base import check_data_format
from attention_fer.training.distillation import Distillation, FrozenTeacher
from attention_fer.training.fused_norm import fused_batch_normalization
from attention_fer.training.inputs import FlipAverage, preprocess
from attention_fer.training.objective import Objective
from attention_fer.training.optimizers import optimizer
from attention_fer.training.sam import SAM

# The layers of a network with a distillation token, see `models.DeiT`.
HEADS = ("predictions", "distillation_predictions")


@dataclass(frozen=True)
class TrainingModel:
    """A network inside the models that train it and predict with it; all share its weights.

    Attributes:
        network: the network itself.
        recipe: how it is trained.
        model: the model to fit. It takes uint8 pixels (batch, height, width, channels) or, where
            `takes_labels`, `{"pixels": pixels, "labels": int (batch,)}`.
        predictor: uint8 pixels to probabilities (batch, classes), without augmentation.
        front: uint8 pixels to what `network` reads.
        loss: for `compile`; None where `model` adds its own.
    """

    network: keras.Model
    recipe: Recipe
    model: keras.Model
    predictor: keras.Model
    front: keras.Model
    loss: keras.losses.Loss | str | None

    @property
    def takes_labels(self) -> bool:
        """Whether the model reads the labels, too: to mix them, or to learn from a teacher."""
        return self.loss is None

    def compile(self, steps: int = 1, **options: Any) -> None:
        """Compiles `model` with a new optimizer; again after layers were frozen or released.

        Args:
            steps: steps per epoch, for the cosine schedule.
            options: further arguments of `keras.Model.compile`, such as `jit_compile`.
        """
        self.model.compile(
            optimizer=optimizer(self.recipe, self.network, steps),
            loss=self.loss,
            metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
            **options,
        )
        # With the optimizer's variables created here TensorFlow traces the training step once;
        # created in the first step they cost two traces and a graph for each variable.
        self.model.optimizer.build(self.model.trainable_variables)

    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        """Trains `model` as `keras.Model.fit` does, see `fused_batch_normalization`."""
        with fused_batch_normalization():
            return self.model.fit(*args, **kwargs)


def training_model(
    network: keras.Model,
    recipe: Recipe,
    *,
    seed: int = 0,
    image_shape: tuple[int, ...] | None = None,
    labels: np.ndarray | None = None,
    teacher: keras.Model | None = None,
    distillation: Distillation | None = None,
) -> TrainingModel:
    """Put `network` after augmentation and preprocessing, ready to be compiled.

    Pixels become numbers in [0, 1], are augmented, cropped, normalised, resized (bilinear) and
    repeated to the channels of the network, in that order. The draws of the augmentation depend on
    the seed, the recipe's augmentation and the number of the step alone: networks trained with one
    seed see the same pictures, whether labels are mixed, a teacher teaches, SAM is used, or none of
    these.

    Applied here are the recipe's augmentation with `flip` and `zoom`, `crop_size`, `mean`, `std`,
    `loss`, `focal_gamma`, `label_smoothing`, `class_weights`, `flip_average` and `sam`. `compile`
    applies the optimizer with its rate, weight decay and `ema`, and the schedule "cosine" with
    `warmup_epochs`. The rest is up to the caller:

    - before: build the network with `image_size`, `channels` and `drop_path`, give its batch
      normalisations `norm_momentum`, and freeze layers (`freezing.freeze`).
    - in `fit`: `epochs`, `batch_size`, the rows of `resample` (`sampling.draw`), `patience`
      (`keras.callbacks.EarlyStopping`) and the schedule "plateau" (`schedules.plateau`).
    - `unfreeze`: for each of `freezing.phases`, freeze, compile and fit.
    - `ema`: within `fit`, validation sees the averages only with the callback
      `keras.callbacks.SwapEMAWeights()`. After it, the network has them.

    Where labels are mixed or a teacher teaches, an `Objective` computes the loss on the device;
    accuracy then compares predictions for augmented images with the labels before mixing.

    Args:
        network: images (batch, height, width, channels) to probabilities (batch, classes), or to a
            pair of them, of its class head and its distillation head, whose mean it predicts
            (Touvron et al. 2021, https://arxiv.org/abs/2012.12877). A network with layers
            `predictions` and `distillation_predictions` gives its teacher both heads.
        recipe: how it is trained.
        seed: seed of the augmentation.
        image_shape: (height, width, channels) of the pixels; None for the network's own input.
        labels: int (n,), classes of the training images, from which class weights follow.
        teacher: images in [0, 1] to probabilities, not logits; it sees the same augmented images,
            resized and repeated to its channels. It becomes untrainable, and part of the training
            model.
        distillation: what is learned from the teacher.

    Raises:
        ValueError: class weights without labels, a teacher without distillation or vice versa, a
            distillation head without them, channels or classes that do not fit, or
            `"channels_first"` as Keras's data format.
    """
    check_data_format()
    if (teacher is None) != (distillation is None):
        raise ValueError("teacher and distillation must be given together; one of them is missing.")
    if len(heads := _heads(network.outputs)) > 1 and teacher is None:
        raise ValueError(f"{network.name} has a distillation head, which needs a teacher.")
    classes = heads[0].shape[-1]
    pixels = keras.Input(image_shape or network.input_shape[1:], dtype="uint8", name="pixels")
    scaled = keras.layers.Rescaling(1 / 255, dtype="float32", name="scale")(pixels)
    front = keras.Model(pixels, preprocess(scaled, network, recipe), name="front")
    probabilities = _predictions(network, front.output, recipe)
    predictor = keras.Model(pixels, probabilities, name="predictor")
    layers = augmentation.build(recipe.full_augmentation, seed)
    inputs: Any = pixels
    loss: keras.losses.Loss | str | None = None
    if teacher is None and not augmentation.mixes(recipe.augmentation):
        outputs = network(preprocess(augmentation.apply(layers, scaled), network, recipe))
        loss = _sparse_loss(recipe, labels, classes)
    else:
        given = keras.Input((), dtype="int32", name="labels")
        soft = ops.one_hot(given, classes, dtype="float32")
        images, soft = augmentation.apply(layers, scaled, soft)
        objective = Objective(_loss(recipe, labels, classes), distillation, name="objective")
        outputs = _learned(objective, network, teacher, recipe, images, soft)
        inputs = {"pixels": pixels, "labels": given}
    model = _model_class(recipe)(inputs, outputs, name="training")
    return TrainingModel(network, recipe, model, predictor, front, loss)


def _predictions(network: keras.Model, images: Any, recipe: Recipe) -> Any:
    """The network's probabilities for images as it reads them, without augmentation."""
    found = _mean(_heads(network(images)))
    if not recipe.flip_average:
        return found
    mirrored = _mean(_heads(network(ops.flip(images, axis=2))))
    return FlipAverage(name="flip_average", dtype="float32")([found, mirrored])


def _learned(
    objective: Objective,
    network: keras.Model,
    teacher: keras.Model | None,
    recipe: Recipe,
    images: Any,
    labels: Any,
) -> Any:
    """The network's probabilities for augmented images, with the objective in their graph."""
    student = network if teacher is None else _with_both_heads(network)
    heads = _heads(student(preprocess(images, student, recipe)))
    inputs = [heads[0], labels]
    if teacher is not None:
        frozen = FrozenTeacher(teacher, name="teacher", dtype="float32")
        inputs += [_mean(_heads(frozen(preprocess(images, teacher)))), *heads[1:]]
    learned = objective(inputs)
    # The metrics' probabilities depend on the objective, or it would not be part of the graph.
    return _mean([learned, *heads[1:]])


def _with_both_heads(network: keras.Model) -> keras.Model:
    """A network with a distillation token gives both its heads; any other stays as it is."""
    if not set(HEADS) <= {layer.name for layer in network.layers}:
        return network
    outputs = [network.get_layer(name).output for name in HEADS]
    return keras.Model(network.input, outputs, name=network.name)


def _heads(outputs: Any) -> list[Any]:
    heads = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
    shapes = [tuple(head.shape) for head in heads]
    if len(heads) > 2 or len(set(shapes)) > 1 or any(len(shape) != 2 for shape in shapes):
        raise ValueError(
            "A network must return probabilities (batch, classes), or a pair of them, got "
            f"shapes {shapes}."
        )
    return heads


def _mean(heads: list[Any]) -> Any:
    return heads[0] if len(heads) == 1 else keras.layers.Average(dtype="float32")(heads)


def _model_class(recipe: Recipe) -> Callable[..., keras.Model]:
    return partial(SAM, rho=recipe.sam) if recipe.sam else keras.Model


def _sparse_loss(
    recipe: Recipe, labels: np.ndarray | None, classes: int
) -> keras.losses.Loss | str:
    """On integer labels; the plain one by Keras's name for it."""
    if recipe.loss == "crossentropy" and not (recipe.label_smoothing or recipe.class_weights):
        return "sparse_categorical_crossentropy"
    return losses.Sparse(_loss(recipe, labels, classes), classes)


def _loss(recipe: Recipe, labels: np.ndarray | None, classes: int) -> keras.losses.Loss:
    """On soft labels."""
    weights = None
    if recipe.class_weights:
        if labels is None:
            raise ValueError("class_weights need the labels of the training images.")
        weights = sampling.class_weights(labels, classes, recipe.class_weights).tolist()
    return losses.loss(
        recipe.loss,
        label_smoothing=recipe.label_smoothing,
        gamma=recipe.focal_gamma,
        class_weights=weights,
    )
