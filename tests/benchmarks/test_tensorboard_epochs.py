"""The curves of a real fit, and that looking changes nothing."""

from contextlib import closing

import keras
import numpy as np
import pytest

from attention_fer.layers import CBAM
from attention_fer.training.model import training_model
from benchmarks.plan.settings import Settings
from benchmarks.train.tensorboard.epochs import EpochLog, Gates
from benchmarks.train.tensorboard.events import EventWriter

pytest.importorskip("tensorboard")

from tensorboard_reading import read

# Keras's JAX variables answer NumPy 2 with this warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (16, 16, 16, 1), dtype="uint8")
LABELS = RNG.integers(0, 3, 16, dtype="int32")
EPOCHS = 3
SETTINGS = Settings(width=0.0625, learning_rate=1e-3, zoom=0.1)


class Fade(keras.callbacks.Callback):
    """Adds a validation loss and halves the learning rate, before the epoch is logged."""

    def on_epoch_end(self, epoch, logs=None):
        logs["val_loss"] = 1 / (epoch + 1)
        rate = keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)
        self.model.optimizer.learning_rate = float(rate) / 2


def fit(*callbacks_of):
    """A small network after three epochs with flips, zooms and dropout."""
    keras.utils.set_random_seed(5)
    x = keras.Input((16, 16, 1))
    y = keras.layers.Conv2D(8, 3, strides=2, name="conv")(x)
    y = CBAM(reduction_ratio=2, name="cbam")(keras.layers.BatchNormalization()(y))
    y = keras.layers.Dropout(0.3)(keras.layers.Flatten()(y))
    network = keras.Model(x, keras.layers.Dense(3, activation="softmax")(y))
    made = training_model(network, SETTINGS, seed=5)
    made.compile()
    model = made.model
    callbacks = [make(network) for make in callbacks_of]
    arguments = {"batch_size": 8, "epochs": EPOCHS, "verbose": 0, "callbacks": callbacks}
    history = model.fit(IMAGES, LABELS, **arguments)
    return model, callbacks, history.history


def random_state():
    """What the random streams would give next."""
    return np.random.random(), float(keras.random.uniform(()))


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with closing(EventWriter(folder)) as writer:
        model, (_, log), history = fit(
            lambda _: Fade(), lambda network: EpochLog(writer, Gates(network, IMAGES[:4]), 1e9)
        )
        after = random_state()
    return model, log, history, read(folder), after


def test_curves_are_those_of_the_fit(logged):
    *_, history, found, _ = logged
    for key, tag in {
        "loss": "loss/train",
        "accuracy": "accuracy/train",
    }.items():
        assert [step for step, _ in found[tag]] == [1, 2, 3]
        np.testing.assert_allclose([value for _, value in found[tag]], history[key], rtol=1e-6)
    losses = [value for _, value in found["loss/validation"]]
    np.testing.assert_allclose(losses, [1, 1 / 2, 1 / 3], rtol=1e-6)
    rates = [value for _, value in found["learning_rate"]]
    np.testing.assert_allclose(rates, [5e-4, 2.5e-4, 1.25e-4], rtol=1e-6)


def test_gates_follow_the_weights_and_the_last_are_kept(logged):
    _, log, _, found, _ = logged
    for gate in ("channel", "spatial"):
        for name, value in log.gates_seen[f"cbam/{gate}"].items():
            points = found[f"gates/cbam/{gate}/{name}"]
            assert [step for step, _ in points] == [1, 2, 3]
            assert points[-1][1] == pytest.approx(value, rel=1e-6)
    means = [value for _, value in found["gates/cbam/channel/mean"]]
    assert len(set(means)) == 3
    both = [log.gates_seen[f"cbam/{gate}"]["mean"] for gate in ("channel", "spatial")]
    assert found["gates/mean"][-1][1] == pytest.approx(np.mean(both), rel=1e-6)


def test_training_is_the_same_bit_for_bit_with_and_without(logged):
    watched, *_, after = logged
    model, *_ = fit(lambda _: Fade())
    assert random_state() == after
    for ours, plain in zip(watched.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, plain)


class Slow:
    """Gates whose measurement takes ten seconds, guessed as four, of a clock of its own."""

    guess = 4.0

    def __init__(self):
        self.now = 100.0

    def __bool__(self):
        return True

    def measure(self):
        self.now += 10
        return {"layer/channel": {"mean": 0.5, "spread": 0.1, "saturated": 0.0}}


@pytest.mark.parametrize(
    ("share", "epochs", "looked"),
    [
        # Four seconds are a tenth of 40 s; that look over, 20 are one of 200 s, and 30 of 300 s.
        (0.1, 30, [4, 19, 28, 30]),
        (0.1, 28, [4, 19, 28]),
        (0.0, 5, [5]),
    ],
)
def test_looking_takes_its_share_and_never_misses_the_last_epoch(tmp_path, share, epochs, looked):
    writer, slow = EventWriter(tmp_path), Slow()
    log = EpochLog(writer, slow, share=share, clock=lambda: slow.now)
    log.set_model(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    log.model.compile("sgd", "mse")
    log.on_train_begin()
    for epoch in range(epochs):
        slow.now += 10
        log.on_epoch_end(epoch, {})
    log.on_train_end()
    writer.close()
    assert [step for step, _ in read(tmp_path)["gates/mean"]] == looked
