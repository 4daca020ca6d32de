"""Heads for transfer learning: their layers, on every network that takes one, and the weights."""

import logging

import backbone_probes as probes
import keras
import numpy as np
import pytest
from layer_probes import features, to_numpy

from attention_fer import models
from attention_fer.models import HEADS, Head
from attention_fer.models.parts import heads

SMALL = {"input_shape": (32, 32, 3), "classes": 4}
NETWORKS = {"vgg16": "flatten", "resnet50": "avg_pool", "resnet50v2": "avg_pool"}
LATER = {"convnext": "convnext_tiny_head_layernorm", "residual_masking": "dropout"}


def on_a_vector(head, seed=None, classes=3, features=10):
    vector = keras.Input((features,), name="vector")
    return keras.Model(vector, heads.apply(vector, head, classes, "softmax", seed))


def test_a_head_computes_dense_normalisation_activation_in_this_order():
    model = on_a_vector(Head((6, 5), dropout=0.5, batch_norm=True))
    probes.randomised_network(model)
    w = {x.name: [np.asarray(a, "float64") for a in x.get_weights()] for x in model.layers}
    x = features(4, 10)
    y = x.astype("float64")
    for name in ("head_fc1", "head_fc2"):
        kernel, bias = w[name]
        gamma, beta, mean, variance = w[f"{name}_bn"]
        y = gamma * (y @ kernel + bias - mean) / np.sqrt(variance + 1e-3) + beta
        y = np.maximum(y, 0)
    kernel, bias = w["predictions"]
    logits = np.exp(y @ kernel + bias)
    expected = logits / logits.sum(-1, keepdims=True)
    np.testing.assert_allclose(to_numpy(model(x)), expected, rtol=1e-4)
    edges = probes.graph(model)
    for name in ("head_fc1", "head_fc2"):
        assert edges[f"{name}_dropout"] == [f"{name}_relu"]
        assert model.get_layer(f"{name}_dropout").rate == 0.5
    assert edges["predictions"] == ["head_fc2_dropout"]


@pytest.mark.parametrize("name", HEADS)
def test_a_named_head_has_its_layers_and_no_others(name):
    head = HEADS[name]
    kinds = [type(layer).__name__ for layer in on_a_vector(name).layers[1:]]
    hidden = ["Dense", "Activation"]
    if head.batch_norm:
        hidden.insert(1, "BatchNormalization")
    if head.dropout:
        hidden.append("Dropout")
    assert kinds == hidden * len(head.units) + ["Dense"]


def test_the_named_heads_are_those_of_the_reports():
    """What the reports print; the units are ours."""
    resnet, vgg = HEADS["transfer-resnet50"], HEADS["transfer-vgg16"]
    assert (resnet.batch_norm, resnet.dropout, resnet.kernel_initializer) == (
        True,
        0.5,
        "he_uniform",
    )
    assert len(resnet.units) > 1 and len(vgg.units) > 1
    assert (vgg.activation, vgg.dropout, vgg.batch_norm) == ("relu", 0.3, False)
    five = HEADS["five-dense"]
    assert len(five.units) + 1 == 5 and five.dropout > 0


def test_with_the_first_165_layers_frozen_four_million_parameters_train():
    """The transfer-learning report's number, of which the last block has 4,465,664."""
    shape = {"input_shape": (48, 48, 3), "classes": 7}
    model = probes.plan("resnet50", head="transfer-resnet50", **shape)
    assert model.layers[165].name == "conv5_block3_1_conv"
    counts = [probes.trainable(layer) for layer in model.layers]
    block = sum(n for n, x in zip(counts, model.layers, strict=True) if "conv5_block3" in x.name)
    assert block == 4_465_664 and 4_000_000 < sum(counts[165:]) < 5_000_000


