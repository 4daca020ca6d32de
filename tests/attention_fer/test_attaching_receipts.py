"""What receipts say: the start of the modules, and numbers counted by hand."""

import dataclasses

import keras
import numpy as np
import pytest
from attaching_networks import IMAGES, difference, resnet
from layer_probes import IDENTITY, SPECS, readable

import attention_fer
from attention_fer import layers, models
from attention_fer.models.multiply_adds import multiply_adds

# A sum of modules cannot start as the identity.
SUM = ("parallel", {"modules": ["eca", "cbam_spatial"], "combination": "add"})


def starts(model):
    return {one.start for one in model.layers if isinstance(one, layers.AttentionModule)}


def test_a_module_that_cannot_be_the_identity_starts_as_published():
    plain = resnet()
    attached, receipt = attention_fer.attach(plain, SUM, after="residual")
    assert starts(attached) == {"paper"}
    published, change = receipt.notes
    assert "start='paper'" in published and "multiple" in published and "change" in change
    assert difference(attached, plain, IMAGES) > 1e-3
    with pytest.raises(layers.IdentityStartError, match="multiple"):
        attention_fer.attach(plain, SUM, after="residual", start="identity")
    asked = (SUM[0], {**SUM[1], "start": "identity"})
    with pytest.raises(layers.IdentityStartError, match="multiple"):
        attention_fer.attach(plain, asked, after="residual")


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_every_module_can_be_attached(spec):
    plain = resnet()
    attached, receipt = attention_fer.attach(plain, spec, after="b_out")  # 32 channels
    assert starts(attached) == {"identity" if spec in IDENTITY else "paper"}
    assert (difference(attached, plain, IMAGES) == 0) == (spec in IDENTITY)
    assert receipt.parameters == attached.count_params() - plain.count_params()
    assert receipt.multiply_adds == multiply_adds(attached) - multiply_adds(plain)


def make(name):
    return layers.ECA(kernel_size=5, name=name)


@pytest.mark.parametrize(
    ("attention", "start", "expected"),
    [
        ("eca", None, "identity"),
        ("eca", "paper", "paper"),
        (layers.ECA, None, "identity"),
        (("eca", {"start": "paper"}), None, "paper"),
        (("eca", {"start": "paper"}), "paper", "paper"),
        (layers.ECA(start="identity", kernel_size=5), None, "identity"),
        (layers.ECA(kernel_size=5), None, "paper"),
        (make, None, "paper"),
        (("sequence", {"modules": ["eca", "cbam_spatial"]}), None, "identity"),
        (("sequence", {"modules": [layers.ECA(kernel_size=5)]}), None, "paper"),
    ],
    ids=readable,
)
def test_an_explicit_start_wins(attention, start, expected):
    attached, receipt = attention_fer.attach(resnet(), attention, after="a_out", start=start)
    assert starts(attached) == {expected}
    noted = "The modules change the outputs from the start." in receipt.notes
    assert noted == (expected == "paper")


def test_the_start_of_a_pair_and_another_are_refused():
    with pytest.raises(ValueError, match="start must be.*'paper'.*got 'identity'"):
        attention_fer.attach(resnet(), ("eca", {"start": "paper"}), after="a_out", start="identity")


def test_a_module_of_others_says_which_of_them_has_another_start():
    mixed = ("sequence", {"modules": ["eca", layers.SE(reduction_ratio=4)]})
    _, receipt = attention_fer.attach(resnet(), mixed, after="a_out")
    assert any("start='paper'" in note and "got SE" in note for note in receipt.notes)
    with pytest.raises(layers.IdentityStartError, match="got SE"):
        attention_fer.attach(resnet(), mixed, after="a_out", start="identity")


@pytest.mark.parametrize("attention", [layers.ECA(), make])
def test_a_start_beside_a_layer_or_function_is_refused(attention):
    with pytest.raises(ValueError, match="start must be None.*got 'identity'"):
        attention_fer.attach(resnet(), attention, after="a_out", start="identity")


@pytest.mark.parametrize(
    "attention",
    [None, "nothing", ("se", {"ratio": 3}), 3, "sequence", ["eca", "cbam_spatial"], ("se",)],
)
def test_what_is_no_module_is_refused(attention):
    with pytest.raises(ValueError, match="attention|nothing|ratio|'sequence' must be given"):
        attention_fer.attach(resnet(), attention, after="a_out")


def test_the_numbers_are_those_counted_by_hand():
    plain = resnet()
    attached, receipt = attention_fer.attach(
        plain, ("cbam", {"reduction_ratio": 4, "kernel_size": 3}), after="residual"
    )
    expected = []
    for side, channels in ((12, 16), (6, 32), (6, 32)):
        mlp = 2 * channels * channels // 4
        weights = mlp + channels // 4 + channels + 9 * 2 + 4
        expected.append(((side, side, channels), weights, 2 * mlp + side**2 * 9 * 2))
    found = [(place.shape, place.parameters, place.multiply_adds) for place in receipt.places]
    assert found == expected
    assert receipt.parameters == attached.count_params() - plain.count_params()
    assert receipt.multiply_adds == multiply_adds(attached) - multiply_adds(plain)
    assert receipt.plain_parameters == plain.count_params()


def test_a_receipt_prints_a_table_and_cannot_be_changed():
    _, receipt = attention_fer.attach(resnet(), ("se", {"reduction_ratio": 4}), after="residual")
    lines = str(receipt).splitlines()
    assert lines[0] == "3 places in resnet, attached"
    assert lines[1].split() == ["after", "module", "kind", "input", "parameters", "multiply-adds"]
    assert lines[2].split()[:3] == ["a_2_bn", "a_2_bn_attention", "SE"]
    assert lines[2].split()[3:] == ["12", "x", "12", "x", "16", "148", "128"]
    assert lines[5].split() == ["total", "1,252", "1,152"]
    assert len({len(line) for line in lines[1:6]}) == 1
    assert f"{receipt.plain_parameters:,}" in lines[6]
    assert lines[7].startswith(f"weights kept: {receipt.weights} of {receipt.weights} ")
    with pytest.raises(dataclasses.FrozenInstanceError):
        receipt.model = "other"


def test_products_of_an_unknown_layer_are_unknown():
    class Scaled(keras.layers.Layer):
        def build(self, shape):
            self.matrix = self.add_weight(shape=(shape[-1], shape[-1]), initializer="identity")

        def call(self, inputs):
            return inputs @ self.matrix

    plain = resnet()
    attached, receipt = attention_fer.attach(plain, Scaled, after="a_out")
    assert receipt.places[0].multiply_adds is receipt.multiply_adds is None
    assert receipt.parameters == 256 and "unknown" in str(receipt)
    np.testing.assert_allclose(difference(attached, plain, IMAGES), 0, atol=1e-5)


def test_the_branches_of_a_resnet_are_those_where_our_builder_puts_attention():
    options = {"input_shape": (32, 32, 3), "classes": 7, "width": 0.25}
    plain = models.build("resnet50v2", **options)
    known = models.build("resnet50v2", attention="eca", **options)
    _, receipt = attention_fer.attach(plain, "eca", after="residual")
    ours = [one.input for one in known.layers if isinstance(one, layers.ECA)]
    before = [tensor._keras_history.operation.name for tensor in ours]
    assert sorted(place.after for place in receipt.places) == sorted(before) and len(before) == 16
