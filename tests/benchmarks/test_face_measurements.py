"""Measurements of finding and cutting out faces, with detectors whose answers are known."""

from __future__ import annotations

import os
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest

from attention_fer.common.console import plain_console
from attention_fer.predict import FaceRow
from benchmarks.faces import crops, detectors, position, turned
from benchmarks.faces.__main__ import main
from benchmarks.faces.scenes import BACKGROUNDS, padded, scene
from preprocessing.detectors import Faces
from preprocessing.faces.squares import fer2013


def face(seed=0):
    """Smooth, and brighter than any background."""
    low = np.random.default_rng(seed).integers(0, 2, (6, 6)) * 20 + 220
    return np.kron(low, np.ones((8, 8))).astype(np.uint8)


class Seeing:
    """Knows the scene it is shown: finds the box that `place` makes of the pasted square."""

    name, has_scores, has_landmarks, batch = "seeing", True, True, 1

    def __init__(self, monkeypatch, module, place, score=0.9):
        self.place, self.score = place, score
        self.now = None
        for name in ("scene", "padded"):
            if hasattr(module, name):
                made = getattr(module, name)
                monkeypatch.setattr(module, name, lambda *a, made=made: self.remember(made(*a)))

    def remember(self, made):
        self.now = made
        return made

    def __call__(self, images):
        (image,) = images
        assert image is self.now.picture
        boxes = np.reshape([self.place(*self.now.square)], (-1, 4))
        points = np.repeat(boxes[:, None, :2], 5, axis=1)
        points[:, 3:] += boxes[:, None, 2:]  # the mouth is in the lower right corner
        return [Faces.ordered(boxes, np.full(len(boxes), self.score), points)]


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("side", [32, 48, 200])
def test_a_scene_shows_the_face_at_its_square_and_its_background_elsewhere(background, side):
    made = scene(face(), background, side, np.random.default_rng(1))
    left, top, size = made.square
    assert size == side and made.picture.shape == (480, 640, 3)
    inner = made.picture[top : top + side, left : left + side]
    assert inner.min() >= 215 and abs(inner.mean() - face().mean()) < 2
    around = made.picture.astype(float)
    around[top : top + side, left : left + side] = np.nan
    assert np.nanmean(around) < 180
    again = scene(face(), background, side, np.random.default_rng(1))
    assert np.array_equal(again.picture, made.picture)


@pytest.mark.parametrize("background", [*BACKGROUNDS, "mirrored"])
def test_a_padded_face_is_in_the_middle(background):
    made = padded(face(), background, np.random.default_rng(0))
    assert made.square == (64, 64, 192) and made.picture.shape == (320, 320, 3)
    assert abs(made.picture[64:-64, 64:-64].mean() - face().mean()) < 1


def test_a_box_is_that_of_the_face_if_place_and_size_are_right():
    made = scene(face(), "grey", 100, np.random.default_rng(0))
    left, top, _ = made.square
    good = [(left, top, 100, 100), (left + 25, top - 25, 100, 100), (left + 25, top + 20, 50, 60)]
    bad = [
        (left + 35, top, 100, 100),
        (left + 35, top + 35, 30, 30),
        (left - 55, top - 55, 210, 210),
    ]
    assert all(made.holds(np.array(box, float)) for box in good)
    assert not any(made.holds(np.array(box, float)) for box in bad)


def test_recall_and_false_hits_are_counted_by_score(monkeypatch):
    places = iter([0, 0, 3, 0] * 2)  # one of four boxes lies beside its face

    def place(left, top, side):
        return left + side * next(places), top, side, side

    seeing = Seeing(monkeypatch, detectors, place, 0.65)
    found = detectors.answers(seeing, np.stack([face(n) for n in range(8)]), 64, 0)
    assert detectors.recall(found, 0.6) == 0.75 and detectors.false_hits(found, 0.6) == 2
    assert detectors.recall(found, 0.7) == 0 == detectors.false_hits(found, 0.7)


def test_positions_are_fractions_of_the_image(monkeypatch):
    def place(left, top, side):
        return left + 0.25 * side, top - 0.125 * side, 0.5 * side, side

    seeing = Seeing(monkeypatch, position, place)
    found = position.positions(seeing, [face(n) for n in range(4)], "grey", 0)
    assert len(found) == 4
    values = {name: set(np.round(v, 4)) for name, v in position.measures(found).items()}
    assert values["box, centre x"] == {0.5} and values["box, centre y"] == {0.375}
    assert values["box, width"] == {0.5} and values["box, height"] == {1.0}
    assert values["left eye, x"] == {0.25} and values["left eye, y"] == {-0.125}
    assert values["from eyes to mouth"] == {round(1.25**0.5, 4)}
    side = round(fer2013((0, 0, 0.5, 1))[2], 4)
    assert values["rule fer2013, side"] == {side}
    assert position.quartiles(np.arange(101) / 100) == ("0.500", "0.250 to 0.750")


