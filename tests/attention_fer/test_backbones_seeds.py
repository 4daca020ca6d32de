"""Networks that start equal, compute in mixed precision, or hold their channels first."""

import keras
import numpy as np
import pytest
from layer_probes import BACKEND, channels_first, features, to_numpy

from attention_fer import layers, models

pytestmark = pytest.mark.slow

V2 = pytest.param("resnet50v2", marks=pytest.mark.slow)  # builds as ResNet does, see `resnet.py`
each_family = pytest.mark.parametrize("name", ("vgg16", "resnet50", V2))
RESNETS = pytest.mark.parametrize("name", ("resnet50", V2))


def build(name, **options):
    return models.build(
        name, **{"input_shape": (32, 32, 3), "classes": 4, "width": 0.1, "seed": 1, **options}
    )


@pytest.mark.parametrize(
    ("name", "attention"),
    [
        *(("vgg16", attention) for attention in layers.names()),
        ("resnet50", "cbam"),
        ("resnet50v2", "se"),
    ],
)
def test_networks_of_one_seed_start_equal_where_both_have_a_layer(name, attention):
    options = {"width": 0.25}
    plain, other = build(name, **options), build(name, attention=attention, **options)
    weights = {v.path: to_numpy(v) for v in other.weights}
    for variable in plain.weights:
        np.testing.assert_array_equal(to_numpy(variable), weights.pop(variable.path))
    modules = [layer for layer in other.layers if isinstance(layer, layers.AttentionModule)]
    assert modules and weights.keys() == {v.path for layer in modules for v in layer.weights}


@each_family
def test_networks_of_other_seeds_and_layers_of_one_network_differ(name):
    first, second = build(name), build(name, seed=2)
    kernels = [v for v in first.weights if v.path.endswith("kernel")]
    others = {v.path: to_numpy(v) for v in second.weights}
    assert all(np.abs(to_numpy(v) - others[v.path]).max() > 1e-4 for v in kernels)
    shapes = {}
    for v in kernels:
        shapes.setdefault(tuple(v.shape), []).append(to_numpy(v))
    same = [group for group in shapes.values() if len(group) > 1]
    assert same and all(np.abs(group[0] - group[1]).max() > 1e-4 for group in same)


def test_without_a_seed_two_networks_differ():
    kernels = [
        to_numpy(build("vgg16", seed=None).get_layer("block1_conv1").kernel) for _ in range(2)
    ]
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-4


@pytest.fixture
def mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy(before)


@each_family
def test_under_mixed_precision_the_head_alone_computes_in_float32(mixed_precision, name):
    model = build(name, attention="cbam", width=0.25)
    y = model(features(2, 32, 32, 3))
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    np.testing.assert_allclose(to_numpy(y).sum(-1), 1, atol=1e-6)
    compute = {x.name: x.compute_dtype for x in model.layers if x.weights}
    assert compute.pop("predictions") == "float32" and set(compute.values()) == {"bfloat16"}


@RESNETS
def test_channels_first_networks_compute_the_same(name):
    x = features(2, 32, 40, 3)
    options = {"attention": "cbam", "width": 0.25, "input_shape": (32, 40, 3)}
    last = build(name, **options)
    keras.config.set_image_data_format("channels_first")
    try:
        model = build(name, **{**options, "input_shape": (3, 32, 40)})
        assert model.get_layer("conv2_block1_1_conv").output.shape[1] == 16
        model.set_weights(last.get_weights())
        if BACKEND != "tensorflow":  # which does not convolve channels first on a CPU
            y = to_numpy(model(channels_first(x)))
            np.testing.assert_allclose(y, to_numpy(last(x)), rtol=1e-4, atol=1e-6)
    finally:
        keras.config.set_image_data_format("channels_last")


@each_family
def test_the_kernel_initializer_is_that_of_every_layer_but_the_classifier(name):
    """He's normal kernels have variance 2 / fan-in; Glorot's uniform ones have a limit."""
    model = build(name, width=0.25, kernel_initializer="he_normal")
    kernels = {v.path: to_numpy(v) for v in model.weights if v.path.endswith("/kernel")}
    last = kernels.pop("predictions/kernel")
    assert np.abs(last).max() <= np.sqrt(6 / sum(last.shape))
    large = {path: kernel for path, kernel in kernels.items() if kernel.size > 2000}
    assert len(large) > 10
    for path, kernel in large.items():
        fan_in = np.prod(kernel.shape[:-1])
        assert abs(kernel.std() * np.sqrt(fan_in / 2) - 1) < 0.1, path
    again = build(name, width=0.25, kernel_initializer=keras.initializers.HeNormal(seed=5))
    for variable in again.weights:
        if variable.path in kernels:
            np.testing.assert_array_equal(to_numpy(variable), kernels[variable.path])


def test_an_initializer_without_a_seed_is_taken_with_a_seeded_network():
    model = build("vgg16", kernel_initializer="zeros")
    assert to_numpy(model.get_layer("block3_conv1").kernel).any() == 0
