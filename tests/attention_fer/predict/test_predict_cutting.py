"""Which part of a picture a network sees."""

import math

import numpy as np
import pytest

from attention_fer.predict.cutting import CutRule, cut, recorded_rule, roll
from attention_fer.predict.turning import after_turns
from preprocessing.faces.crops import CropSettings, crop

BOX = (90.0, 40.0, 80.0, 100.0)


def tilted(degrees):
    """Landmarks whose eyes lie on a line turned clockwise."""
    angle = math.radians(degrees)
    eyes = [[110, 80], [110 + 40 * math.cos(angle), 80 + 40 * math.sin(angle)]]
    return np.array([*eyes, *[[130, 100]] * 3], "float32")


@pytest.mark.parametrize(("degrees", "level"), [(0, False), (19, False), (21, True), (-30, True)])
def test_a_face_is_turned_upright_from_twenty_degrees(portrait, degrees, level):
    landmarks = tilted(degrees)
    assert math.isclose(roll(landmarks), degrees, abs_tol=1e-3)
    found = cut(portrait, BOX, landmarks, CutRule(), (48, 48), "grey")
    one, other = (
        crop(portrait, BOX, landmarks, CropSettings(like="fer2013", align=align, size=48))
        for align in (level, not level)
    )
    assert np.abs(found.astype(int) - one).max() <= 3  # NumPy and OpenCV
    if degrees:
        assert np.abs(found.astype(int) - other).max() > 30


@pytest.mark.parametrize(("turns", "degrees"), [(1, 100), (2, 175), (2, -170), (3, -95), (1, 65)])
def test_a_face_that_lies_is_cut_as_from_the_turned_picture(portrait, turns, degrees):
    landmarks = tilted(degrees)
    found = cut(portrait, BOX, landmarks, CutRule(), (48, 48), "grey")
    boxes, points = after_turns(np.array([BOX]), landmarks[None], turns, portrait.shape[:2])
    upright = np.ascontiguousarray(np.rot90(portrait, turns))
    assert math.isclose(roll(points[0]), (degrees - 90 * turns + 180) % 360 - 180, abs_tol=1e-3)
    expected = cut(upright, tuple(boxes[0]), points[0], CutRule(), (48, 48), "grey")
    np.testing.assert_array_equal(found, expected)
    as_stored = cut(portrait, BOX, None, CutRule(), (48, 48), "grey")
    assert np.abs(found.astype(int) - as_stored).max() > 30


def test_faces_of_a_dataset_are_cut_as_its_manifest_says(portrait):
    faces = {
        "detector": {"name": "yunet"},
        "margin": 0.2,
        "square": True,
        "align": False,
        "size": 9,
    }
    rule = recorded_rule(faces)
    assert rule == CutRule(None, 0.2, True, False, None)
    found = cut(portrait, BOX, tilted(90), rule, (40, 40), "rgb")
    expected = crop(portrait, BOX, None, CropSettings(0.2, True, False, 40, "rgb"))
    assert found.shape == (40, 40, 3) and np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("faces", [None, {}, {"detector": None, "size": 48}])
def test_faces_of_ready_made_crops_are_cut_as_those_of_the_package(faces):
    assert recorded_rule(faces) == CutRule() == CutRule("fer2013", 0.0, False, False, 20.0)


def test_a_picture_that_is_a_face_is_only_resized(portrait):
    half = portrait[::2, ::2].copy()
    assert np.array_equal(cut(half, None, None, CutRule(), (128, 128), "rgb"), half)
    tall = cut(portrait, BOX, None, CutRule(), (60, 30), "grey")
    assert tall.shape == (60, 30)


def test_without_eyes_there_is_no_roll():
    assert roll(None) is None and roll(np.full((5, 2), np.nan)) is None
