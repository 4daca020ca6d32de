"""What the settings make of a network: its optimizer, its normalisation, its activation."""

import keras

from attention_fer import models
from benchmarks.train.network import set_norm_momentum

SMALL = {"input_shape": (32, 32, 1), "classes": 7, "width": 0.0625}


def test_the_norm_momentum_reaches_every_normalisation_of_the_backbone():
    network = models.build("resnet50v2", **SMALL)
    set_norm_momentum(network, 0.8)
    norms = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(norms) == 49  # three in each of 16 blocks and the last one
    assert {norm.momentum for norm in norms} == {0.8}
