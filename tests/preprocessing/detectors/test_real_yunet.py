"""The published YuNet finds faces of all sizes where OpenCV and the eye find them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from test_real_weights import BOX, POINTS

from preprocessing import detectors
from preprocessing.detectors.suppression import suppress

pytestmark = pytest.mark.data


@pytest.fixture
def detector(yunet):
    return detectors.make("yunet", weights=yunet / "yunet_n_dynamic.onnx", threshold=0.5)


def enlarged(image, side):
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR)


def pictures(astronaut):
    """Pictures of 640x640 pixels with a large face, two of different sizes, none, and noise."""
    large, both = enlarged(astronaut, 640), np.full((640, 640, 3), 114, np.uint8)
    both[20:520, 100:600], both[530:630, :100] = enlarged(astronaut, 500), enlarged(astronaut, 100)
    noise = np.random.default_rng(0).integers(0, 256, (640, 640, 3), np.uint8)
    return [large, both, np.ascontiguousarray(both[:, ::-1]), np.zeros_like(both), noise]


@pytest.mark.skipif(not hasattr(cv2, "FaceDetectorYN"), reason="this OpenCV has no FaceDetectorYN")
def test_boxes_scores_and_landmarks_are_those_of_opencv(yunet, astronaut):
    path = yunet / "yunet_s_640_640.onnx"
    ours = detectors.make("yunet", weights=path, threshold=0.5)
    theirs = cv2.FaceDetectorYN.create(str(path), "", (640, 640), 0.5, 0.3, 5000)
    number = 0
    for picture in pictures(astronaut):
        boxes, scores, points = ours._search(picture, 640)  # OpenCV searches one size
        kept = suppress(boxes, scores, 0.3)
        rows = theirs.detect(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1]
        rows = np.empty((0, 15), np.float32) if rows is None else rows[np.argsort(-rows[:, 14])]
        np.testing.assert_allclose(boxes[kept], rows[:, :4], atol=0.05)
        np.testing.assert_allclose(points[kept].reshape(-1, 10), rows[:, 4:14], atol=0.05)
        np.testing.assert_allclose(scores[kept], rows[:, 14], atol=1e-3)
        number += len(kept)
    assert number >= 4


def test_the_face_and_its_landmarks_are_where_one_sees_them(detector, astronaut):
    (faces,) = detector([astronaut])
    assert len(faces) == 1 and faces.scores[0] > 0.8
    np.testing.assert_allclose(faces.boxes[0], BOX, atol=8)
    np.testing.assert_allclose(faces.landmarks[0], POINTS, atol=6)


def test_a_mirrored_face_has_its_left_eye_at_the_image_s_left_again(detector, astronaut):
    (faces,) = detector([np.ascontiguousarray(astronaut[:, ::-1])])
    mirrored = np.array(POINTS)[[1, 0, 2, 4, 3]]
    mirrored[:, 0] = 256 - mirrored[:, 0]
    np.testing.assert_allclose(faces.landmarks[0], mirrored, atol=6)


@pytest.mark.parametrize("side", [100, 600, 1200, 3000])
def test_the_place_and_size_of_the_face_are_those_in_the_photograph(side, detector, astronaut):
    photograph = np.full((side + 200, side + 333, 3), 90, np.uint8)
    photograph[150 : 150 + side, 40 : 40 + side] = enlarged(astronaut, side)
    (faces,) = detector([photograph])
    expected = np.multiply(BOX, side / 256) + (40, 150, 0, 0)
    assert len(faces) == 1 and faces.scores[0] > 0.9
    np.testing.assert_allclose(faces.boxes[0], expected, atol=0.05 * side)


def test_a_face_too_large_for_the_first_search_is_found_at_half_the_size(detector, astronaut):
    face = enlarged(astronaut[30:150, 70:190], 1200)
    expected = (np.array(BOX) - (70, 30, 0, 0)) * 10
    first = detector._search(face, 1200)[0]
    assert len(first) and (np.abs(first - expected).max(axis=1) > 200).all()
    (faces,) = detector([face])
    assert len(faces) == 1 and faces.scores[0] > 0.9
    np.testing.assert_allclose(faces.boxes[0], expected, atol=80)


def test_large_and_small_faces_of_one_photograph_are_found(detector, astronaut):
    group = np.full((1200, 1280, 3), 114, np.uint8)
    group[:1100, :1100] = enlarged(astronaut[30:150, 70:190], 1100)
    group[1130:1190, 1150:1210] = enlarged(astronaut[30:150, 70:190], 60)
    (faces,) = detector([group])
    wanted = (np.array(BOX) - (70, 30, 0, 0)) / 120
    expected = [wanted * 1100, wanted * 60 + (1150, 1130, 0, 0)]
    assert len(faces) == 2
    for box, place in zip(faces.boxes, expected, strict=True):
        np.testing.assert_allclose(box, place, atol=0.15 * place[3])


def test_there_is_no_face_in_noise_of_any_size_and_threads_agree(detector, astronaut):
    rng = np.random.default_rng(0)
    sizes = [(1, 1), (1, 5000), (3000, 2), (333, 517)]
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes] + [astronaut]
    counts = [len(faces) for faces in detector(images)]
    assert counts == [0, 0, 0, 0, 1]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda image: len(detector([image])[0]), images)) == counts


def test_the_published_name_means_the_published_file(yunet, cache):
    cache.mkdir()
    (cache / "yunet_n_dynamic.onnx").write_bytes((yunet / "yunet_n_dynamic.onnx").read_bytes())
    assert detectors.make("yunet").describe()["sha256"].startswith("104ee26c")