def test_hidden_kernels_are_he_uniform_and_dropouts_seeded_by_their_place():
    model, again, other = (on_a_vector(Head((300, 300), 0.5), seed) for seed in (1, 1, 2))
    first, second = (model.get_layer(f"head_fc{i}").get_weights()[0] for i in (1, 2))
    for kernel in (first, second):
        limit = np.sqrt(6 / len(kernel))
        assert 0.95 * limit < np.abs(kernel).max() <= limit
    np.testing.assert_array_equal(again.get_layer("head_fc1").get_weights()[0], first)
    assert (other.get_layer("head_fc1").get_weights()[0] != first).any()
    seeds = {m.get_layer(f"head_fc{i}_dropout").seed for m in (model, again, other) for i in (1, 2)}
    assert len(seeds) == 4


@pytest.mark.parametrize(
    ("name", "last"),
    [*NETWORKS.items(), *(pytest.param(*x, marks=pytest.mark.slow) for x in LATER.items())],
)
def test_every_network_of_vectors_takes_a_head(name, last):
    model = probes.plan(name, head=Head((6,)), width=0.125, **SMALL)
    assert probes.graph(model)["head_fc1"] == [last]
    assert model.layers[-1].name == "predictions" and model.output_shape == (None, 4)
    assert not {"fc1", "fc2"} & {layer.name for layer in model.layers}


def test_no_head_is_the_linear_one_where_the_top_is_one_layer():
    options = {**SMALL, "width": 0.125}
    plain, linear = (probes.plan("resnet50", head=head, **options) for head in (None, "linear"))
    assert [v.path for v in plain.weights] == [v.path for v in linear.weights]


@pytest.mark.parametrize("kind", ("keras", "weights.h5"))
def test_pretrained_features_go_under_a_new_head_and_the_report_says_so(kind, tmp_path, caplog):
    options = {"input_shape": (32, 32, 3), "width": 0.0625}
    path = tmp_path / f"w.{kind}"
    if kind == "keras":
        theirs = models.VGG16(include_top=False, **options)
        theirs.save(path)
    else:
        theirs = models.VGG16(**options)
        theirs.save_weights(path)
    head = Head((6, 5), batch_norm=True)
    with caplog.at_level(logging.INFO, logger="attention_fer"):
        ours = models.VGG16(**{**options, "classes": 7}, weights=path, head=head)
    missed = "0 missed." if kind == "keras" else "3 missed (fc1 (no such layer), fc2"
    new = "5 new (head_fc1, head_fc1_bn, head_fc2, head_fc2_bn, predictions)"
    (message,) = (record.getMessage() for record in caplog.records)
    assert f"13 layers loaded; {new}; {missed}" in message
    x = features(2, 32, 32, 3)
    inner = keras.Model(ours.input, ours.get_layer("block5_pool").output)
    expected = keras.Model(theirs.input, theirs.get_layer("block5_pool").output)
    np.testing.assert_array_equal(to_numpy(inner(x)), to_numpy(expected(x)))


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"No.*file.*absent\.h5"):
        models.VGG16(weights="absent.h5", head="linear", width=0.0625, **SMALL)


def test_a_network_with_a_head_trains_and_is_saved_whole(tmp_path):
    # A bias that a normalisation takes out again has no gradient.
    model = models.VGG16(
        **SMALL, width=0.125, head=Head((6,), 0.1, True), kernel_initializer="he_normal", seed=1
    )
    probes.trains_saves_and_loads(model, tmp_path, idle=("head_fc1/bias",))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Head((0,)), "units.*integer.*0"),
        (lambda: Head((4,), dropout=1.0), "dropout.*below 1.*1.0"),
        (lambda: Head((4,), dropout=-0.1), "dropout.*at least 0.*-0.1"),
        (lambda: heads.chosen("five_dense"), "Did you mean 'five-dense'"),
        (lambda: heads.chosen("linear", include_top=False), "head.*include_top=True"),
        (lambda: models.VGG16(head="linear", include_top=False), "include_top=True"),
        (lambda: models.ResNet50(head="linaer"), "Did you mean 'linear'"),
    ],
)
def test_a_wrong_head_is_refused_with_what_is_allowed(make, message):
    with pytest.raises(ValueError, match=message):
        make()
