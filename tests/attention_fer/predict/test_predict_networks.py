"""Networks of users: ONNX files with a JSON file beside them, Keras files, stored cells."""

import json
import os
from itertools import combinations

import keras
import numpy as np
import pytest
from PIL import Image

onnx = pytest.importorskip("onnx", reason="the extra release")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from attention_fer import pretrained  # noqa: E402
from attention_fer.common.onnx_runtime import open_session  # noqa: E402
from attention_fer.models import fer_small  # noqa: E402
from attention_fer.predict import Predictor  # noqa: E402
from attention_fer.predict.networks import open_network  # noqa: E402
from attention_fer.predict.self_test import TOLERANCE, run_self_test, write_self_test  # noqa: E402
from benchmarks.results.saved_model import save  # noqa: E402


def means(path, shape, *, dtype=TensorProto.FLOAT, gain=1.0):
    """A model that returns the mean of each channel times `gain`, whatever its layout."""
    first = shape[1] == 3
    axes = [2, 3] if first else [1, 2]
    nodes = [
        helper.make_node("Cast", ["pixels"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers"], ["mean"], axes=axes, keepdims=0),
        helper.make_node("Mul", ["mean", "gain"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "means",
        [helper.make_tensor_value_info("pixels", dtype, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array(gain, "float32"), "gain")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=opset), path)
    return path


def describe(path, **content):
    path.with_suffix(".json").write_text(json.dumps(content))
    return path


# Red 200, green 100, blue 50.
PICTURE = np.full((20, 30, 3), (200, 100, 50), np.uint8)
FIRST, LAST = ("n", 3, 8, 8), ("n", 8, 8, 3)


def softmax(scores):
    shares = np.exp(np.array(scores) - max(scores))
    return shares / shares.sum()


@pytest.mark.parametrize(
    ("shape", "given", "scores"),
    [
        (LAST, {"range": [0, 1]}, (200 / 255, 100 / 255, 50 / 255)),
        (FIRST, {"range": [0, 1]}, (200 / 255, 100 / 255, 50 / 255)),
        (FIRST, {"range": [0, 1], "colour": "bgr"}, (50 / 255, 100 / 255, 200 / 255)),
        (LAST, {"range": [-1, 1]}, (400 / 255 - 1, 200 / 255 - 1, 100 / 255 - 1)),
        (
            LAST,
            {"range": [0, 1], "mean": [0.5, 0.4, 0.3], "std": [0.25, 0.5, 1]},
            ((200 / 255 - 0.5) * 4, (100 / 255 - 0.4) * 2, 50 / 255 - 0.3),
        ),
        ((1, 8, 8, 3), {"range": [0, 1]}, (200 / 255, 100 / 255, 50 / 255)),
        (("n", "h", "w", 3), {"range": [0, 1], "size": [5, 9]}, (200 / 255, 100 / 255, 50 / 255)),
    ],
)
def test_pixels_reach_an_onnx_network_as_its_json_says(tmp_path, shape, given, scores):
    path = means(tmp_path / "net.onnx", shape)
    output = {"kind": "logits", "temperature": 0.5}
    describe(path, classes=["r", "g", "b"], input=given, output=output)
    predictor = Predictor(path, detector="none")
    rows = predictor.predict([PICTURE, PICTURE])
    expected = softmax(np.array(scores) / 0.5)
    for row in rows:
        np.testing.assert_allclose(list(row.probabilities.values()), expected, rtol=1e-5)
    assert row.model == "net.onnx"


def test_whole_numbers_and_probabilities_need_no_more_than_classes(tmp_path):
    path = means(tmp_path / "net.onnx", LAST, dtype=TensorProto.UINT8, gain=1 / 350)
    describe(path, classes=["r", "g", "b"])
    (row,) = Predictor(path, detector="none").predict(PICTURE)
    np.testing.assert_allclose(list(row.probabilities.values()), np.array([4, 2, 1]) / 7, rtol=1e-6)


@pytest.mark.parametrize("given", [{"range": [0, 1]}, {"mean": 128}, {"std": [1, 2, 3]}])
def test_whole_numbers_are_not_cut_off_by_a_scale(tmp_path, given):
    path = means(tmp_path / "net.onnx", LAST, dtype=TensorProto.UINT8, gain=1 / 350)
    describe(path, classes=["r", "g", "b"], input=given)
    with pytest.raises(ValueError, match=r"net\.json must have the range \[0, 255\].*uint8"):
        open_network(path)
    describe(path, classes=["r", "g", "b"], input={"range": [0, 255], "colour": "bgr"})
    found = open_network(path)([np.full((8, 8, 3), (50, 100, 200), np.uint8)])
    np.testing.assert_allclose(found[0], np.array([4, 2, 1]) / 7, rtol=1e-6)


def test_outputs_that_are_no_probabilities_are_not_taken_for_such(tmp_path):
    path = means(tmp_path / "net.onnx", LAST, gain=0.01)
    describe(path, classes=["r", "g", "b"], input={"range": [0, 255]})
    with pytest.raises(ValueError, match=r'sum to 1, got \[2.+"kind": "logits"'):
        Predictor(path, detector="none").predict(PICTURE)
    describe(path, classes=["r", "g"], input={"range": [0, 255]})
    with pytest.raises(ValueError, match="2 numbers for each face"):
        Predictor(path, detector="none").predict(PICTURE)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"input": {"range": [0, 1]}}, ["net.json", "classes"]),
        ({"classes": ["a", "a", "b"]}, ["different names"]),
        ({"classes": ["r", "g", "b"]}, ["range in", '"range": [0, 1]', "None"]),
        ({"classes": ["r", "g", "b"], "input": {"range": [1, 0]}}, ["range", "[1, 0]"]),
        (
            {"classes": ["r", "g", "b"], "input": {"range": [0, 1], "colour": "grey"}},
            ["colour", "3 channels", "'grey'"],
        ),
        (
            {"classes": ["r", "g", "b"], "input": {"range": [0, 1], "size": [9, 9]}},
            ["size", "[8, 8]", "[9, 9]"],
        ),
        (
            {"classes": ["r", "g", "b"], "input": {"range": [0, 1], "std": [1, 0, 1]}},
            ["std", "above 0"],
        ),
        (
            {"classes": ["r", "g", "b"], "input": {"range": [0, 1]}, "output": {"kind": "scores"}},
            ["output.kind", "'logits'"],
        ),
        (
            {"classes": ["r", "g", "b"], "input": {"range": [0, 1]}, "output": {"temperature": 2}},
            ["temperature", "logits"],
        ),
        ({"classes": ["label", "g", "b"], "input": {"range": [0, 1]}}, ["column", "'label'"]),
        (
            {"classes": ["r", "g", "b"], "input": {"range": [0, 1], "color": "bgr"}},
            ["key of input", "net.json", "'color'", "Did you mean 'colour'"],
        ),
        ({"classes": ["r", "g", "b"], "input": [0, 1]}, ["input in", "range, colour", "[0, 1]"]),
        (
            {"classes": ["r", "g", "b"], "input": {"range": [0, 1]}, "output": "logits"},
            ["output in", "net.json", "kind", "'logits'"],
        ),
        (
            {"classes": ["r", "g", "b"], "input": {"range": [0, 1]}, "faces": ["margin", 1]},
            ["faces must be an object", "margin"],
        ),
        (
            {"classes": ["r", "g", "b"], "input": {"range": [0, 1]}, "faces": {"margin": "0.1"}},
            ["margin of faces", "'0.1'"],
        ),
        (
            {"classes": ["r", "g", "b"], "input": {"range": [0, 1]}, "faces": {"margin": -1}},
            ["margin must be from 0", "-1"],
        ),
    ],
)
def test_a_json_that_does_not_fit_is_refused(tmp_path, content, words):
    path = describe(means(tmp_path / "net.onnx", LAST), **content)
    with pytest.raises(ValueError) as caught:
        Predictor(path, detector="none")
    assert all(word in str(caught.value) for word in words), caught.value


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"no model")
    describe(path, classes=["a", "b"])
    with pytest.raises(ValueError, match="not a readable ONNX model"):
        open_network(path)
    with pytest.raises(FileNotFoundError, match="No model"):
        open_network(tmp_path / "other.onnx")
    with pytest.raises(ValueError, match="one batch of grey or RGB images"):
        open_network(describe(means(path, ("n", 3, 8, 8, 8)), classes=["a", "b", "c"]))


