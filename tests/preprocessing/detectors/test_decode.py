"""Raw heads become faces as an independent reading of the formulas says."""

from __future__ import annotations

import math

import decoding_reference
import numpy as np
import pytest

from preprocessing.detectors.decode import from_heads, from_rows, into, to_faces

STRIDES = (8, 16, 32)


def random_heads(seed: int, side: int = 64) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 2, (3, side // s, side // s, 16)).astype("float32") for s in STRIDES]


def all_rows(heads) -> np.ndarray:
    rows = [
        row
        for head, s in zip(heads, STRIDES, strict=True)
        for row in decoding_reference.decode(head, s)
    ]
    return np.array(rows, np.float32)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.9])
def test_heads_are_decoded_as_by_the_slow_reference(threshold):
    heads = random_heads(0)
    expected = [row for row in all_rows(heads) if row[4] >= threshold]
    np.testing.assert_allclose(from_heads(heads, threshold), expected, rtol=2e-4, atol=1e-3)


def test_a_threshold_of_one_leaves_nothing():
    assert from_heads(random_heads(0), 1.0).shape == (0, 16)


def test_extreme_values_neither_overflow_nor_appear():
    heads = [np.full((3, 64 // s, 64 // s, 16), -200, np.float32) for s in STRIDES]
    heads[0][0, 0, 0, 4] = heads[0][0, 0, 0, 0] = 200
    rows = from_heads(heads, 0.5)
    assert len(rows) == 1
    np.testing.assert_allclose(rows[0, :5], [12, -4, 0, 0, 1])


def test_both_forms_of_export_give_the_same_faces():
    heads, box = random_heads(1), into((50, 90), (64, 64))
    ours = to_faces(from_heads(heads, 0.4), box, 0.4, 0.5)
    theirs = to_faces(from_rows(all_rows(heads), 0.4), box, 0.4, 0.5)
    assert len(ours) == len(theirs) > 10
    np.testing.assert_allclose(ours.scores, theirs.scores, rtol=1e-5)
    np.testing.assert_allclose(ours.boxes, theirs.boxes, atol=1e-2)
    np.testing.assert_allclose(ours.landmarks, theirs.landmarks, atol=1e-2)


def one(cx, cy, width, height, objectness=1.0, face=1.0, points=(0.0,) * 10) -> np.ndarray:
    return np.array([[cx, cy, width, height, objectness, *points, face]], np.float32)


def test_the_score_is_objectness_times_face_probability():
    rows = np.concatenate([one(10, 10, 8, 8, 0.8, 0.5), one(40, 40, 8, 8, 0.8, 0.3)])
    faces = to_faces(rows, into((64, 64), (64, 64)), 0.3, 0.5)
    assert faces.scores.tolist() == pytest.approx([0.4])


def test_boxes_and_landmarks_return_to_the_photograph():
    # 200x100 goes into 64x64 as 64x32, with 16 rows of grey above: four pixels to two, shifted.
    points = (32, 32, 40, 32, 36, 36, 33, 40, 39, 40)
    faces = to_faces(one(36, 34, 16, 8, points=points), into((100, 200), (64, 64)), 0.3, 0.5)
    scale = 200 / 64
    expected = [(36 - 8) * scale, (34 - 4 - 16) * scale, 16 * scale, 8 * scale]
    np.testing.assert_allclose(faces.boxes, [expected], rtol=1e-5)
    wanted = (np.reshape(points, (5, 2)) - (0, 16)) * scale
    np.testing.assert_allclose(faces.landmarks, [wanted], rtol=1e-5)


def test_boxes_are_clipped_to_the_photograph_and_landmarks_are_not():
    faces = to_faces(one(2, 60, 20, 20, points=(-5.0,) * 10), into((64, 64), (64, 64)), 0.3, 0.5)
    np.testing.assert_allclose(faces.boxes, [[0, 50, 12, 14]])
    assert (faces.landmarks == -5).all()


def test_a_box_in_the_grey_beside_the_photograph_is_no_face():
    assert len(to_faces(one(32, 6, 10, 8), into((100, 200), (64, 64)), 0.3, 0.5)) == 0


def test_the_bound_on_objectness_loses_no_face_at_any_threshold():
    heads, box = random_heads(2), into((64, 64), (64, 64))
    for threshold in (0.05, 0.5, 0.8):
        cut = to_faces(from_heads(heads, threshold), box, threshold, 1.0)
        full = to_faces(from_heads(heads, 0.0), box, threshold, 1.0)
        assert len(cut) == len(full) > 0
        np.testing.assert_array_equal(cut.boxes, full.boxes)


@pytest.mark.parametrize("iou", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(4))
def test_suppression_keeps_what_a_naive_loop_keeps(seed, iou):
    rng = np.random.default_rng(seed)
    low, size = rng.uniform(0, 60, (80, 2)), rng.uniform(5, 40, (80, 2))
    scores = rng.uniform(0.01, 1, 80)
    boxes = np.concatenate([low, low + size], axis=1).tolist()
    kept = decoding_reference.suppress(boxes, scores.tolist(), iou)
    rows = [one(*(low[i] + size[i] / 2), *size[i], scores[i]) for i in range(80)]
    faces = to_faces(np.concatenate(rows), into((128, 128), (128, 128)), 0.0, iou)
    np.testing.assert_allclose(faces.boxes, np.hstack([low, size])[kept], rtol=1e-4)
    np.testing.assert_allclose(faces.scores, scores[kept], rtol=1e-6)


def test_of_equal_boxes_with_equal_scores_the_first_stays():
    points = np.arange(300)[:, None] + np.zeros(10)
    scores = np.tile([0.3, 0.5, 0.4], 100)
    rows = [one(9, 9, 6, 6, score, 1, at) for score, at in zip(scores, points, strict=True)]
    faces = to_faces(np.concatenate(rows), into((64, 64), (64, 64)), 0.0, 0.5)
    assert faces.scores.tolist() == [0.5] and (faces.landmarks == 1).all()


def test_boxes_without_area_and_no_boxes_do_no_harm():
    rows, box = (
        np.concatenate([one(5, 5, 0, 0, 0.9), one(5, 5, 9, 9, 0.8)]),
        into((64,) * 2, (64,) * 2),
    )
    assert to_faces(rows, box, 0.0, 0.5).scores.tolist() == pytest.approx([0.8])
    assert len(to_faces(rows[:0], box, 0.0, 0.5)) == 0


def test_the_reference_itself_is_the_logistic_function():
    assert decoding_reference.sigmoid(math.log(3)) == pytest.approx(0.75)
