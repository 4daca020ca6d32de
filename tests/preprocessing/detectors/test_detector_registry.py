"""Detectors are made by name, and what they return is in order."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import preprocessing
from preprocessing import detectors
from preprocessing.detectors import base
from preprocessing.detectors.base import Faces


def test_the_four_detectors_are_known():
    assert {"cascade", "yolo5face", "yolo5face-hub", "yunet"} <= set(detectors.names())


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="detector: 'yolo5fase'.*Did you mean 'yolo5face'"):
        detectors.make("yolo5fase")


def test_an_unknown_option_is_refused_by_name():
    with pytest.raises(ValueError, match="yolo5face: 'treshold'.*Did you mean 'threshold'"):
        detectors.make("yolo5face", treshold=0.5)


RANGES = [
    ("threshold", 1.5, "threshold must be .*0 to 1, got 1.5"),
    ("iou", -0.1, "iou must be .*got -0.1"),
]
MULTIPLE = ("input_size", 650, "input_size must be .*32, got 650.* 640")
ANY = ("input_size", 0, "input_size must be .*at least 1.* 0")


@pytest.mark.parametrize(
    ("name", "option", "value", "text"),
    [
        *(("yolo5face", *wrong) for wrong in (*RANGES, MULTIPLE)),
        *(("yolo5face-hub", *wrong) for wrong in (*RANGES, MULTIPLE)),
        *(("yunet", *wrong) for wrong in (*RANGES, ANY, ("threads", 0, "threads must be"))),
    ],
)
def test_options_out_of_range_are_refused_before_anything_is_fetched(name, option, value, text):
    with pytest.raises(ValueError, match=text):
        detectors.make(name, **{option: value})


def test_a_new_detector_is_one_decorated_class(monkeypatch):
    monkeypatch.setattr(base.DETECTORS, "_values", dict(base.DETECTORS))

    @detectors.register("blind")
    class Blind:
        name, has_scores, has_landmarks, batch = "blind", False, False, 1

        def __init__(self, *, patience: int = 1):
            self.patience = patience

        def __call__(self, images):
            return [Faces.ordered(np.empty((0, 4))) for _ in images]

        def describe(self):
            return {"name": self.name}

    assert detectors.options("blind") == {"patience"}
    blind = detectors.make("blind", patience=3)
    assert isinstance(blind, Blind) and blind.patience == 3
    with pytest.raises(ValueError, match="'blind' is already registered"):
        detectors.register("blind")(detectors.get("cascade"))


def test_faces_are_ordered_by_score_and_everything_moves_along():
    boxes = [[9, 0, 1, 1], [5, 0, 2, 2], [7, 0, 3, 3], [6, 0, 9, 9]]
    points = np.arange(4)[:, None, None] + np.zeros((4, 5, 2))
    faces = Faces.ordered(np.array(boxes), np.array([0.2, 0.9, 0.5, 0.5]), points)
    assert faces.boxes[:, 0].tolist() == [5, 6, 7, 9]
    assert faces.scores.tolist() == pytest.approx([0.9, 0.5, 0.5, 0.2])
    assert faces.landmarks[:, 0, 0].tolist() == [1, 3, 2, 0]
    assert {a.dtype for a in (faces.boxes, faces.scores, faces.landmarks)} == {np.dtype("f4")}


def test_without_scores_the_largest_face_is_first():
    faces = Faces.ordered(np.array([[0, 0, 2, 2], [1, 0, 3, 9], [2, 0, 5, 5]]))
    assert faces.boxes[:, 0].tolist() == [1, 2, 0]
    assert len(faces) == 3 and np.isnan(faces.scores).all() and np.isnan(faces.landmarks).all()


def test_importing_the_detectors_loads_none_of_the_heavy_libraries():
    code = "import sys, json, preprocessing.detectors; print(json.dumps(list(sys.modules)))"
    root = Path(preprocessing.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    loaded = set(json.loads(done.stdout))
    assert not loaded & {"cv2", "torch", "onnxruntime", "pooch", "requests"}
    ours = {name for name in loaded if name.startswith(("preprocessing.", "benchmarks"))}
    assert all(name.startswith("preprocessing.detectors") for name in ours)
