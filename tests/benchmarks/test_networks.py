"""What the settings make of a network: its optimizer, its normalisation, its activation."""

import keras
import numpy as np
import pytest

from attention_fer import models
from benchmarks.train.network import set_norm_momentum, start_from

SMALL = {"input_shape": (32, 32, 1), "classes": 7, "width": 0.0625}


def test_the_norm_momentum_reaches_every_normalisation_of_the_backbone():
    network = models.build("resnet50v2", **SMALL)
    set_norm_momentum(network, 0.8)
    norms = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(norms) == 49  # three in each of 16 blocks and the last one
    assert {norm.momentum for norm in norms} == {0.8}


def fine(**changes):
    return models.build("small_resnet", **{**SMALL, "width": 0.25, "seed": 0, **changes})


def test_a_network_starts_from_one_with_other_strides():
    teacher = keras.Sequential([keras.Input(SMALL["input_shape"]), fine(seed=1)])
    network = fine(stem_stride=1)
    start_from(network, teacher)
    for found, expected in zip(network.weights, teacher.layers[-1].weights, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_network_with_attention_starts_from_one_without():
    teacher = keras.Sequential([keras.Input(SMALL["input_shape"]), fine(seed=1)])
    network = fine(attention=("eca", {"start": "identity"}))
    images = np.random.default_rng(0).random((3, *SMALL["input_shape"]), "float32")
    start_from(network, teacher)
    found, expected = network(images), teacher(images)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("teacher", "error"),
    [
        (lambda: fine(width=0.5), "0 layers loaded; 33 new"),
        (lambda: fine(attention="eca"), "same layers and weights.*6 missed .*attention"),
        (lambda: fine(include_top=False, pooling="avg"), "same layers and weights.*1 new"),
        (lambda: models.build("vgg16", **SMALL), "small_resnet, got .'vgg16'"),
    ],
)
def test_a_network_does_not_start_from_one_with_other_weights(teacher, error):
    made = keras.Sequential([keras.Input(SMALL["input_shape"]), teacher()])
    with pytest.raises(ValueError, match=error):
        start_from(fine(), made)