def test_a_network_of_another_batch_is_refused(tmp_path):
    path = describe(means(tmp_path / "net.onnx", (4, 8, 8, 3)), classes=["r", "g", "b"])
    with pytest.raises(ValueError, match=r"net\.onnx must take .* got batches of 4"):
        open_network(path)


def test_what_onnx_runtime_cannot_run_is_one_error(tmp_path):
    """Some networks accept any size, but only one goes through."""
    path = means(tmp_path / "net.onnx", ("n", "height", "width", 3))
    graph = (model := onnx.load(path)).graph
    graph.initializer.append(numpy_helper.from_array(np.array([-1, 7, 7, 3]), "seven"))
    graph.node.insert(1, helper.make_node("Reshape", ["numbers", "seven"], ["sevens"]))
    graph.node[2].input[0] = "sevens"
    onnx.save(model, path)
    describe(path, classes=["r", "g", "b"], input={"range": [0, 1], "size": [8, 8]})
    with pytest.raises(ValueError, match=r"accept images of shape \(1, 8, 8, 3\), but it failed"):
        Predictor(path, detector="none").predict(PICTURE)


@pytest.mark.parametrize("detector", [{"detector": {"name": "cascade"}}, {}])
def test_faces_are_cut_as_the_json_says(tmp_path, portrait, detector):
    path = means(tmp_path / "net.onnx", ("n", 64, 64, 3))
    given = {"classes": ["r", "g", "b"], "input": {"range": [0, 1]}, "output": {"kind": "logits"}}
    answers = []
    for margin in (0.0, 0.5):
        faces = {**detector, "margin": margin, "square": False}
        describe(path, **given, faces=faces)
        (row,) = Predictor(path, detector="cascade").predict(portrait)
        x, y, wide, high = row.box
        grown = margin * wide
        region = portrait[
            round(y - grown) : round(y + high + grown), round(x - grown) : round(x + wide + grown)
        ]
        expected = softmax(region.mean(axis=(0, 1)) / 255)
        np.testing.assert_allclose(list(row.probabilities.values()), expected, atol=1e-4)
        answers.append(row.probability)
    assert abs(answers[0] - answers[1]) > 1e-3


