"""Attention in models that have none: the same network, written by hand, gives the same outputs."""

import re

import keras
import numpy as np
import pytest
from attaching_networks import IMAGES, SIDE, conv, difference, outputs, relu, resnet
from keras import layers as kl
from layer_probes import randomised, readable

import attention_fer
from attention_fer import layers

CBAM = ("cbam", {"reduction_ratio": 4})
BRANCHES = ["a_2_bn", "b_2_bn", "c_2_bn"]


def places(receipt):
    return [place.after for place in receipt.places]


def modules(model):
    return [one for one in model.layers if isinstance(one, layers.AttentionModule)]


@pytest.mark.parametrize("start", ["paper", "identity"])
def test_it_computes_what_a_network_with_attention_from_the_beginning_does(start):
    def after(x, name):
        return layers.CBAM(reduction_ratio=4, start=start, name=f"{name}_attention")(x)

    plain, by_hand = resnet(), resnet(after)
    attached, receipt = attention_fer.attach(plain, CBAM, after="residual", start=start)
    assert places(receipt) == BRANCHES
    for layer in by_hand.layers:
        pair = plain if layer.name in {one.name for one in plain.layers} else attached
        if pair is attached:
            randomised(attached.get_layer(layer.name), seed=7)
            layer.set_weights(attached.get_layer(layer.name).get_weights())
        else:
            layer.set_weights(plain.get_layer(layer.name).get_weights())
    assert difference(attached, by_hand, IMAGES) == 0
    assert difference(attached, plain, IMAGES) > 0.01


def test_the_outputs_are_the_same_at_first_and_the_model_stays_as_it_was():
    plain = resnet()
    before, weights = outputs(plain, IMAGES), plain.get_weights()
    attached, receipt = attention_fer.attach(plain, CBAM, after=["residual", "stage"])
    assert all(module.start == "identity" for module in modules(attached))
    np.testing.assert_array_equal(outputs(attached, IMAGES), before)
    for layer in modules(attached):
        randomised(layer)
    randomised(attached.get_layer("stem"))
    np.testing.assert_array_equal(outputs(plain, IMAGES), before)
    for old, new in zip(weights, plain.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert receipt.weights_kept == receipt.weights == len(plain.weights)
    assert not modules(plain) and receipt.notes == () and receipt.not_found == ()


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("b_out", ["b_out"]),
        ("*_out", ["a_out", "b_out", "c_out"]),
        (
            re.compile(r"^[ab]_\d_conv$"),
            ["a_1_conv", "a_2_conv", "b_0_conv", "b_1_conv", "b_2_conv"],
        ),
        (kl.Add, ["a_add", "b_add", "c_add"]),
        (lambda layer: getattr(layer, "filters", 0) == 32, ["b_0_conv", "b_2_conv", "c_2_conv"]),
        (["c_out", "stem_bn", kl.Add], ["stem_bn", "a_add", "b_add", "c_add", "c_out"]),
        ("residual", BRANCHES),
        ("stage", ["a_out", "c_out"]),
        ("scaling", ["scaling"]),  # Before the first weights: only by name.
    ],
    ids=readable,
)
def test_places_are_selected(after, expected):
    plain = resnet()
    attached, receipt = attention_fer.attach(plain, "eca", after=after)
    assert sorted(places(receipt)) == sorted(expected)
    named = {f"{name}_attention" for name in expected}
    assert {module.name for module in modules(attached)} == named
    for name in expected:
        module = attached.get_layer(f"{name}_attention")
        assert module.input is attached.get_layer(name).output
    assert difference(attached, plain, IMAGES) == 0


def test_patterns_select_neither_the_beginning_nor_the_head():
    attached, receipt = attention_fer.attach(resnet(), "eca", after="*")
    selected = places(receipt)
    assert not {"image", "scaling", "pool", "top"} & set(selected)
    assert {"stem", "stem_bn", "c_add", "c_out"} <= set(selected)
    assert len(selected) == len(attached.layers) / 2 - 2
    assert "scaling, pool, top" in receipt.notes[0]


