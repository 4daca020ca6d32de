"""Every module against NumPy: ranks 1 to 3, both data formats, random weights everywhere."""

import numpy as np
import pytest
import reference
from keras import ops
from layer_probes import (
    CHANNELS,
    built,
    channels_first,
    features,
    product,
    randomised,
    reference_gates,
    to_numpy,
)

from attention_fer import layers
from attention_fer.layers.eca import eca_kernel_size

SHAPES = {1: (2, 13, CHANNELS), 2: (2, 9, 6, CHANNELS), 3: (2, 5, 4, 6, CHANNELS)}
SPECS = [
    ("se", {}),
    ("se", {"reduction_ratio": 1}),
    ("se", {"reduction_ratio": 5}),
    ("se", {"reduction_ratio": CHANNELS, "use_bias": False}),
    ("eca", {}),
    ("eca", {"kernel_size": 1}),
    ("eca", {"kernel_size": 7}),
    ("cbam_channel", {}),
    ("cbam_channel", {"reduction_ratio": 3}),
    ("cbam_spatial", {}),
    ("cbam_spatial", {"kernel_size": 3}),
    ("cbam", {}),
    ("cbam", {"reduction_ratio": 4, "kernel_size": 5}),
]
each_spec = pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s[0]}{list(s[1].values())}")
each_rank = pytest.mark.parametrize("rank", (1, 2, 3))
each_start = pytest.mark.parametrize("start", ("paper", "identity"))


def close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)


@each_spec
@each_rank
@each_start
def test_output_and_maps_equal_the_reference(spec, rank, start):
    x = features(*SHAPES[rank])
    layer = built((spec[0], {**spec[1], "start": start}), x.shape)
    gates = reference_gates(layer, x)
    close(to_numpy(layer(x)), product(x, gates))
    maps = layer.attention_maps(x)
    assert list(maps) == list(gates)
    for name, gate in gates.items():
        assert tuple(maps[name].shape) == gate.shape
        close(to_numpy(maps[name]), gate)


@each_spec
@each_rank
def test_channels_first_is_the_same_up_to_the_order_of_the_axes(spec, rank):
    x = features(*SHAPES[rank], seed=3)
    layer = built((spec[0], {**spec[1], "data_format": "channels_first"}), channels_first(x).shape)
    gates = reference_gates(layer, x)
    close(to_numpy(layer(channels_first(x))), channels_first(product(x, gates)))
    for name, gate in layer.attention_maps(channels_first(x)).items():
        close(to_numpy(gate), channels_first(gates[name]))


@pytest.mark.parametrize("ratio", (1, 3, 8, 32))
@pytest.mark.parametrize("name", ("se", "cbam_channel"))
def test_the_hidden_width_is_the_floor_of_channels_over_ratio(name, ratio):
    layer = built((name, {"reduction_ratio": ratio}), (None, 4, 4, CHANNELS))
    hidden = CHANNELS // ratio
    assert layer.count_params() == 2 * CHANNELS * hidden + hidden + CHANNELS


@pytest.mark.parametrize("name", ("cbam_spatial", "cbam"))
@pytest.mark.parametrize("scale", (1.0, 1e-3))
def test_training_normalises_by_the_batch_and_updates_the_statistics(name, scale):
    x = features(4, 8, 7, CHANNELS, seed=4, scale=scale)
    layer = built(name, x.shape)
    spatial = layer if name == "cbam_spatial" else layer.spatial
    kernel, before = spatial.conv.get_weights()[0], spatial.bn.get_weights()
    gates = {} if name == "cbam_spatial" else reference_gates(layer, x)
    gates.pop("spatial", None)
    logits = reference.spatial_logits(product(x.astype("float64"), gates), kernel)
    mean, variance = logits.mean(), logits.var()
    z = reference.normalized(logits, before[0], before[1], mean, variance)
    got = to_numpy(layer(x, training=True))
    scale_free = product(x, gates) * reference.sigmoid(z)
    np.testing.assert_allclose(got / scale, scale_free / scale, rtol=2e-4, atol=2e-5)
    after = spatial.bn.get_weights()
    np.testing.assert_array_equal(after[:2], before[:2])
    np.testing.assert_allclose(after[2], 0.99 * before[2] + 0.01 * mean, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(after[3], 0.99 * before[3] + 0.01 * variance, rtol=1e-4)


def test_inference_leaves_the_statistics_alone():
    x = features(2, 8, 7, CHANNELS)
    layer = built("cbam", x.shape)
    before = layer.get_weights()
    layer(x, training=False)
    layer.attention_maps(x)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_normalisation_of_the_spatial_gate_has_epsilon_1e_5():
    x = features(1, 6, 6, CHANNELS, scale=1e-3)
    layer = built("cbam_spatial", x.shape)
    layer.bn.moving_variance.assign(ops.zeros(1))
    layer.bn.moving_mean.assign(ops.zeros(1))
    np.testing.assert_allclose(
        to_numpy(layer.attention_maps(x)["spatial"]),
        reference_gates(layer, x)["spatial"],
        rtol=1e-4,
    )


@pytest.mark.parametrize("channels", range(8, 97, 8))
def test_eca_looks_at_3_channels_up_to_96(channels):
    assert eca_kernel_size(channels) == 3


@pytest.mark.parametrize(
    ("channels", "size"), [(1, 3), (2, 3), (128, 5), (256, 5), (1536, 5), (2048, 7), (4096, 7)]
)
def test_eca_looks_at_more_channels_of_wider_maps(channels, size):
    layer = built("eca", (None, 2, 2, channels))
    assert eca_kernel_size(channels) == size
    assert layer.count_params() == size


def test_an_explicit_kernel_size_wins_over_the_formula():
    layer = built(("eca", {"kernel_size": 9, "gamma": 3}), (None, 2, 2, 64))
    assert layer.conv.get_weights()[0].shape == (9, 1, 1)


@pytest.mark.parametrize(
    ("gamma", "b", "size"), [(1, 1, 7), (1, 5, 11), (0.5, 1, 15), (-1, 1, 7), (4, 1, 3)]
)
def test_gamma_and_b_enter_the_formula_as_in_the_authors_code(gamma, b, size):
    layer = built(("eca", {"gamma": gamma, "b": b}), (None, 2, 2, 64))
    assert layer.count_params() == size


def test_the_spatial_gate_starts_at_one_half_as_in_the_authors_code():
    gate = layers.CBAM().attention_maps(features(1, 5, 5, CHANNELS))["spatial"]
    np.testing.assert_array_equal(to_numpy(gate), np.full((1, 5, 5, 1), 0.5, "float32"))


@pytest.mark.parametrize(("name", "low", "high"), [("se", 0.3, 0.7), ("eca", 0.3, 0.7)])
def test_fresh_gates_of_the_paper_start_lie_around_one_half(name, low, high):
    gate = to_numpy(layers.get(name).attention_maps(features(2, 9, 9, 64, scale=0.3))["channel"])
    assert low < gate.min() and gate.max() < high and gate.std() > 1e-4


def test_randomised_weights_hide_no_symmetry():
    x = features(*SHAPES[2])
    layer = randomised(built("cbam", x.shape))
    kernel = layer.spatial.conv.get_weights()[0]
    assert np.abs(kernel - kernel[::-1]).max() > 0.1
    assert np.abs(kernel - kernel[..., ::-1, :]).max() > 0.1