@pytest.fixture(scope="module")
def keras_network():
    """A `fer-small` of random weights that distinguishes pictures."""
    network = fer_small.network(seed=1)
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if len(weight.shape) == 1 and "variance" not in weight.path:
            weight.assign(rng.uniform(-0.5, 0.9, weight.shape))
    return fer_small.recogniser(network)


def keras_answer(model, face):
    return np.asarray(keras.ops.convert_to_numpy(model(face[None, ..., None])))[0]


@pytest.mark.parametrize("form", ["cell", "file"])
def test_a_stored_cell_and_a_keras_file_predict_as_keras_does(
    tmp_path, keras_network, portrait, form
):
    cell = tmp_path / "fer2013-small_resnet-se-s0"
    cell.mkdir()
    save(keras_network, cell, fer_small.CLASSES, {"detector": None, "size": 48, "colour": "grey"})
    predictor = Predictor(cell if form == "cell" else cell / "model.keras", detector="none")
    face = np.asarray(Image.fromarray(portrait[40:160, 70:190]).convert("L").resize((48, 48)))
    (row,) = predictor.predict(face)
    expected = keras_answer(keras_network, face)
    np.testing.assert_allclose(list(row.probabilities.values()), expected, atol=1e-5)
    assert row.label == fer_small.CLASSES[expected.argmax()] and expected.std() > 0.01
    named = {"cell": f"{cell.name}/model.keras", "file": "model.keras"}
    assert row.model == named[form]


def test_a_keras_file_without_classes_is_refused(tmp_path, keras_network):
    keras_network.save(tmp_path / "net.keras")
    with pytest.raises(ValueError, match=r"net\.json next to it"):
        open_network(tmp_path / "net.keras")


