"""Validation and the choice of the epoch, in a real fit."""

import keras
import numpy as np
import pytest

from benchmarks.train.callbacks import (
    BestWeights,
    EpochHistory,
    OnFirstStep,
    ProgressReporter,
    Validation,
    predict,
)
from benchmarks.train.data import DataPart

# Keras's JAX variables answer NumPy 2 with this warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

IMAGES = np.eye(4, dtype="uint8")
# Probability of class 1 that each image gets in each epoch; the images are of the class 1, 1, 0, 0.
EPOCHS = np.array([[0.4, 0.6, 0.6, 0.4], [0.9, 0.6, 0.6, 0.4], [0.7, 0.8, 0.9, 0.1], [0.2] * 4])
LABELS = np.array([1, 1, 0, 0])


class Outputs(keras.callbacks.Callback):
    """Puts the network into the state of an epoch."""

    def on_epoch_end(self, epoch, logs=None):
        odds = np.log(EPOCHS[epoch] / (1 - EPOCHS[epoch]))
        self.model.set_weights([np.stack([0 * odds, odds], axis=1)])


@pytest.fixture(scope="module")
def fitted():
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(2, use_bias=False, activation="softmax")]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    best = BestWeights(model)
    callbacks = [
        Outputs(),
        Validation(
            DataPart(IMAGES, LABELS, np.arange(4)), lambda images: predict(model, images, 3)
        ),
        best,
    ]
    history = model.fit(
        IMAGES, LABELS, epochs=len(EPOCHS), verbose=0, callbacks=callbacks, shuffle=False
    )
    return model, best, history.history


def test_validation_is_accuracy_and_log_loss_of_each_epoch(fitted):
    *_, history = fitted
    right = (EPOCHS > 0.5) == LABELS
    np.testing.assert_allclose(history["val_accuracy"], right.mean(axis=1))
    given = np.where(LABELS == 1, EPOCHS, 1 - EPOCHS)
    np.testing.assert_allclose(history["val_loss"], -np.log(given).mean(axis=1), rtol=1e-5)


def test_the_first_of_the_best_epochs_is_kept_and_restored(fitted):
    model, best, history = fitted
    assert history["val_accuracy"][1] == history["val_accuracy"][2] == max(history["val_accuracy"])
    assert (best.epoch, best.best) == (2, history["val_accuracy"][1])
    best.restore()
    np.testing.assert_allclose(model.predict(IMAGES, verbose=0)[:, 1], EPOCHS[1], rtol=1e-5)


def test_an_output_that_is_not_finite_ends_the_training():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Rescaling(float("nan"))])
    validate = Validation(DataPart(IMAGES, LABELS, np.arange(4)), lambda x: predict(model, x, 2))
    with pytest.raises(FloatingPointError, match="after epoch 3"):
        validate.on_epoch_end(2, {})


def test_history_keeps_each_epoch_and_refuses_a_loss_that_is_not_finite():
    history = EpochHistory()
    history.on_epoch_end(0, {"loss": np.float32(1.5), "val_loss": 2})
    with pytest.raises(FloatingPointError, match="loss is inf in epoch 2"):
        history.on_epoch_end(1, {"loss": float("inf")})
    assert history.epochs == [{"epoch": 1, "loss": 1.5, "val_loss": 2.0}]


def test_no_callback_makes_keras_wait_for_the_loss_of_a_batch():
    report, best = ProgressReporter(lambda *_, **__: None, 1, 1), BestWeights(keras.Sequential())
    for callback in (report, OnFirstStep(print), EpochHistory(), best):
        for hook in ("on_batch_end", "on_train_batch_end"):
            assert getattr(type(callback), hook) is getattr(keras.callbacks.Callback, hook), hook


class Sums(keras.layers.Layer):
    def call(self, inputs):
        return keras.ops.cast(keras.ops.sum(inputs, axis=1, keepdims=True), "float32")


@pytest.mark.parametrize("n", [1, 3, 4, 5, 8, 9])
def test_predictions_come_in_order_whatever_is_left_over(n):
    model = keras.Sequential([keras.Input((2,)), Sums()])
    shapes = []
    whole = model.predict
    model.predict = lambda batches, **options: (
        shapes.extend(batches[i][0].shape for i in range(len(batches))) or whole(batches, **options)
    )
    images = np.arange(2 * n).reshape(n, 2).astype("float32")
    np.testing.assert_array_equal(predict(model, images, 4)[:, 0], images.sum(axis=1))
    assert shapes == [(4, 2)] * -(-n // 4)


def test_progress_is_told_to_the_last_step_of_each_epoch():
    told, steps = [], []
    report = ProgressReporter(lambda kind, **content: told.append((kind, *content.values())), 2, 3)
    first = OnFirstStep(lambda: steps.append(len(told)))
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    x, y = np.ones((6, 4), "float32"), np.ones((6, 2), "float32")
    model.fit(x, y, batch_size=2, epochs=2, verbose=0, callbacks=[report, first])
    assert [event for event in told if event[3] == 3] == [
        ("step", 1, 2, 3, 3),
        ("step", 2, 2, 3, 3),
    ]
    assert told[0] == ("step", 1, 2, 0, 3)
    assert len(steps) == 1 and steps[0] >= 1
