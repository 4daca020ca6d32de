"""CNNV1 and CNNV2: their groups, parameters and places, and a NumPy network of the same words."""

import backbone_probes as probes
import convolution_reference as ref
import keras
import numpy as np
import pytest
from layer_probes import features, to_numpy

from attention_fer import models

SMALL = {"input_shape": (18, 16, 2), "classes": 3, "width": 0.125}
V2_CONVOLUTIONS = [f"block{stage}_conv{i}" for stage in (1, 2, 3, 4) for i in (1, 2)]


def v1(x, w):
    for name in ("block1_conv1", "block2_conv1"):
        x = ref.max_pool(np.maximum(ref.conv(x, *w[name], pad=1), 0))
    kernel, bias = w["predictions"]
    return x.reshape(len(x), -1) @ kernel + bias


def v2(x, w, convolutions):
    for stage in (1, 2, 3, 4):
        for i in range(1, convolutions + 1):
            name = f"block{stage}_conv{i}"
            x = ref.conv(x, *w[name], pad=1)
            x = np.maximum(ref.norm(x, *w[f"{name}_bn"]), 0)
        x = ref.max_pool(x)
    for name, activation in (("fc1", lambda z: np.maximum(z, 0)), ("predictions", lambda z: z)):
        kernel, bias = w[name]
        x = activation(x.reshape(len(x), -1) @ kernel + bias)
    return x


@pytest.fixture(scope="module")
def networks():
    options = {**SMALL, "classifier_activation": None}
    built = {
        "v1": models.CNNV1(**options),
        "v2": models.CNNV2(**options, dropout=0.75),
        "v2 of four": models.CNNV2(**options, convolutions=1),
    }
    return {name: probes.randomised_network(model) for name, model in built.items()}


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("v1", v1),
        ("v2", lambda x, w: v2(x, w, 2)),
        ("v2 of four", lambda x, w: v2(x, w, 1)),
    ],
)
def test_the_outputs_are_those_of_the_description_in_numpy(networks, name, reference):
    x = features(3, 18, 16, 2)
    expected = reference(x.astype("float64"), ref.weights_by_layer(networks[name]))
    y = to_numpy(networks[name](x))
    np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-4 * expected.std())


def test_the_parameters_are_those_of_the_description():
    first = 9 * 1 * 32 + 32 + 9 * 32 * 64 + 64 + 12 * 12 * 64 * 7 + 7
    assert probes.trainable(probes.plan("cnn_v1")) == first == 83_335
    total, channels = 0, 1
    for filters in (32, 64, 128, 256):
        for _ in range(2):
            total += 9 * channels * filters + 2 * filters
            channels = filters
    total += 3 * 3 * 256 * 512 + 512 + 512 * 7 + 7
    assert probes.trainable(probes.plan("cnn_v2")) == total == 2_356_391


def test_both_dropouts_have_the_rate_and_their_places(networks):
    edges = probes.graph(networks["v2"])
    assert edges["flatten_dropout"] == ["flatten"] and edges["fc1"] == ["flatten_dropout"]
    assert edges["fc1_dropout"] == ["fc1_relu"] and edges["predictions"] == ["fc1_dropout"]
    for name in ("flatten_dropout", "fc1_dropout"):
        layer = networks["v2"].get_layer(name)
        kept = to_numpy(layer(np.ones((40, 100), "float32"), training=True))
        assert abs((kept == 0).mean() - 0.75) < 0.03
    assert probes.plan("cnn_v2", **SMALL).get_layer("fc1_dropout").rate == 0.5


def test_attention_every_is_after_the_activation_of_each_convolution():
    model = probes.plan("cnn_v2", attention="eca", attention_position="every", **SMALL)
    assert probes.attentions(model) == [f"{name}_attention" for name in V2_CONVOLUTIONS]
    around = probes.around(model, "block2_conv2_attention")
    assert around == (["block2_conv2_relu"], {"block2_pool"})
    first = probes.plan("cnn_v1", attention="eca", attention_position=(1,), **SMALL)
    assert probes.around(first, "block1_conv1_attention") == (
        ["block1_conv1_relu"],
        {"block1_pool"},
    )


@pytest.mark.parametrize(("name", "last"), [("cnn_v1", "block2_pool"), ("cnn_v2", "block4_pool")])
def test_attention_is_on_the_last_map_by_default(name, last):
    model = probes.plan(name, attention="eca", **SMALL)
    assert probes.attentions(model) == [f"{last}_attention"]
    assert probes.around(model, f"{last}_attention") == ([last], {"flatten"})


def test_stages_choose_the_groups():
    options = {"attention_position": "every", "attention_stages": (2, 4)}
    model = probes.plan("cnn_v2", attention="eca", **options, **SMALL)
    chosen = [name for name in V2_CONVOLUTIONS if name[5] in "24"]
    assert probes.attentions(model) == [f"{name}_attention" for name in chosen]


@pytest.mark.parametrize("name", ("cnn_v1", "cnn_v2"))
def test_networks_of_one_seed_start_equal_where_both_have_a_layer(name):
    probes.starts_equal(name, **SMALL)


@pytest.mark.parametrize("name", ("cnn_v1", "cnn_v2"))
def test_it_trains_and_is_saved_whole(name, tmp_path):
    model = models.build(name, **SMALL, attention="eca", attention_position="every", seed=3)
    probes.trains_saves_and_loads(model, tmp_path)


def test_the_seed_and_the_place_decide_what_a_dropout_draws():
    def seeds(seed):
        model = probes.plan("cnn_v2", **SMALL, seed=seed)
        return [model.get_layer(n).seed for n in ("flatten_dropout", "fc1_dropout")]

    assert seeds(1) == seeds(1) and len({*seeds(1), *seeds(2)}) == 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ("v1", "v2"))
def test_it_computes_the_same_channels_first(networks, name):
    probes.computes_the_same_channels_first(
        networks[name], f"cnn_{name}", **SMALL, classifier_activation=None
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ("cnn_v1", "cnn_v2"))
def test_under_mixed_precision_the_classifier_computes_in_float32(name):
    probes.ends_in_float32_under_mixed_precision(name, attention="eca", **SMALL)


def test_without_top_the_pooled_last_map_is_given(networks):
    x = features(2, 18, 16, 2)
    for name, last in (("v1", "block2_pool"), ("v2", "block4_pool")):
        whole = networks[name]
        maps = to_numpy(keras.Model(whole.input, whole.get_layer(last).output)(x))
        options = {**SMALL, "include_top": False, "pooling": "avg", "weights": whole}
        pooled = to_numpy(models.build(f"cnn_{name}", **options)(x))
        np.testing.assert_allclose(pooled, maps.mean((1, 2)), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cnn_v1", {"input_shape": (3, 48, 1)}, "CNNV1.*at least 4 pixels"),
        ("cnn_v2", {"input_shape": (48, 15, 1)}, "CNNV2.*at least 16 pixels"),
        ("cnn_v1", {"attention_stages": (3,)}, r"some of \(1, 2\)"),
        ("cnn_v2", {"attention_position": (9,)}, "from 1 to 8"),
        ("cnn_v2", {"attention_stages": (1,)}, "attention_position.*place in attention_stages"),
        ("cnn_v2", {"convolutions": 0}, "convolutions.*integer.*0"),
        ("cnn_v2", {"pooling": "mean"}, "'avg', 'max'"),
        ("cnn_v1", {"weights": "imagenet"}, "'cnn_v1'.*ImageNet"),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_with_what_is_allowed(name, options, message):
    with pytest.raises(ValueError, match=message):
        probes.plan(name, **options)