def test_a_keras_file_of_any_size_says_how_to_fix_it(tmp_path):
    inputs = keras.Input((None, None, 3))
    means = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inputs))
    keras.Model(inputs, keras.layers.Softmax()(means)).save(tmp_path / "net.keras")
    (tmp_path / "net.json").write_text('{"classes": ["a", "b"], "input": "0-255"}')
    with pytest.raises(ValueError, match=r"fixed size, such as keras\.Input"):
        open_network(tmp_path / "net.keras")


def test_a_folder_of_its_name_does_not_hide_a_network_of_the_package(tmp_path, monkeypatch):
    (tmp_path / "fer-small" / "fer2013").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for name in ("fer-small", "fer-small/fer2013"):
        assert open_network(name).name == "fer-small/fer2013"
        with pytest.raises(FileNotFoundError, match=r"No model\.keras in the folder"):
            open_network(f"./{name}")
    with pytest.raises(ValueError, match=r"'fer-smal'.*Did you mean 'fer-small/fer2013'.*\.onnx"):
        open_network("fer-smal")


# --self-test


def test_more_threads_than_cores_are_not_made():
    """Thousands of them wait for each other, for minutes on one photograph."""
    shipped = pretrained.find("fer-small", "fer2013").file("onnx")
    for asked, made in ((1, 1), (5000, os.cpu_count())):
        options = open_session(shipped, asked, "A test").get_session_options()
        assert options.intra_op_num_threads == made


def test_the_network_of_the_package_agrees_with_its_self_test():
    network = open_network()
    gaps = run_self_test(network)
    assert len(gaps) == 3 and max(gaps) < 1e-5
    with np.load(network.self_test) as content:
        best = content["probabilities"].argmax(axis=1)
        sure = content["probabilities"].max(axis=1)
    # Three classes, each without much doubt: other answers would be seen.
    assert [network.classes[place] for place in best] == ["happy", "surprise", "angry"]
    assert sure.min() > 0.8


def test_the_network_in_keras_agrees_with_the_self_test_too():
    shipped = open_network().self_test
    network = open_network(shipped.with_name("fer2013.keras"))
    assert network.self_test == shipped and max(run_self_test(network)) <= TOLERANCE


def changed(network, **values):
    for name, value in values.items():
        object.__setattr__(network, name, value)
    return network


def test_a_wrong_order_of_labels_scale_or_order_of_channels_fails_it():
    network = open_network()
    run, classes = network.outputs, network.classes
    swapped = {
        pair: {"classes": tuple(dict([pair, pair[::-1]]).get(name, name) for name in classes)}
        for pair in combinations(classes, 2)
    }
    for what, values in swapped.items():
        assert max(run_self_test(changed(open_network(), **values))) > TOLERANCE, what
    wrong = {
        "missing label": {"classes": (*classes[:-1], "calm")},
        "scale": {"outputs": lambda faces: run(faces / np.float32(255))},
        "mirrored upside down": {"outputs": lambda faces: run(faces[:, ::-1])},
    }
    for what, values in wrong.items():
        gaps = run_self_test(changed(open_network(), **values))
        assert max(gaps) > 100 * TOLERANCE, what


def test_pictures_in_another_order_of_channels_fail_it(tmp_path):
    network = open_network()
    with np.load(network.self_test) as content:
        stored = dict(content)
    stored["pictures"] = stored["pictures"][..., ::-1]
    path = tmp_path / "bgr.npz"
    np.savez(path, **stored)
    assert min(run_self_test(changed(network, self_test=path))) > 2 * TOLERANCE


def test_any_network_can_have_a_self_test(tmp_path):
    path = describe(
        means(tmp_path / "net.onnx", LAST),
        classes=["r", "g", "b"],
        input={"range": [0, 1]},
        output={"kind": "logits"},
    )
    with pytest.raises(ValueError, match=r"no \.selftest\.npz next to it"):
        run_self_test(open_network(path))
    write_self_test(open_network(path), PICTURE[None], tmp_path / "net.selftest.npz")
    assert run_self_test(open_network(path)) == [0]
    describe(path, classes=["r", "g", "b"], input={"range": [0, 255]}, output={"kind": "logits"})
    assert run_self_test(open_network(path))[0] > TOLERANCE
    (tmp_path / "net.selftest.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match="must be a self-test"):
        run_self_test(open_network(path))
