import keras
import numpy as np
import pytest

from attention_fer.training.sam import SAM

LAYERS = keras.layers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 3)).astype("float32")
Y = RNG.normal(size=(16, 2)).astype("float32")
WEIGHTS = [RNG.normal(size=(3, 2)).astype("float32"), RNG.normal(size=2).astype("float32")]
RHO, RATE, DECAY = 0.3, 0.1, 0.05


def model_of(*layers, rho=RHO, optimizer=None):
    inputs = keras.Input((3,))
    x = inputs
    for layer in layers:
        x = layer(x)
    model = SAM(inputs, x, rho=rho)
    model.compile(optimizer or keras.optimizers.SGD(RATE), "mse")
    return model


def step(model):
    return model.fit(X, Y, batch_size=16, verbose=0).history["loss"][0]


def gradients(w, b):
    """Of the mean squared error of x w + b, by hand."""
    error = 2 * (X @ w + b - Y) / Y.size
    return X.T @ error, error.sum(0)


def climbed(w, b):
    g, h = gradients(w, b)
    norm = np.sqrt((g**2).sum() + (h**2).sum())
    return w + RHO * g / norm, b + RHO * h / norm


def test_a_step_is_that_of_the_paper():
    model = model_of(LAYERS.Dense(2))
    model.set_weights(WEIGHTS)
    w, b = (value.astype("float64") for value in WEIGHTS)
    for _ in range(2):
        before = ((X @ w + b - Y) ** 2).mean()
        g, h = gradients(*climbed(w, b))
        w, b = w - RATE * g, b - RATE * h
        assert step(model) == pytest.approx(before, rel=1e-4)
    for ours, theirs in zip(model.get_weights(), (w, b), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_weights_decay_from_where_they_are_and_not_from_where_the_gradient_was_taken():
    decaying = keras.optimizers.SGD(RATE, weight_decay=DECAY)
    model = model_of(LAYERS.Dense(2), optimizer=decaying)
    model.set_weights(WEIGHTS)
    step(model)
    found = zip(model.get_weights(), WEIGHTS, gradients(*climbed(*WEIGHTS)), strict=True)
    for ours, start, gradient in found:
        expected = start * (1 - RATE * DECAY) - RATE * gradient
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)


def test_statistics_and_draws_move_once_as_the_first_pass_leaves_them():
    norm, drop = LAYERS.BatchNormalization(momentum=0.5), LAYERS.Dropout(0.5, seed=1)
    model = model_of(LAYERS.Dense(4), norm, drop, LAYERS.Dense(2))
    w, b = model.layers[1].get_weights()
    state = np.asarray(keras.ops.convert_to_numpy(drop.seed_generator.state)).copy()
    step(model)
    mean = keras.ops.convert_to_numpy(norm.moving_mean)
    np.testing.assert_allclose(mean, 0.5 * (X @ w + b).mean(0), rtol=1e-4, atol=1e-6)
    after = np.asarray(keras.ops.convert_to_numpy(drop.seed_generator.state))
    assert (after - state).tolist() == [0, 1]


def test_both_passes_drop_the_same():
    # Of what is dropped no gradient may come, in either pass: its weights stay.
    model = model_of(LAYERS.Dropout(0.5, seed=1, noise_shape=(1, 3)), LAYERS.Dense(2))
    drop = model.layers[1]
    state = np.asarray(keras.ops.convert_to_numpy(drop.seed_generator.state)).copy()
    kept = np.asarray(keras.ops.convert_to_numpy(drop(np.ones((1, 3), "float32"), training=True)))
    drop.seed_generator.state.assign(state)
    before = model.get_weights()[0]
    step(model)
    changed = (model.get_weights()[0] != before).all(axis=1)
    assert changed.tolist() == (kept[0] > 0).tolist() and 0 < changed.sum() < 3


@pytest.mark.parametrize("rho", [0.0, -1.0, float("inf")])
def test_bad_radius_is_refused(rho):
    with pytest.raises(ValueError, match="rho must be above 0 and finite"):
        model_of(LAYERS.Dense(2), rho=rho)
