"""Gate statistics against gates computed from the weights by hand."""

import keras
import numpy as np
import pytest
from scipy.special import expit as sigmoid

from attention_fer import models
from attention_fer.layers import SE
from benchmarks import published
from benchmarks.train.tensorboard.epochs import Gates, overall, statistics

# Keras's JAX variables answer NumPy 2 with this warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

IMAGES = np.random.default_rng(0).integers(0, 256, (9, 32, 32, 1), dtype="uint8")
SMALL = {"input_shape": (32, 32, 1), "classes": 3, "width": 0.125, "seed": 1}


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_statistics_are_mean_deviation_and_share_in_the_outer_twentieths():
    gate = np.array([[0.01, 0.2], [0.96, 0.97], [0.5, 0.06]], "float32")
    found = statistics(gate, (0.0, 1.0))
    assert found == pytest.approx(
        {"mean": gate.mean(), "spread": np.std(gate), "saturated": 3 / 6}, rel=1e-6
    )


def test_saturation_of_the_identity_start_is_that_of_its_own_range():
    gate = np.array([0.06, 0.2, 1.0, 1.8, 1.95])
    found = statistics(gate, (0.0, 2.0))
    assert found["saturated"] == pytest.approx(2 / 5)
    assert found["mean"] == pytest.approx(gate.mean())


def excitation(weights, x):
    """SE's gates, from its weights."""
    squeezed = x.mean(axis=(1, 2))
    kernel1, bias1, kernel2, bias2 = weights
    return sigmoid(np.maximum(squeezed @ kernel1 + bias1, 0) @ kernel2 + bias2)


def test_gates_are_those_of_the_network_on_scaled_pixels():
    x = keras.Input((32, 32, 1))
    convolved = keras.layers.Conv2D(8, 3, strides=8, name="conv")(x)
    first = SE(reduction_ratio=2, use_bias=True, name="first")(convolved)
    noisy = keras.layers.Dropout(0.9)(first)  # does nothing in inference
    second = SE(reduction_ratio=4, use_bias=True, name="second")(noisy)
    network = keras.Model(x, second)
    rng = np.random.default_rng(3)
    network.set_weights([rng.normal(0, 1.5, w.shape) for w in network.get_weights()])

    measured = Gates(network, IMAGES).measure()

    before = numpy(network.get_layer("conv")(IMAGES.astype("float32") / 255))
    one = excitation([numpy(w) for w in network.get_layer("first").weights], before)
    after = before * one[:, None, None, :]
    two = excitation([numpy(w) for w in network.get_layer("second").weights], after)
    assert set(measured) == {"first/channel", "second/channel"}
    for name, gate in (("first/channel", one), ("second/channel", two)):
        expected = {
            "mean": gate.mean(),
            "spread": gate.std(),
            "saturated": ((gate < 0.05) | (gate > 0.95)).mean(),
        }
        assert measured[name] == pytest.approx(expected, abs=1e-5)
        assert 0 < expected["saturated"] < 1
    mean = (measured["first/channel"]["mean"] + measured["second/channel"]["mean"]) / 2
    assert overall(measured)["mean"] == pytest.approx(mean)
    assert set(overall(measured)) == {"mean", "spread", "saturated"}


def test_every_attention_layer_of_a_resnet_and_both_gates_of_cbam_are_there():
    network = models.build("resnet50", attention="cbam", **SMALL)
    measured = Gates(network, IMAGES).measure()
    layers = {name.rpartition("/")[0] for name in measured}
    assert len(layers) == 16
    assert {name.rpartition("/")[2] for name in measured} == {"channel", "spatial"}
    assert len(measured) == 32


@pytest.mark.parametrize(
    ("attention", "gates"),
    [("se", {"channel"}), ("eca", {"image"}), ("cbam", {"channel", "spatial"})],
)
def test_the_published_vgg_is_looked_into(attention, gates):
    network = published.build("vgg16", attention, **SMALL)
    (added,) = [layer for layer in network.layers if isinstance(layer, published.Added)]
    before = keras.Model(network.input, added.input)(IMAGES.astype("float32") / 255)
    maps = added.attention.attention_maps(before)
    measured = Gates(network, IMAGES).measure()
    assert set(measured) == {f"{added.name}/{gate}" for gate in gates}
    for gate in gates:
        mean = measured[f"{added.name}/{gate}"]["mean"]
        assert mean == pytest.approx(numpy(maps[gate]).mean(), abs=1e-5)


def test_images_are_a_few_from_all_over():
    x = keras.Input((1, 1, 1))
    gate = SE(reduction_ratio=1, use_bias=True, name="se")
    network = keras.Model(x, gate(x))
    # A gate that is the sigmoid of the pixel, between 0.5 for 0 and 0.73 for 255.
    network.set_weights([np.ones((1, 1)), np.zeros(1), np.ones((1, 1)), np.zeros(1)])
    images = np.arange(200, dtype="uint8").reshape(-1, 1, 1, 1)
    used = np.array([0, 66, 132, 199]) / 255
    found = Gates(network, images, at_most=4).measure()["se/channel"]
    assert found["mean"] == pytest.approx(sigmoid(used).mean(), abs=1e-6)
    assert found["spread"] == pytest.approx(sigmoid(used).std(), abs=1e-6)


def test_a_network_without_attention_has_no_gates():
    gates = Gates(models.build("vgg16", **SMALL), IMAGES)
    assert not gates and gates.measure() == {} and overall({}) == {}
