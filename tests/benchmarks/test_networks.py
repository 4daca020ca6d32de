"""What the settings make of a network: its optimizer, its normalisation, its activation."""

import keras
import pytest

from attention_fer import models
from benchmarks.networks import optimizer, set_norm_momentum
from benchmarks.settings import PROFILES, Settings

SMALL = {"input_shape": (32, 32, 1), "classes": 7, "width": 0.0625}


@pytest.mark.parametrize(
    ("backbone", "kind", "rate"),
    [("vgg16", keras.optimizers.Adam, 5e-4), ("resnet50v2", keras.optimizers.SGD, 0.05)],
)
def test_by_norm_takes_sgd_with_normalisation_and_adam_without(backbone, kind, rate):
    settings = Settings(optimizer="by-norm", learning_rate=0.05)
    made = optimizer(settings, models.build(backbone, **SMALL))
    assert type(made) is kind
    assert float(made.learning_rate) == pytest.approx(rate)


def test_the_full_profile_trains_with_the_published_optimizer():
    made = optimizer(PROFILES["full"], models.build("vgg16", **SMALL))
    assert type(made) is keras.optimizers.Adam
    assert float(made.learning_rate) == pytest.approx(1e-4)


def test_sgd_has_nesterov_momentum():
    made = optimizer(Settings(optimizer="sgd"), models.build("vgg16", **SMALL))
    assert (made.momentum, made.nesterov) == (0.9, True)


def test_the_norm_momentum_reaches_every_normalisation_of_the_backbone():
    network = models.build("resnet50v2", **SMALL)
    set_norm_momentum(network, 0.8)
    norms = [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(norms) == 49  # three in each of 16 blocks and the last one
    assert {norm.momentum for norm in norms} == {0.8}
