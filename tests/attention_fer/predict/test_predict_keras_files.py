"""Keras files of users: the input and the outputs that their JSON describes."""

import json

import keras
import numpy as np
import pytest
from keras import layers as kl

from attention_fer.predict.networks import open_network

# Red 200, green 100, blue 50.
PICTURE = np.full((1, 8, 8, 3), (200, 100, 50), np.uint8)


def means(path, shape=(8, 8, 3), *, dtype="float32", outputs=3):
    """Saves a model whose outputs are the first means of the channels."""
    x = keras.Input(shape, dtype=dtype)
    y = kl.Rescaling(1.0)(x)  # casts whole numbers
    y = kl.GlobalAveragePooling2D(data_format="channels_last")(y)
    dense = kl.Dense(outputs, use_bias=False, name="out")
    model = keras.Model(x, dense(y))
    dense.set_weights([np.eye(shape[-1], outputs)])
    model.save(path)
    return path


def describe(path, **content):
    path.with_suffix(".json").write_text(json.dumps(content))
    return path


def softmax(scores):
    shares = np.exp(np.array(scores) - max(scores))
    return shares / shares.sum()


@pytest.mark.parametrize(
    ("given", "scores"),
    [
        ({"range": [0, 1]}, (200 / 255, 100 / 255, 50 / 255)),
        ({"range": [0, 1], "colour": "bgr"}, (50 / 255, 100 / 255, 200 / 255)),
        (
            {"range": [-1, 1], "mean": [0.5, 0.4, 0.3], "std": 0.5},
            (2 * (400 / 255 - 1.5), 2 * (200 / 255 - 1.4), 2 * (100 / 255 - 1.3)),
        ),
        ({"range": [0, 1], "size": [6, 8]}, (200 / 255, 100 / 255, 50 / 255)),
    ],
)
def test_pixels_reach_a_keras_network_as_its_json_says(tmp_path, given, scores):
    shape = (None, None, 3) if "size" in given else (8, 8, 3)
    path = means(tmp_path / "net.keras", shape)
    describe(path, classes=["r", "g", "b"], input=given, output={"kind": "logits"})
    network = open_network(path)
    assert network.size == (6, 8) if "size" in given else (8, 8)
    found = network(np.zeros((1, *network.size, 3), np.uint8) + PICTURE[:, :1, :1])
    np.testing.assert_allclose(found[0], softmax(scores), rtol=1e-5)


@pytest.mark.parametrize(
    ("dtype", "given", "words"),
    [
        ("float32", {"rnage": [0, 1]}, ["key of input", "'rnage'", "Did you mean 'range'"]),
        ("float32", {"colour": "rgb"}, ["range in", "net.json"]),
        ("float32", [0, 1], ["input in", "must be an object"]),
        ("uint8", {"range": [0, 1]}, ["whole numbers (uint8)", "[0, 255]"]),
    ],
)
def test_an_input_that_does_not_fit_is_refused(tmp_path, dtype, given, words):
    path = means(tmp_path / "net.keras", dtype=dtype)
    describe(path, classes=["r", "g", "b"], input=given)
    with pytest.raises(ValueError) as caught:
        open_network(path)
    assert all(word in str(caught.value) for word in words), caught.value


def test_the_answer_for_a_face_does_not_depend_on_the_others(tmp_path):
    """A single score, once where it could be a probability and once next to one that could not."""
    path = means(tmp_path / "net.keras", (8, 8, 1), outputs=1)
    faces = np.zeros((3, 8, 8), np.uint8) + np.uint8([[[1]], [[3]], [[0]]])
    known = {"classes": ["a", "b"], "input": {"range": [0, 255]}}
    describe(path, **known, output={"kind": "logits"})
    for group in ([0], [0, 1], [0, 2]):
        found = open_network(path)(faces[group])
        np.testing.assert_allclose(found[0], softmax([0, 1]), rtol=1e-6)
    describe(path, **known)  # a probability, as of every network
    np.testing.assert_allclose(open_network(path)(faces[[0, 2]]), [[0, 1], [1, 0]], atol=1e-6)
    with pytest.raises(ValueError, match='"kind": "logits"'):
        open_network(path)(faces[[0, 1]])


def test_a_network_of_one_class_is_refused(tmp_path):
    path = means(tmp_path / "net.keras", outputs=1)
    describe(path, classes=["a"], input={"range": [0, 1]}, output={"kind": "logits"})
    with pytest.raises(ValueError, match=r"net\.keras must have at least two classes.*'a'"):
        open_network(path)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="only PyTorch records by itself")
def test_predictions_record_no_gradients(tmp_path, monkeypatch):
    from attention_fer.explain.maps.class_scores import ClassScores

    path = describe(means(tmp_path / "net.keras"), classes=["r", "g", "b"], input={"range": [0, 1]},
                    output={"kind": "logits"})  # fmt: skip
    network, seen, run = open_network(path), [], ClassScores.probabilities

    def recorded(self, images):
        seen.append(run(self, images))
        return seen[-1]

    monkeypatch.setattr(ClassScores, "probabilities", recorded)
    network(PICTURE)
    assert [one.requires_grad for one in seen] == [False]