def test_what_was_pasted_is_cut_out_again(monkeypatch):
    def place(left, top, side):
        """The box whose square the rule makes into the pasted one."""
        small = side / 1.11
        return left + (side - small) / 2, top + (side - small) / 2 + 0.02 * side, small, small

    images = np.stack([face(n) for n in range(6)])
    found, cut = crops.cut_out(Seeing(monkeypatch, crops, place), images, 0, plain_console())
    assert list(found) == [*range(6)] and list(cut) == [crops.TRUE, *crops.WAYS]
    assert cut[crops.TRUE].shape == (6, 48, 48)
    # Enlarged cubically, with places rounded to whole pixels.
    assert np.abs(cut[crops.TRUE].astype(float) - images).mean() < 1.5
    off = {name: np.abs(faces.astype(float) - images).mean() for name, faces in cut.items()}
    assert off["--like fer2013"] < 2 < 2.5 < off["the box (default)"] < off["--square --margin 0.1"]


def test_faces_that_are_not_found_are_left_out(monkeypatch):
    turns = cycle([0, 9, 0])

    def place(left, top, side):
        return left + side * next(turns), top, side, side

    images = np.stack([face(n) for n in range(3)])
    found, cut = crops.cut_out(Seeing(monkeypatch, crops, place), images, 0, plain_console())
    assert list(found) == [0, 2] and len(cut[crops.TRUE]) == 2
    with pytest.raises(ValueError, match="seeing found none of 3 faces"):
        crops.cut_out(Seeing(monkeypatch, crops, place, 0.1), images, 0, plain_console())


def test_differences_are_paired_and_in_points():
    right = np.zeros(100, bool)
    right[:60] = True
    other = right.copy()
    other[55:60] = False
    hits = {crops.AS_IT_IS: right, crops.TRUE: right.copy(), **dict.fromkeys(crops.WAYS, other)}
    rows = {row[0]: row[1:] for row in crops.rows_of(hits)}
    assert rows[crops.AS_IT_IS][:2] == ("60.00%", "")
    assert rows[crops.TRUE] == ("60.00%", "+0.00 (+0.00 to +0.00)", rows[crops.AS_IT_IS][2])
    # 5 of 100 images are lost: the variance of the mean is 0.05 * 0.95 / 99.
    half = 100 * 1.98 * (0.05 * 0.95 / 99) ** 0.5
    text = rows["--square"][1].translate(str.maketrans("", "", "()"))
    mean, low, high = (float(part) for part in text.split() if part != "to")
    assert mean == -5 and low == pytest.approx(-5 - half, abs=0.1)
    assert high == pytest.approx(-5 + half, abs=0.1)


def test_a_face_lies_right_if_its_eyes_are_within_45_degrees():
    rolls = [3, -44, 46, None, 180, -91, 89, -135.5]
    rows = [
        FaceRow("a", roll=roll, success=roll is not None, label="" if roll is None else "sad")
        for roll in rolls
    ]
    labels = np.array([0, 1, 1, 1, 1, 1, 1, 1])

    def found(turns):
        return turned.shares(rows, turns, labels, ["happy", "sad"])

    assert found(0) == ("87.5 %", "25.0 %", "75.0 %")
    assert [found(turns)[1] for turns in (1, 2, 3)] == ["12.5 %", "25.0 %", "25.0 %"]


def test_the_commands_answer_in_one_line_what_is_wrong(dataset, tmp_path, capsys):
    given = ["--dataset", str(dataset.path), "--n", "3"]
    assert main(["crops", *given, "--detector", "none"]) == 2
    assert "Unknown detector: 'none'" in capsys.readouterr().err
    assert main(["position", *given, "--detector", f"yunet={tmp_path / 'gone.onnx'}"]) == 2
    assert "gone.onnx" in capsys.readouterr().err
    empty = ["--faceless", str(tmp_path)]
    assert main(["detectors", *given, "--detectors", "cascade", *empty]) == 2
    assert "must hold .jpg or .png files" in " ".join(capsys.readouterr().err.split())


@pytest.mark.data
@pytest.mark.parametrize("what", ["detectors", "position", "crops", "turned"])
def test_the_commands_measure_the_published_detector(what, dataset, capsys):
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(os.environ.get("FER_DATA") or beside) / "yunet" / "yunet_n_dynamic.onnx"
    if not path.is_file():
        pytest.skip(f"no {path}: set FER_DATA to the folder above that has it")
    option = "--detectors" if what == "detectors" else "--detector"
    given = ["--dataset", str(dataset.path), "--n", "12", option, f"yunet={path}"]
    assert main([what, *given]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    wanted = {"detectors": "n = 12 faces a size", "position": "of 12", "crops": "of 12 faces"}
    wanted["turned"] = "n = 12;"
    assert wanted[what] in shown
