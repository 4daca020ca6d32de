"""Validation and the choice of the epoch, in a real fit."""

import keras
import numpy as np
import pytest

from benchmarks.callbacks import KeepBest, Validate
from benchmarks.data import Part

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
    best = KeepBest()
    callbacks = [Outputs(), Validate(Part(IMAGES, LABELS, np.arange(4)), 3), best]
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
    validate = Validate(Part(IMAGES, LABELS, np.arange(4)), 2)
    validate.set_model(model)
    with pytest.raises(FloatingPointError, match="after epoch 3"):
        validate.on_epoch_end(2, {})
