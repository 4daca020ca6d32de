"""Modules are taken out again, and the rest stays as it is."""

import re

import keras
import numpy as np
import pytest
from attaching_networks import IMAGES, difference, outputs, resnet
from keras import layers as kl
from layer_probes import randomised, readable

import attention_fer
from attention_fer import layers, models


def test_it_undoes_attach():
    plain = resnet()
    attached, added = attention_fer.attach(plain, "eca", after=["residual", "stage"])
    randomised(attached.get_layer("a_out_attention"))
    assert difference(attached, plain, IMAGES) > 1e-3
    again, removed = attention_fer.detach(attached)
    assert [layer.name for layer in again.layers] == [layer.name for layer in plain.layers]
    np.testing.assert_array_equal(outputs(again, IMAGES), outputs(plain, IMAGES))
    assert removed.places == added.places and removed.action == "detached"
    assert removed.weights_kept == removed.weights == len(plain.weights)
    assert removed.plain_parameters == plain.count_params()


@pytest.mark.parametrize(
    ("only", "left"),
    [
        ("b_out_attention", ["a_2_bn", "a_out"]),
        (["b_*", re.compile("bn_att")], ["a_out"]),
        (layers.SE, ["b_out", "a_out"]),
        (lambda layer: layer.channels == 32, ["a_2_bn", "a_out"]),
    ],
    ids=readable,
)
def test_only_some(only, left):
    attached, _ = attention_fer.attach(resnet(), "eca", after=["a_out", "b_out"])
    attached, _ = attention_fer.attach(attached, ("se", {"reduction_ratio": 4}), after="a_2_bn")
    rest, receipt = attention_fer.detach(attached, only=only)
    found = [one for one in rest.layers if isinstance(one, layers.AttentionModule)]
    assert sorted(one.name for one in found) == sorted(f"{name}_attention" for name in left)
    assert len(receipt.places) + len(found) == 3
    for one in found:
        before = attached.get_layer(one.name).get_weights()
        assert before and all(map(np.array_equal, before, one.get_weights()))


def test_it_takes_the_attention_out_of_a_network_that_was_built_with_it():
    options = {"input_shape": (32, 32, 3), "classes": 7, "width": 0.125, "seed": 3}
    attentive = randomised(models.build("vgg16", attention="cbam", **options), scale=0.1)
    plain = models.build("vgg16", **options)
    assert models.load_into(plain, attentive).new == []
    without, receipt = attention_fer.detach(attentive)
    assert [place.kind for place in receipt.places] == ["CBAM"]
    assert difference(without, plain, IMAGES_32) == 0


IMAGES_32 = np.random.default_rng(0).normal(size=(3, 32, 32, 3)).astype("float32")


def test_modules_in_models_inside_and_in_shared_layers():
    image = keras.Input((12, 12, 3))
    body = resnet(top=False)
    x = kl.GlobalAveragePooling2D()(body(image) + body(-image))
    plain = randomised(keras.Model(image, kl.Dense(2)(x)), scale=0.3)
    attached, added = attention_fer.attach(plain, "eca", after="residual", start="paper")
    again, removed = attention_fer.detach(attached)
    assert len(added.places) == 3 and removed.parameters == added.parameters
    assert difference(again, plain, IMAGES) == 0


def test_a_module_inside_another_layer_stays_with_a_note():
    image = keras.Input((2, 5, 5, 4))
    x = kl.TimeDistributed(layers.ECA(name="inner"), name="wrap")(image)
    plain = keras.Model(image, layers.ECA(name="outer")(x))
    again, receipt = attention_fer.detach(plain)
    assert [place.module for place in receipt.places] == ["outer"]
    assert receipt.notes == ("Modules inside other layers stay: inner.",)
    assert again.layers[-1].name == "wrap"


def test_nothing_to_remove_is_an_error():
    with pytest.raises(ValueError, match="Modules: none"):
        attention_fer.detach(resnet())
    attached, _ = attention_fer.attach(resnet(), "eca", after=["a_out", "b_out"])
    with pytest.raises(ValueError, match="got 'c\\*'. Modules: a_out_attention, b_out_attention"):
        attention_fer.detach(attached, only="c*")
    _, receipt = attention_fer.detach(attached, only=["c*", "a*"])
    assert receipt.not_found == ("c*",)


def test_frozen_layers_stay_frozen():
    attached, _ = attention_fer.attach(resnet(), "eca", after="a_out")
    attached.get_layer("stem").trainable = False
    again, _ = attention_fer.detach(attached)
    assert not again.get_layer("stem").trainable and again.get_layer("top").trainable
