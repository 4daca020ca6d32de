"""The published networks: their parameters, and each deviation from the papers they cite."""

import csv
from pathlib import Path

import keras
import numpy as np
import pytest

from attention_fer import models
from attention_fer.layers import SE
from benchmarks import published

TABLE = Path(published.__file__).parent / "tables" / "published.csv"
ROWS = [
    (row["backbone"], row["attention"], int(row["params_implementation"]))
    for row in csv.DictReader(TABLE.read_text().splitlines())
]
SMALL = {"input_shape": (32, 32, 1), "classes": 7, "width": 0.25}


def to_numpy(x):
    return keras.ops.convert_to_numpy(x)


def features(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def built(layer, shape):
    layer.build(shape)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(0.4 * rng.normal(size=weight.shape))
    return layer


def channel_gate(layer, x):
    w1, b1, w2, b2 = [*layer.mlp1.get_weights(), *layer.mlp2.get_weights()]
    logits = sum(np.maximum(v @ w1 + b1, 0) @ w2 + b2 for v in (x.mean((1, 2)), x.max((1, 2))))
    return sigmoid(logits)[:, None, None, :]


def test_the_table_has_its_32_networks():
    assert len({row[:2] for row in ROWS}) == len(ROWS) == 32
    assert {row[0] for row in ROWS} == set(published.BACKBONES)
    assert {row[1] for row in ROWS} == set(published.ATTENTIONS)


@pytest.mark.parametrize(
    ("backbone", "attention", "parameters"),
    [
        pytest.param(*row, marks=[pytest.mark.slow] if "101" in row[0] or "152" in row[0] else [])
        for row in ROWS
    ],
)
def test_a_network_has_the_parameters_of_the_table(backbone, attention, parameters):
    with keras.StatelessScope(initialize_variables=False):  # shapes without values: quick
        model = published.build(backbone, attention, input_shape=(48, 48, 1), classes=7)
    # Else the next symbolic call would give all these variables their values.
    keras.backend.clear_session()
    assert model.count_params() == parameters


def test_a_network_with_values_counts_the_same():
    model = published.build("resnet50", "cbam", input_shape=(48, 48, 1), classes=7)
    assert model.count_params() == 26_023_315


def test_none_and_its_name_are_the_plain_network():
    for attention in (None, "none"):
        model = published.build("resnet50", attention, **SMALL)
        assert not any("attention" in layer.name for layer in model.layers)


@pytest.mark.parametrize(
    ("backbone", "attention", "message"),
    [
        ("resnet34", "se", r"published backbone: 'resnet34'.*'vgg16'"),
        ("vgg16", "cbma", r"published attention: 'cbma'.*Did you mean 'cbam'"),
    ],
)
def test_another_network_is_refused(backbone, attention, message):
    with pytest.raises(ValueError, match=message):
        published.build(backbone, attention)


@pytest.mark.parametrize(
    ("channels", "size"), [(64, 7), (128, 7), (256, 9), (512, 9), (1024, 11), (2048, 11)]
)
def test_the_published_eca_has_a_longer_kernel_with_all_channels_in_it(channels, size):
    assert published.published_kernel_size(channels) == size
    layer = built(published.PublishedECA(), (None, 4, 4, channels))
    assert layer.conv.get_weights()[0].shape == (size, channels, 1)


def test_the_published_eca_has_one_gate_an_image():
    x = features(3, 5, 6, 64)
    layer = built(published.PublishedECA(), x.shape)
    middle = layer.conv.get_weights()[0][7 // 2, :, 0]
    gate = sigmoid(x.mean((1, 2)) @ middle)[:, None, None, None]
    assert gate.std() > 1e-3
    (found,) = layer.attention_maps(x).values()
    np.testing.assert_allclose(to_numpy(found), gate, rtol=1e-5)
    np.testing.assert_allclose(to_numpy(layer(x)), x * gate, rtol=1e-5)


def test_both_gates_of_the_published_cbam_come_from_the_input():
    x = features(2, 9, 8, 32)
    layer = built(published.PublishedCBAM(), x.shape)
    kernel, bias = layer.conv.get_weights()
    assert kernel.shape == (7, 7, 2, 1) and bias.shape == (1,)
    pooled = np.stack([x.mean(-1), x.max(-1)], axis=-1)
    padded = np.pad(pooled, [(0, 0), (3, 3), (3, 3), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7), axis=(1, 2))
    spatial = sigmoid(np.einsum("bhwcij,ijc->bhw", windows, kernel[..., 0]) + bias)[..., None]
    maps = layer.attention_maps(x)
    np.testing.assert_allclose(to_numpy(maps["spatial"]), spatial, rtol=1e-5, atol=1e-6)
    expected = x * channel_gate(layer.channel, x) * spatial
    np.testing.assert_allclose(to_numpy(layer(x)), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("attention", (SE, published.PublishedECA, published.PublishedCBAM))
def test_vgg_adds_the_output_of_its_attention_to_the_map(attention):
    x = features(2, 4, 4, 32)
    added = built(published.Added(attention()), x.shape)
    y = to_numpy(added.attention(x))
    np.testing.assert_allclose(to_numpy(added(x)), x + y, rtol=1e-5, atol=1e-6)


def test_vgg_has_its_attention_between_the_last_pooling_and_the_head():
    model = published.build("vgg16", "se", input_shape=(48, 48, 1), classes=7, width=0.1)
    added = model.get_layer("block5_pool_attention")
    assert type(added) is published.Added and type(added.attention) is SE
    assert added.attention.reduction_ratio == 16
    assert added.input is model.get_layer("block5_pool").output
    assert added.output is model.get_layer("flatten").input
    assert tuple(added.output.shape[1:]) == (2, 2, 51)


@pytest.mark.parametrize("version", ("", "v2"))
def test_resnet_normalises_over_rows_with_the_epsilons_of_the_code(version):
    model = published.build(f"resnet50{version}", "none", **SMALL)
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert len(norms) == (49 if version else 53)
    assert {norm.axis for norm in norms} == {1}
    for norm in norms:
        shortcut = norm.name.endswith("_0_bn")
        assert norm.epsilon == (1e-3 if shortcut else 1.001e-5), norm.name
        assert norm.gamma.shape == (norm.input.shape[1],)
    assert sum(norm.epsilon == 1e-3 for norm in norms) == (0 if version else 4)


def test_row_normalisation_scales_rows():
    norm = built(published.row_normalization("conv2_block1_0_bn"), (None, 5, 4, 3))
    norm.moving_variance.assign(keras.ops.ones(5))
    x = features(2, 5, 4, 3)
    gamma, beta, mean, variance = (w[:, None, None] for w in norm.get_weights())
    expected = gamma * (x - mean) / np.sqrt(variance + 1e-3) + beta
    np.testing.assert_allclose(to_numpy(norm(x)), expected, rtol=1e-5, atol=1e-5)


def activations(model):
    found = {x.name: getattr(x, "activation", None) for x in model.layers}
    names = {name: a.__name__ for name, a in found.items() if a is not None}
    return {name: a for name, a in names.items() if a not in ("linear", "softmax")}


@pytest.mark.parametrize(
    ("backbone", "relu", "elu"),
    [("resnet50", {"conv1_relu"}, 48), ("resnet50v2", {"post_relu"}, 48), ("vgg16", set(), 15)],
)
def test_elu_is_everywhere_but_outside_the_blocks_of_a_resnet(backbone, relu, elu):
    found = activations(published.build(backbone, "cbam", **SMALL))
    assert {name for name, a in found.items() if a == "relu"} == relu
    assert sum(a == "elu" for a in found.values()) == elu
    assert len(found) == len(relu) + elu


@pytest.mark.parametrize("version", ("", "v2"))
def test_attention_is_on_the_branch_of_each_block_before_the_addition(version):
    model = published.build(f"resnet50{version}", "eca", **SMALL)
    attentions = [x for x in model.layers if isinstance(x, published.PublishedECA)]
    last, join = ("3_conv", "out") if version else ("3_bn", "add")
    assert len(attentions) == 16
    for layer in attentions:
        block = layer.name.removesuffix("_attention")
        assert layer.input is model.get_layer(f"{block}_{last}").output
        assert any(layer.output is x for x in model.get_layer(f"{block}_{join}").input)


def test_the_corrected_networks_deviate_from_the_published_ones():
    corrected = models.build("resnet50", attention="eca", **SMALL)
    norm = corrected.get_layer("conv2_block1_0_bn")
    assert norm.axis in (3, -1) and norm.epsilon == 1.001e-5
    assert corrected.get_layer("conv2_block1_attention").conv.get_weights()[0].shape == (3, 1, 1)


@pytest.mark.parametrize(
    ("backbone", "attention"),
    [
        pytest.param("vgg16", "cbam"),
        pytest.param("vgg16", "eca"),
        ("resnet50", "cbam"),
        pytest.param("resnet50v2", "eca", marks=pytest.mark.slow),
    ],
)
def test_a_saved_network_computes_the_same(backbone, attention, tmp_path):
    model = published.build(backbone, attention, **SMALL)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    x = features(2, 32, 32, 1)
    assert again.count_params() == model.count_params()
    np.testing.assert_allclose(to_numpy(again(x)), to_numpy(model(x)), rtol=1e-6, atol=1e-7)
