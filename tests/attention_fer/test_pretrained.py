"""Files of shipped networks: finding them, checking them; and those that are shipped now."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from layer_probes import to_numpy

from attention_fer import models, pretrained
from attention_fer.common.files import sha256
from attention_fer.models import fer_small

PROJECT = Path(__file__).resolve().parents[2]
SHIPPED = [(name, weights) for name, found in pretrained.names().items() for weights in found]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with one network, of random weights, in place of that of the package."""
    inside = tmp_path / "fer-small"
    inside.mkdir()
    fer_small.recogniser(fer_small.network(seed=1), 1.5).save(inside / "toy.keras")
    manifest = {
        "schema_version": pretrained.SCHEMA_VERSION,
        "name": "fer-small",
        "weights": "toy",
        "classes": list(fer_small.CLASSES),
        "input": {"shape": [None, 48, 48, 1]},
        "output": {},
        "temperature": 1.5,
        "files": {"keras": {"file": "toy.keras", "sha256": sha256(inside / "toy.keras")}},
    }
    (inside / "toy.json").write_text(json.dumps(manifest))
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    return inside


def change(folder, **changes):
    path = folder / "toy.json"
    content = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


def test_a_network_is_found_by_name(folder):
    assert pretrained.names() == {"fer-small": ["toy"]}
    found = pretrained.find("fer-small", "toy")
    assert found.classes == fer_small.CLASSES and found.input_shape == (48, 48, 1)
    assert found.forms == ("keras",) and found.file("keras") == folder / "toy.keras"
    assert pretrained.find("fer-small", "toy", folder.parent) == found


def test_it_is_built_with_its_weights(folder):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1), "uint8")
    model = models.build("fer-small", weights="toy", input_shape=(48, 48, 1), classes=7)
    expected = fer_small.recogniser(fer_small.network(seed=1), 1.5)(pixels)
    np.testing.assert_allclose(to_numpy(model(pixels)), to_numpy(expected), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": "tay"}, ["weights of 'fer-small'", "'tay'", "Did you mean 'toy'?"]),
        ({"weights": "imagenet"}, ["'imagenet'", "'toy'"]),
        ({"weights": "toy", "classes": 8}, ["classes must be 7", "angry", "got 8"]),
        ({"input_shape": (64, 64, 1)}, ["must be (48, 48, 1)", "got (64, 64, 1)"]),
        ({"weights": "toy", "input_shape": (48, 48, 3)}, ["got (48, 48, 3)"]),
    ],
)
def test_what_does_not_exist_or_fit_is_refused(folder, options, words):
    with pytest.raises(ValueError) as caught:
        models.build("fer-small", **options)
    assert all(word in str(caught.value) for word in words)


def test_an_unknown_network_is_refused(folder):
    with pytest.raises(ValueError, match="Did you mean 'fer-small'"):
        pretrained.find("fer_small", "toy")
    with pytest.raises(ValueError, match="Did you mean 'fer-small'"):
        models.build("fer_small")
    with pytest.raises(ValueError, match="form.*'onnx'.*'keras'"):
        pretrained.find("fer-small", "toy").file("onnx")


def test_an_altered_file_is_refused(folder):
    with open(folder / "toy.keras", "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"x")
    with pytest.raises(ValueError, match=f"toy.keras must have the SHA-256.*{'.' * 64}"):
        models.build("fer-small", weights="toy")


def test_a_missing_file_is_named(folder):
    (folder / "toy.keras").unlink()
    with pytest.raises(FileNotFoundError, match=r"toy\.keras is missing.*toy\.json"):
        models.build("fer-small", weights="toy")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema_version": 99}, "schema_version.*must be 1, got 99"),
        ({"classes": None, "files": None}, "must have classes, files"),
    ],
)
def test_a_manifest_of_another_kind_is_refused(folder, changes, message):
    change(folder, **changes)
    with pytest.raises(ValueError, match=message):
        pretrained.find("fer-small", "toy")
    (folder / "toy.json").write_text("{")
    with pytest.raises(ValueError, match="must be JSON"):
        pretrained.find("fer-small", "toy")


@pytest.mark.slow
def test_keras_loads_the_file_once_the_models_are_imported(folder):
    code = (
        "import sys, attention_fer.models, keras, numpy as np\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "print(*np.asarray(keras.ops.convert_to_numpy(model(np.full((1, 48, 48, 1), 99)))[0]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "toy.keras")],
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = fer_small.recogniser(fer_small.network(seed=1), 1.5)(np.full((1, 48, 48, 1), 99.0))
    got = np.array(done.stdout.split(), float)
    np.testing.assert_allclose(got, to_numpy(expected)[0], atol=1e-5)


@pytest.mark.parametrize(("name", "weights"), SHIPPED)
def test_what_is_shipped_is_whole_and_small(name, weights):
    found = pretrained.find(name, weights)
    assert {"keras", "onnx"} <= set(found.forms) <= set(pretrained.FORMS)
    sizes = {form: found.file(form).stat().st_size for form in found.forms}
    assert sizes == {form: entry["bytes"] for form, entry in found.manifest["files"].items()}
    assert max(sizes.values()) <= 5_000_000 and sum(sizes.values()) < 10_000_000
    assert (found.folder / f"{weights}.md").is_file()


@pytest.mark.parametrize("weights", pretrained.names().get("fer-small", []))
def test_a_shipped_fer_small_gives_probabilities_of_its_classes(weights):
    model, found = models.build("fer-small", weights=weights), pretrained.find("fer-small", weights)
    assert found.classes == fer_small.CLASSES and found.input_shape == model.input_shape[1:]
    assert model.count_params() == found.manifest["parameters"] <= 1_000_000
    pixels = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 1), "uint8")
    probabilities = to_numpy(model(pixels))
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)
    mirrored = to_numpy(model(pixels[:, :, ::-1].copy()))
    np.testing.assert_allclose(mirrored, probabilities, atol=1e-5)
    scale = model.get_layer("temperature").scale
    assert float(keras.ops.convert_to_numpy(scale)) == pytest.approx(
        1 / found.manifest["temperature"]
    )
