"""What could be a mistake is told, repeated by a check, and makes an exit status with --strict."""

from __future__ import annotations

import pytest
from made_up import index

from attention_fer.cli import main as cli
from preprocessing.dataset import Dataset
from preprocessing.prepare import prepare
from preprocessing.quality.check import check
from preprocessing.quality.doubts import doubts
from preprocessing.run import main
from preprocessing.sources import Doubt


def told(*cells, people_matter=False, **more):
    return list(doubts(index(*cells, **more), people_matter=people_matter))


def test_one_class_with_images_is_doubtful():
    (one,) = told([3] * 9)
    assert "of one class, d" in one and isinstance(one, Doubt)
    assert told([3, 4] * 9) == []


def test_classes_missing_in_a_part_are_doubtful():
    parts = ["train"] * 3 + ["test"] * 4
    train, test = told([0, 1, 2, 0, 1, 3, 3], parts)
    assert "train part has no image of 'd'." in train and isinstance(train, Doubt)
    assert "test part has no image of 'c'." in test
    assert told([0, 1, 2, 0, 1, 2, 2], parts) == []
    assert told([0, 1, 2, 3, 0, 1], ["train"] * 4 + ["test"] * 2) == []  # too few to have all


def test_unknown_people_are_doubtful_where_they_matter():
    (one,) = told([0, 1] * 9, people_matter=True)
    assert "--subject-pattern" in one
    assert told([0, 1] * 2, subjects=["a", "b", "", ""], people_matter=True) == []


def test_people_on_both_sides_of_known_parts_are_doubtful():
    names = ["train", "train", "validation", "test"]
    people = ["ann", "bob", "ann", "cy"]
    (one,) = told([0, 1] * 2, names, subjects=people)
    assert "train and the validation part share 1 subject, e.g. ann" in one
    two = told([0, 1] * 2, names, subjects=["ann"] * 4)
    assert ["validation" in text for text in two] == [True, False] and "test part" in two[1]
    assert told([0, 1] * 2, names, subjects=[""] * 4) == []


@pytest.fixture
def photographs(raw, tmp_path):
    """Twenty photographs of two people in train, ten in test."""
    files = {
        f"{part}/{label}/s{person}_{n}.png": raw.encode(raw.face(1000 * person + n))
        for part, people in (("train", (1, 2)), ("test", (3,)))
        for person in people
        for n, label in enumerate(["happy", "sad"] * 5)
    }
    return str(raw.directory(tmp_path / "photographs", files))


def command(source, out, *more):
    given = ("--dataset", "folder", "--source", source, "--out", str(out), "--detector", "none")
    return main([*given, *more])


def test_strict_is_an_exit_status_for_what_could_be_a_mistake(photographs, tmp_path, capsys):
    out = tmp_path / "out"
    assert command(photographs, out) == 0
    shown = capsys.readouterr().err.replace("\n", " ")
    assert "warning: The people in the images are unknown" in shown
    assert "note: The dataset has no validation part" in shown and "the 10 images" in shown
    assert command(photographs, out, "--strict", "--overwrite") == 1
    assert main(["--check", str(out)]) == 0
    assert main(["--check", str(out), "--strict"]) == 1
    assert [cli(["check", str(out)]), cli(["check", str(out), "--strict"])] == [0, 1]
    manifest = Dataset.open(out).manifest
    assert len(manifest["warnings"]) == 1 and manifest["warnings"][0] in check(out).warnings
    assert "no validation part" in manifest["notices"][0]


def test_a_sound_dataset_is_sound_with_strict(photographs, tmp_path, capsys):
    out = tmp_path / "out"
    assert command(photographs, out, "--strict", "--subject-pattern", r"s\d") == 0
    assert Dataset.open(out).manifest["warnings"] == []
    assert main(["--check", str(out), "--strict"]) == 0, capsys.readouterr().err


def test_the_default_split_holds_out_the_test_photographs(photographs, tmp_path):
    from preprocessing import splits

    dataset = prepare("folder", photographs, tmp_path / "out", faces=_whole, notice=list)
    for name in ("official", "hold-out"):
        (parts,) = splits.stored(dataset, name)
        assert set(dataset.splits[parts["test"]]) == {"test"} and len(parts["test"]) == 10
        assert set(dataset.splits[parts["train"]]) == {"train"} and len(parts["validation"]) > 0


def _whole():
    from preprocessing.faces.cropper import FaceCropper

    return FaceCropper(None, size=48, colour="grey")


@pytest.mark.parametrize("files", [{"a.csv": b"a,b\n"}, {"x.txt": b""}])
def test_a_wrong_source_is_told_before_a_detector_is_made(files, raw, tmp_path, monkeypatch):
    from preprocessing import detectors

    monkeypatch.setattr(detectors, "make", lambda *_, **__: pytest.fail("a detector was made"))
    path = raw.directory(tmp_path / "raw", files)
    only = path / next(iter(files))
    for source in (path, only):
        given = ["--dataset", "folder", "--source", str(source), "--out", str(tmp_path / "out")]
        assert main(given) == 2


def test_a_damaged_list_of_warnings_is_an_error(photographs, tmp_path):
    out = tmp_path / "out"
    command(photographs, out)
    path = out / "manifest.json"
    path.write_text(path.read_text().replace('"warnings": [', '"warnings": [3, ', 1))
    assert any("warnings must be a list of sentences" in error for error in check(out).errors)
