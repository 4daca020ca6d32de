"""`--roi`: the detector sees a part of each picture, and everything else stays as it was."""

import csv
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from made_videos import write
from PIL import Image

from attention_fer.predict import Predictor
from attention_fer.predict import __main__ as command
from attention_fer.predict.cutting import CutRule, cut
from attention_fer.predict.region import Region
from preprocessing.detectors import Faces

LEFT = (0, 0, 256, 256)


@pytest.fixture
def two(portrait):
    """uint8 (300, 512, 3): the portrait, and its mirror image 44 pixels lower."""
    canvas = np.full((300, 512, 3), 127, np.uint8)
    canvas[:256, :256], canvas[44:, 256:] = portrait, portrait[:, ::-1]
    return canvas


def main(*arguments):
    return command.main([*map(str, arguments), "--detector", "cascade"])


@pytest.mark.parametrize("grey", [False, True])
def test_boxes_are_those_of_the_whole_picture(predictor, two, grey):
    picture = two[..., 1] if grey else two
    assert len(predictor.predict(picture)) == 2
    region = (256, 20, 256, 280)
    (row,) = Predictor(detector="cascade", roi=region).predict(picture)
    (alone,) = predictor.predict(np.ascontiguousarray(picture[20:, 256:]))
    x, y, width, height = alone.box
    assert row.box == (x + 256, y + 20, width, height)


def test_the_face_is_cut_from_the_whole_picture(predictor, portrait):
    """With a margin that reaches beyond the region."""
    (face,) = predictor.predict(portrait)
    x, y, width, height = map(int, face.box)
    corner, other = (x - 4, y - 4), (x + width + 4, y + height + 4)
    narrow = Predictor(detector="cascade", roi=(*corner, width + 8, height + 8))
    rule = CutRule(like=None, margin=0.5)
    narrow.network = network = replace(narrow.network, rule=rule)
    (row,) = narrow.predict(portrait)
    pixels = cut(portrait, row.box, None, rule, network.size, network.colour)
    (expected,) = network([pixels]).tolist()
    assert list(row.probabilities.values()) == expected
    whole = Predictor(detector="cascade")
    whole.network = network
    (of_part,) = whole.predict(portrait[corner[1] : other[1], corner[0] : other[0]])
    assert of_part.width == row.width
    assert abs(of_part.probability - row.probability) > 0.001


def test_eyes_move_with_the_box():
    points = np.arange(10, dtype=np.float32).reshape(1, 5, 2)
    faces = Faces(np.array([[1, 2, 3, 4]], np.float32), np.ones(1, np.float32), points)
    moved = Region(100, 200, 9, 9).moved(faces)
    assert moved.boxes.tolist() == [[101, 202, 3, 4]] and moved.boxes.dtype == np.float32
    assert (moved.landmarks - points).reshape(-1, 2).tolist() == [[100, 200]] * 5


def test_what_reaches_beyond_the_picture_is_left_out_and_what_is_outside_is_a_row(two):
    partly = Predictor(detector="cascade", roi=(256, 0, 4000, 4000))
    (row,) = partly.predict(two)
    assert row.success and row.x > 256
    frames = [two, np.zeros((40, 200, 3), np.uint8), two]
    first, small, last = partly.predict(frames)
    assert first.success and last.success and not small.success
    assert small.reason == "region outside the picture"
    assert small.detail == "256,0,4000,4000 of 200 x 40 pixels"


def test_the_command_searches_photographs_and_videos(tmp_path, two, capsys):
    Image.fromarray(two).save(tmp_path / "a.png")
    write(tmp_path / "a.avi", [two] * 3)
    for name in ("a.png", "a.avi"):
        assert main(tmp_path / name, "--roi", "0,0,256,256", "--out", tmp_path / "a.csv") == 0
        with open(tmp_path / "a.csv", newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert all(row["success"] == "1" and float(row["x"]) < 128 for row in rows)
        assert len(rows) == (3 if name == "a.avi" else 1)
        manifest = json.loads((tmp_path / "a.manifest.json").read_text())
        assert manifest["detector"]["roi"] == [0, 0, 256, 256]
    capsys.readouterr()
    assert main(tmp_path / "a.avi", "--roi", "512,0,9,9", "--format", "csv") == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["frame"] for row in rows] == ["0", "1", "2"]
    assert {row["reason"] for row in rows} == {
        "region outside the picture: 512,0,9,9 of 512 x 300 pixels"
    }


@pytest.mark.parametrize("given", ["", "1,2,3", "1,2,3,4,5", "a,0,1,1", "0,0,1.5,2", "0,0,0,9"])
def test_other_texts_are_refused(tmp_path, two, capsys, given):
    Image.fromarray(two).save(tmp_path / "a.png")
    assert main(tmp_path / "a.png", "--roi", given) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "roi must be X,Y,WIDTH,HEIGHT" in line


@pytest.mark.parametrize("given", [(0, 0, 5), (0, 0, 5.0, 5), (-1, 0, 5, 5), (0, 0, 5, 0), 7])
def test_other_regions_are_refused_in_python(given):
    with pytest.raises(ValueError, match="roi must be"):
        Predictor(detector="cascade", roi=given)


def test_there_is_no_region_without_a_detector():
    with pytest.raises(ValueError, match="roi have no effect without a detector"):
        Predictor(detector="none", roi=LEFT)
