"""Gates of nested networks against those computed from the weights."""

import keras
import numpy as np
import pytest
from keras import layers as kl
from layer_probes import randomised, reference_gates, to_numpy

from attention_fer.explain import gate_maps
from attention_fer.layers import CBAM, ECA, SE

pytestmark = pytest.mark.slow  # builds networks

IMAGES = np.random.default_rng(0).random((3, 8, 8, 1)).astype("float32")


class Holder(kl.Layer):
    """A layer that keeps an attention module to itself."""

    def __init__(self, module, **kwargs):
        super().__init__(**kwargs)
        self.module = module

    def call(self, inputs):
        return inputs + self.module(inputs)


@pytest.fixture(scope="module")
def network():
    x = keras.Input((8, 8, 1))
    y = kl.Conv2D(8, 3, 2, "same", name="conv")(x)
    y = CBAM(reduction_ratio=2, start="identity", name="first")(y)
    y = Holder(SE(reduction_ratio=4, name="second"), name="holder")(y)
    inner = keras.Model(x, ECA(name="third")(y), name="inner")
    outer = keras.Model(x, kl.GlobalAveragePooling2D()(inner(x)))
    return randomised(outer)


def test_gates_are_those_the_weights_give(network):
    inner = network.get_layer("inner")
    first, third = inner.get_layer("first"), inner.get_layer("third")
    second = inner.get_layer("holder").module
    found = gate_maps(network, IMAGES, batch_size=2)
    assert list(found) == ["inner/first", "inner/holder/second", "inner/third"]

    x = to_numpy(inner.get_layer("conv")(IMAGES))
    cbam = reference_gates(first, x)
    np.testing.assert_allclose(
        found["inner/first"]["channel"], cbam["channel"].reshape(3, 8), atol=1e-5
    )
    small = cbam["spatial"].reshape(3, 4, 4)
    large = found["inner/first"]["spatial"]
    assert large.shape == (3, 8, 8)
    # Pixels 0 and 7 lie on the edge, 1 and 2 a quarter from the middles of cells 0 and 1.
    np.testing.assert_allclose(
        large[:, [0, 0, 7], [0, 7, 7]], small[:, [0, 0, 3], [0, 3, 3]], rtol=1e-5
    )
    np.testing.assert_allclose(
        large[:, 0, 1], 0.75 * small[:, 0, 0] + 0.25 * small[:, 0, 1], atol=1e-5
    )
    x = x * cbam["channel"] * cbam["spatial"]
    gate = reference_gates(second, x)["channel"]
    np.testing.assert_allclose(
        found["inner/holder/second"]["channel"], gate.reshape(3, 8), atol=1e-5
    )
    x = x + x * gate
    gate = reference_gates(third, x)["channel"]
    np.testing.assert_allclose(found["inner/third"]["channel"], gate.reshape(3, 8), atol=1e-5)


def test_one_module_alone_and_what_is_refused(network):
    assert list(gate_maps(network, IMAGES, "inner/third")) == ["inner/third"]
    with pytest.raises(ValueError, match="Did you mean 'inner/third'"):
        gate_maps(network, IMAGES, "inner/thirt")
    plain = keras.Sequential([keras.Input((8, 8, 1)), kl.Flatten()])
    with pytest.raises(ValueError, match="no attention modules"):
        gate_maps(plain, IMAGES)
    x, module = keras.Input((8, 8, 1)), SE(reduction_ratio=1, name="shared")
    with pytest.raises(ValueError, match="'shared'.*2 runs"):
        gate_maps(keras.Model(x, module(module(x))), IMAGES)