def test_the_last_map_of_a_network_without_head_is_a_place():
    plain = resnet(top=False)
    attached, receipt = attention_fer.attach(plain, "se", after="stage", start="paper")
    assert places(receipt) == ["a_out", "c_out"]
    assert attached.output.shape == plain.output.shape
    assert attached.layers[-1].name == "c_out_attention"


def test_a_convolution_that_computes_the_output_is_a_head():
    image = keras.Input((SIDE, SIDE, 3))
    x = conv(relu(conv(image, 16, "one"), "act"), 2, "mask", 1)
    plain = keras.Model(image, kl.Activation("sigmoid", name="sigmoid")(x))
    _, receipt = attention_fer.attach(plain, "eca", after=[kl.Conv2D, kl.Activation])
    assert places(receipt) == ["one"]
    assert receipt.not_found == ("Activation",) and "mask, sigmoid" in receipt.notes[0]
    assert places(attention_fer.attach(plain, "eca", after="stage")[1]) == ["act"]
    assert places(attention_fer.attach(plain, "eca", after="mask")[1]) == ["mask"]


def test_what_is_not_found_is_in_the_receipt_or_an_error():
    _, receipt = attention_fer.attach(resnet(), "eca", after=["a_out", "d_out", re.compile("x+")])
    assert places(receipt) == ["a_out"] and receipt.not_found == ("d_out", "x+")
    assert "not found: d_out, x+" in str(receipt)
    for after, words in (
        ("d_out", "d_out.* Did you mean '._out'"),
        (kl.LSTM, "LSTM"),
        ([], "must select"),
        ("pool*", "by its name.*'pool'"),
        ("image", "which is an input"),
        (3, "pattern.*got 3"),
    ):
        with pytest.raises(ValueError, match=words):
            attention_fer.attach(resnet(), "eca", after=after)


def test_a_model_inside_is_no_place_but_its_layers_are():
    inputs = keras.Input(resnet().input_shape[1:])
    inner = keras.Model(inputs, kl.ReLU(name="end")(kl.Conv2D(16, 3)(inputs)), name="inner")
    outputs = kl.Dense(2)(kl.GlobalAveragePooling2D()(inner(inputs)))
    outer = keras.Model(inputs, outputs)
    with pytest.raises(ValueError, match="'inner' is a model inside it.*'inner/end'"):
        attention_fer.attach(outer, "eca", after="inner")
    _, receipt = attention_fer.attach(outer, "eca", after="inner/end")
    assert places(receipt) == ["inner/end"]


def test_a_module_that_does_not_fit_names_the_place():
    with pytest.raises(ValueError, match=r"CBAM cannot go after 'pool'.*\(None, 32\).*rank 3 to 5"):
        attention_fer.attach(resnet(), "cbam", after="pool")
    with pytest.raises(ValueError, match="SE cannot go after 'stem'.*ratio 17 for 16 channels"):
        attention_fer.attach(resnet(), ("se", {"reduction_ratio": 17}), after="stem")


def test_models_without_a_known_graph_are_refused():
    class Own(keras.Model):
        pass

    for model in (Own(), keras.Sequential([kl.Dense(2)]), kl.Dense(3)):
        with pytest.raises(ValueError, match=type(model).__name__):
            attention_fer.attach(model, "se", after="*")
        with pytest.raises(ValueError, match=type(model).__name__):
            attention_fer.detach(model)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float16"])
def test_modules_follow_the_precision_of_the_layer(policy):
    keras.config.set_dtype_policy(policy)
    try:
        plain = resnet()
    finally:
        keras.config.set_dtype_policy("float32")
    attached, _ = attention_fer.attach(plain, CBAM, after="residual")
    for module in modules(attached):
        assert module.dtype_policy.name == module.channel.mlp1.dtype_policy.name == policy
    np.testing.assert_array_equal(outputs(attached, IMAGES)[0], outputs(plain, IMAGES)[0])
