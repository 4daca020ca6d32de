"""StochasticDepth: whole samples are dropped, the others make up for them."""

import keras
import numpy as np
import pytest
from layer_probes import to_numpy

from attention_fer.models.parts.residual_layers import StochasticDepth


@pytest.mark.parametrize("shape", [(500, 3), (500, 4, 3), (500, 2, 3, 4)])
def test_a_sample_is_dropped_whole_or_made_larger_and_the_mean_stays(shape):
    x = np.random.default_rng(0).uniform(1, 2, shape).astype("float32")
    y = to_numpy(StochasticDepth(0.3, seed=1)(x, training=True))
    ratio = (y / x).reshape(len(x), -1)
    np.testing.assert_allclose(ratio, np.repeat(ratio[:, :1], ratio.shape[1], axis=1), rtol=1e-5)
    kept = ratio[:, 0] > 0
    np.testing.assert_allclose(ratio[kept], 1 / 0.7, rtol=1e-5)
    # Four standard deviations of a share of 500.
    assert abs(kept.mean() - 0.7) < 4 * np.sqrt(0.3 * 0.7 / len(x))


def test_nothing_happens_at_inference_or_with_rate_zero():
    x = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    np.testing.assert_array_equal(to_numpy(StochasticDepth(0.9)(x)), x)
    np.testing.assert_array_equal(to_numpy(StochasticDepth(0.9)(x, training=False)), x)
    np.testing.assert_array_equal(to_numpy(StochasticDepth(0)(x, training=True)), x)


def test_a_seed_repeats_the_draws_and_each_call_draws_anew():
    x = np.ones((64, 2), "float32")
    layers = [StochasticDepth(0.5, seed=seed) for seed in (3, 3, 4)]
    first, again, other = (to_numpy(layer(x, training=True)) for layer in layers)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (to_numpy(layers[0](x, training=True)) != first).any()


def test_it_is_saved_with_its_rate_and_seed():
    layer = StochasticDepth(0.25, seed=5, name="drop")
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert (type(copy), copy.rate, copy.seed, copy.name) == (StochasticDepth, 0.25, 5, "drop")


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5, "0.1", True, float("nan")])
def test_a_rate_out_of_range_is_refused(rate):
    with pytest.raises(ValueError, match="rate.*at least 0 and below 1"):
        StochasticDepth(rate)
