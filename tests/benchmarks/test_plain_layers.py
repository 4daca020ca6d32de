"""The functional graphs that the layers are timed against compute the same as the layers."""

import keras
import numpy as np
import pytest
from keras import ops

from attention_fer import layers
from benchmarks.speed.layers import PLAIN

CHANNELS = 128


def networks(name):
    """A layer and its plain graph, with equal random weights."""
    image = keras.Input((6, 5, CHANNELS))
    ours = keras.Model(image, layers.get(name)(image))
    plain = keras.Model(image, PLAIN[name](image))
    rng = np.random.default_rng(1)
    weights = [
        rng.uniform(0.2, 0.6, weight.shape)
        if weight.ndim == 1
        else rng.normal(0, 0.1, weight.shape)
        for weight in ours.get_weights()
    ]
    ours.set_weights(weights)
    if name == "srm":  # The graph has both weights of a channel in one matrix.
        weights = [np.stack(weights[:2]), *weights[2:]]
    if name == "bam":  # The graph has the layers of both branches in another order.
        paths = [weight.path.partition("/")[2] for weight in ours.weights]
        by_path = dict(zip(paths, weights, strict=True))
        weights = [by_path[weight.path] for weight in plain.weights]
    plain.set_weights(weights)
    return ours, plain


@pytest.mark.parametrize("training", (False, True))
@pytest.mark.parametrize("name", PLAIN)
def test_the_plain_graph_computes_the_same_as_the_layer(name, training):
    ours, plain = networks(name)
    x = np.random.default_rng(0).normal(0.2, 1, (4, 6, 5, CHANNELS)).astype("float32")
    expected, got = (ops.convert_to_numpy(model(x, training=training)) for model in (ours, plain))
    assert np.abs(expected - x).max() > 0.1
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    for new, old in zip(plain.get_weights()[-2:], ours.get_weights()[-2:], strict=True):
        np.testing.assert_allclose(new, old, rtol=1e-5, atol=1e-6)
