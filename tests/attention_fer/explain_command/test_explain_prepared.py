"""Prepared datasets, and photographs cropped as the data of a network were."""

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers as kl

Image = pytest.importorskip("PIL.Image")

from attention_fer.explain import __main__ as run  # noqa: E402
from attention_fer.explain.command import preparation  # noqa: E402
from attention_fer.explain.command.pictures import prepared_pictures  # noqa: E402
from benchmarks.results.saved_model import save  # noqa: E402
from preprocessing import detectors  # noqa: E402
from preprocessing.dataset.folder import Dataset  # noqa: E402
from preprocessing.faces.cropper import FaceCropper  # noqa: E402
from preprocessing.prepare import prepare  # noqa: E402

pytestmark = pytest.mark.slow  # builds networks


PORTRAIT = Path(__file__).parents[2] / "fixtures" / "astronaut.jpg"


def test_a_prepared_dataset_is_read_from_its_images(stored, tmp_path, capsys):
    prepare("schematic", None, tmp_path / "data", subjects=6, per_subject=7, sheets=True)
    data = Dataset.open(tmp_path / "data")
    model = keras.Sequential(
        [
            keras.Input(data.images.shape[1:], dtype="uint8"),
            kl.Rescaling(1 / 255),
            kl.Conv2D(2, 3),
            kl.GlobalAveragePooling2D(),
            kl.Dense(len(data.classes), activation="softmax"),
        ]
    )
    model.save(tmp_path / "m.keras")
    given = [str(tmp_path / "m.keras"), str(tmp_path / "data"), "--limit", "4"]
    given += ["--classes", *data.classes, "--answers", str(tmp_path / "a.json")]
    assert run.main([*given, "--out", str(tmp_path / "page.png")]) == 0
    said = capsys.readouterr()
    test = int((data.splits == "test").sum())
    assert f"pictures: 4 of {test}; as prepared" in said.out
    assert f"test part, {test} of {len(data)} images" in said.err
    names = list(data.sources)
    answers = json.loads((tmp_path / "a.json").read_text())
    assert len(answers) == 4
    for answer in answers:
        row = names.index(answer["picture"])
        assert answer["true"] == data.classes[data.labels[row]]
        expected = keras.ops.convert_to_numpy(model(data.images[row][None]))[0]
        np.testing.assert_allclose(list(answer["probabilities"].values()), expected, rtol=1e-4)


@pytest.fixture
def photographs(tmp_path):
    """A portrait twice, a smaller one, and a picture without a face."""
    folder = tmp_path / "photographs" / "happy"
    folder.mkdir(parents=True)
    with Image.open(PORTRAIT) as picture:
        picture.save(folder / "a.png")
        picture.resize((256, 256)).save(folder / "b.png")
    Image.fromarray(np.zeros((200, 200), "uint8")).save(folder / "none.png")
    return tmp_path / "photographs"


def test_photographs_are_cropped_as_the_data_of_the_network_were(photographs, tmp_path, capsys):
    cropper = FaceCropper(detectors.make("cascade", neighbours=3), margin=0.25, square=True)
    prepare("folder", photographs, tmp_path / "data", faces=cropper, notice=[].append)
    data = Dataset.open(tmp_path / "data")
    assert len(data) == 2
    x = keras.Input((48, 48, 1), dtype="uint8")
    y = kl.GlobalAveragePooling2D()(kl.Conv2D(2, 3)(kl.Rescaling(1 / 255)(x)))
    model = keras.Model(x, kl.Softmax()(y))
    save(model, tmp_path, ["angry", "happy"], data.manifest["parameters"]["faces"])
    answers = tmp_path / "a.json"
    given = [str(tmp_path), str(photographs), "--answers", str(answers)]
    given += ["--out", str(tmp_path / "page.png")]
    assert run.main(given) == 1
    said = capsys.readouterr()
    assert "the largest face of each picture, found by cascade (margin 0.25, square)" in said.out
    found = {one["picture"]: one for one in json.loads(answers.read_text())}
    assert "no face found" in found["happy/none.png"]["problem"]
    for row, name in enumerate(data.sources):
        expected = keras.ops.convert_to_numpy(model(data.images[row][None]))[0]
        shares = list(found[name]["probabilities"].values())
        np.testing.assert_allclose(shares, expected, rtol=1e-5)
    assert run.main([*given, "--whole"]) == 0
    assert "each picture whole, without looking for a face" in capsys.readouterr().out
    whole = {one["picture"]: one for one in json.loads(answers.read_text())}
    assert whole["happy/a.png"]["probabilities"] != found["happy/a.png"]["probabilities"]


def test_another_detector_than_the_recorded_one_is_told():
    recorded = FaceCropper(detectors.make("cascade"), select="all").describe()
    told = []
    made = preparation.cropper(recorded, told.append)
    assert made.select == "largest" and told == []
    assert {**made.describe(), "select": "all"} == recorded
    recorded["detector"]["sha256"] = "0" * 64
    preparation.cropper(recorded, told.append)
    assert "cascade has different weights" in told[0]
    whole = FaceCropper(size=20).describe()
    assert preparation.cropper(whole, pytest.fail).detector is None
    assert "whole, as the network's data" in preparation.describe(whole)


def test_of_a_divided_dataset_the_test_part_is_shown(tmp_path):
    prepare("schematic", None, tmp_path / "data", subjects=6, per_subject=7)
    data = Dataset.open(tmp_path / "data")
    rows = np.flatnonzero(data.splits == "test")
    found = prepared_pictures(tmp_path / "data", [].append)
    assert [one.name for one in found] == list(data.sources[rows])
    np.testing.assert_array_equal(found[0].load(), data.images[rows[0]][..., 0])
    undivided = replace(data, splits=np.full(len(data), "", object))
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Dataset, "open", classmethod(lambda cls, path: undivided))
        assert len(prepared_pictures(tmp_path / "data", told.append)) == len(data)
    assert "all images, 42 of 42" in told[0]


def test_a_damaged_dataset_is_not_taken_for_a_folder_of_pictures(stored, tmp_path, capsys):
    prepare("schematic", None, tmp_path / "data", subjects=6, per_subject=7, sheets=True)
    (tmp_path / "data" / "images.npy").unlink()
    given = [str(stored), str(tmp_path / "data"), "--out", str(tmp_path / "page.png")]
    assert run.main(given) == 2
    assert "images.npy is missing" in capsys.readouterr().err
