"""The shipped network: its card, and its accuracy on the real PrivateTest."""

import os
from pathlib import Path

import keras
import numpy as np
import onnx
import onnxruntime
import pytest

from attention_fer import models, pretrained
from benchmarks.release import card
from benchmarks.statistics.scores import score
from preprocessing.sources import get

SHIPPED = [(name, weights) for name, found in pretrained.names().items() for weights in found]
shipped = pytest.mark.parametrize(("name", "weights"), SHIPPED)
# Images, of 3,589, that other versions and processors may classify differently: in float32, and
# where a difference of one rounding is a step of 8 bits.
MOST_OTHERS, MOST_OTHERS_SMALL = 3, 15


@pytest.fixture(scope="module")
def privatetest():
    """Pixels (n, 48, 48, 1) and names of the classes of PrivateTest, from the raw archive."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    archive = Path(os.environ.get("FER_DATA") or beside) / "fer2013" / "archive.zip"
    if not archive.is_file():
        pytest.skip(f"no {archive}: set FER_DATA to the folder above that has it")
    raw = get("fer2013").open(archive, notice=str)
    samples = [sample for sample in raw.items if sample.split == "test"]
    images = np.stack([sample.load() for sample in samples]).reshape(-1, 48, 48, 1)
    return images, np.array([sample.label for sample in samples])


@shipped
def test_the_card_is_the_manifest(name, weights):
    found = pretrained.find(name, weights)
    text = (found.folder / f"{weights}.md").read_text(encoding="utf-8")
    assert card.render(found.manifest) == text


@shipped
def test_the_calibration_is_within_its_limit(name, weights):
    test = pretrained.find(name, weights).manifest["test"]
    assert test["calibration_error"] <= 0.03


def test_all_but_the_first_convolutions_of_the_small_form_are_in_int8():
    graph = onnx.load(pretrained.find("fer-small", "fer2013").file("onnx-int8")).graph
    made_by = {name: node for node in graph.node for name in node.output}
    sizes = {one.name: list(one.dims) for one in graph.initializer}
    quantised = []
    for conv in (node for node in graph.node if node.op_type == "Conv"):
        kernel = made_by.get(conv.input[1])
        quantised.append(kernel is not None and kernel.op_type == "DequantizeLinear")
        weights = kernel.input[0] if quantised[-1] else conv.input[1]
        assert quantised[-1] == (sizes[weights][1] > 1), sizes[weights]
    assert sorted(quantised)[:3] == [False, False, True]  # one for the image, one for its mirror


@pytest.mark.data
@shipped
def test_the_accuracy_on_privatetest_is_that_of_the_card(name, weights, privatetest):
    images, labels = privatetest
    found = pretrained.find(name, weights)
    stated = found.manifest["test"]
    assert len(images) == stated["n"] == 3589
    classes = np.array(found.classes)
    numbers = np.array([found.classes.index(label) for label in labels])
    pixels = images.astype("float32")
    got = {"keras": models.build(name, weights=weights).predict(pixels, batch_size=64, verbose=0)}
    for form in set(found.forms) - {"keras"}:
        session = onnxruntime.InferenceSession(found.file(form))
        parts = np.array_split(pixels, 60)
        outputs = [session.run(None, {session.get_inputs()[0].name: part})[0] for part in parts]
        got[form] = np.concatenate(outputs)
    for form, probabilities in got.items():
        accuracy = (classes[probabilities.argmax(1)] == labels).mean()
        expected = stated["accuracy_by_form"][form]
        most = MOST_OTHERS if form in ("keras", "onnx") else MOST_OTHERS_SMALL
        assert accuracy == pytest.approx(expected, abs=most / 3589), form
        quality = stated["quality_by_form"][form]
        error = score(probabilities, numbers).calibration
        assert error == pytest.approx(quality["calibration_error"], abs=most / 3589), form
        picked = probabilities[np.arange(len(numbers)), numbers].astype(float)
        assert -np.log(picked).mean() == pytest.approx(quality["loss"], abs=0.005), form
    assert np.abs(got["keras"] - got["onnx"]).max() < 1e-4
    for number, label in enumerate(found.classes):
        right = got["onnx"][labels == label].argmax(1) == number
        assert right.mean() == pytest.approx(stated["recall"][label], abs=MOST_OTHERS / len(right))
    keras.backend.clear_session()
