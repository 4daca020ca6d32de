"""Grad-CAM of networks in ONNX and Keras files, of a network whose maps are known, and compared."""

import json

import keras
import numpy as np
import pytest
from PIL import Image

onnx = pytest.importorskip("onnx", reason="the extra release")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from attention_fer.explain.command.model_file import load_model, without_mirror_images  # noqa: E402
from attention_fer.explain.maps.gradcam import grad_cam  # noqa: E402
from attention_fer.predict.networks import open_network  # noqa: E402

SIDE = 8


def quarters(path, class_maps, first=False, scale=1.0):
    """A network with three classes: what a quarter adds to each is its mean colour less 100.

    `first` puts the classes of the maps first; the maps are divided by `scale`.
    """
    nodes = [
        helper.make_node("Sub", ["pixels", "hundred"], ["less"]),
        helper.make_node(
            "AveragePool", ["less"], ["quarters"], kernel_shape=[4, 4], strides=[4, 4]
        ),
        helper.make_node("ReduceMean", ["quarters"], ["scores"], axes=[2, 3], keepdims=0),
        helper.make_node("Div", ["quarters", "scale"], ["scaled"]),
        helper.make_node(
            "Transpose", ["scaled"], ["maps"], perm=[0, *range(1, 4)] if first else [0, 2, 3, 1]
        ),
    ]
    graph = helper.make_graph(
        nodes,
        "quarters",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ("n", 3, SIDE, SIDE))],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in ("scores", "maps")
        ],
        [
            numpy_helper.from_array(np.array(value, "float32"), name)
            for name, value in (("hundred", 100), ("scale", scale))
        ],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opset), path)
    note = {
        "classes": ["r", "g", "b"],
        "input": {"range": [0, 255]},
        "output": {"kind": "logits"},
        "class_maps": class_maps,
    }
    path.with_suffix(".json").write_text(json.dumps(note))
    return open_network(path)


def coloured():
    """Red at the upper left, a darker red at the lower right, and green nowhere."""
    face = np.zeros((SIDE, SIDE, 3), np.uint8)
    face[:4, :4, 0], face[4:, 4:, 0] = 250, 150
    return face


def test_evidence_for_a_class_lies_where_its_colour_is(tmp_path):
    network = quarters(tmp_path / "net.onnx", {"name": "maps"})
    found = network.grad_cam(coloured(), 0)
    assert found.shape == (SIDE, SIDE) and found.max() == found[0, 0] == 1
    # The corners of an enlarged map are its own values: 250 - 100 and 150 - 100; below 0 is 0.
    assert found[7, 7] == pytest.approx(50 / 150) and found[0, 7] == found[7, 0] == 0
    assert not network.grad_cam(coloured(), 1).any()
    assert list(network([coloured()])[0].round(2)) == [1, 0, 0]


def test_a_map_covers_the_part_that_the_network_sees(tmp_path):
    network = quarters(tmp_path / "net.onnx", {"name": "maps", "box": [1, 2, 6, 4]})
    found = network.grad_cam(coloured(), 0)
    inside = np.zeros((SIDE, SIDE), bool)
    inside[2:6, 1:7] = True
    assert not found[~inside].any() and found[2, 1] == 1
    assert found[5, 6] == pytest.approx(50 / 150)


@pytest.mark.parametrize(
    ("note", "words"),
    [
        ({"name": "map"}, ["class_maps.name", "'map'", "Did you mean 'maps'"]),
        (["maps"], ["class_maps in", "name, box", "['maps']"]),
        ({}, ["class_maps.name", "None"]),
        ({"name": "maps", "bx": [2, 2, 4, 4]}, ["key of class_maps", "'bx'", "'box'"]),
        ({"name": "maps", "box": [0.5, 0, 4, 4]}, ["class_maps.box", "whole"]),
        ({"name": "maps", "box": [0, 0, 9, 8]}, ["class_maps.box", "8 x 8", "[0, 0, 9, 8]"]),
        ({"name": "maps", "box": [-1, 0, 4, 4]}, ["class_maps.box"]),
        ({"name": "maps", "box": [0, 0, 0, 4]}, ["class_maps.box"]),
        ({"name": "maps", "box": [0, 0, 4]}, ["class_maps.box"]),
        ({"name": "maps", "box": ["a", 0, 4, 4]}, ["class_maps.box"]),
    ],
)
def test_an_entry_that_does_not_fit_is_refused(tmp_path, note, words):
    with pytest.raises(ValueError) as caught:
        quarters(tmp_path / "net.onnx", note)
    assert all(word in str(caught.value) for word in (*words, "net.json")), caught.value


def test_an_output_that_is_no_map_of_each_class_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"scores must have the axes .* got shape \(1, 3\)"):
        quarters(tmp_path / "net.onnx", {"name": "scores"})
    with pytest.raises(ValueError, match=r"with 3 classes, got shape \(1, 3, 2, 2\)"):
        quarters(tmp_path / "net.onnx", {"name": "maps"}, first=True)


def test_maps_that_are_no_numbers_are_refused(tmp_path):
    network = quarters(tmp_path / "net.onnx", {"name": "maps"}, scale=0.0)
    with pytest.raises(ValueError, match="maps must hold finite numbers"):
        network.grad_cam(coloured(), 0)


def test_the_maps_of_the_package_are_grad_cam(portrait):
    network = open_network()
    whole = load_model(network.self_test.with_name("fer2013.keras"))
    inner = whole.get_layer("small_resnet")
    face = np.asarray(Image.fromarray(portrait[48:138, 82:172]).convert("L").resize((48, 48)))
    assert network([face])[0].argmax() == network.classes.index("happy")
    images = ((face[None, 2:46, 2:46, None] / 255 - 0.5077) / 0.2550).astype("float32")
    with_evidence = []
    for index, name in enumerate(network.classes):
        found = network.grad_cam(face, index)
        assert not found[:2].any() and not found[:, 46:].any()
        if found.any():
            (expected,) = grad_cam(inner, images, [index])
            np.testing.assert_allclose(found[2:46, 2:46], expected, atol=1e-3)
            with_evidence.append(name)
    assert "happy" in with_evidence and len(with_evidence) > 2


def test_the_map_of_a_keras_network_is_that_of_explain(portrait):
    network = open_network(open_network().self_test.with_name("fer2013.keras"))
    face = np.asarray(Image.fromarray(portrait[48:138, 82:172]).convert("L").resize((48, 48)))
    happy = network.classes.index("happy")
    found = network.grad_cam(face, happy)
    whole = load_model(open_network().self_test.with_name("fer2013.keras"))
    pixels = face[None, ..., None].astype("float32")
    (expected,) = grad_cam(without_mirror_images(whole), pixels, [happy])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found[24:].mean() > 2 * found[:12].mean()


def test_a_transformer_has_none(tmp_path):
    inputs = keras.Input((16, 16, 3))
    tokens = keras.layers.Reshape((4, 192))(inputs)
    tokens = keras.layers.MultiHeadAttention(1, 4)(tokens, tokens)
    outputs = keras.layers.Dense(2, activation="softmax")(keras.ops.mean(tokens, axis=1))
    keras.Model(inputs, outputs).save(tmp_path / "net.keras")
    (tmp_path / "net.json").write_text('{"classes": ["a", "b"], "input": "0-255"}')
    assert open_network(tmp_path / "net.keras").grad_cam is None
