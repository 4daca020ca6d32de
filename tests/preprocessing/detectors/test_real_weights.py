"""The published export finds a face, with its landmarks in order, wherever the face is."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from preprocessing import detectors

pytestmark = pytest.mark.data
BOX = (93, 44, 78, 100)  # x, y, width, height
POINTS = ((116, 80), (150, 82), (132, 102), (114, 111), (148, 113))


@pytest.fixture
def detector(weights):
    return detectors.make("yolo5face", weights=weights / "yolov5n-0.5.onnx", threshold=0.5)


def test_the_face_and_its_landmarks_are_where_one_sees_them(detector, astronaut):
    (faces,) = detector([astronaut])
    assert len(faces) == 1 and faces.scores[0] > 0.7
    np.testing.assert_allclose(faces.boxes[0], BOX, atol=8)
    np.testing.assert_allclose(faces.landmarks[0], POINTS, atol=6)


def test_a_mirrored_face_has_its_left_eye_at_the_image_s_left_again(detector, astronaut):
    (faces,) = detector([np.ascontiguousarray(astronaut[:, ::-1])])
    mirrored = np.array(POINTS)[[1, 0, 2, 4, 3]]
    mirrored[:, 0] = 256 - mirrored[:, 0]
    np.testing.assert_allclose(faces.landmarks[0], mirrored, atol=6)


def test_the_place_and_size_of_the_face_are_those_in_the_photograph(detector, astronaut):
    large = cv2.resize(astronaut, (400, 400), interpolation=cv2.INTER_AREA)
    photograph = np.full((900, 1601, 3), 90, np.uint8)
    photograph[300:700, 1001:1401] = large
    (faces,) = detector([photograph])
    scale = 400 / 256
    expected = np.multiply(BOX, scale) + (1001, 300, 0, 0)
    assert len(faces) == 1
    np.testing.assert_allclose(faces.boxes[0], expected, atol=16)


def test_there_is_no_face_in_noise_of_any_size_and_threads_agree(detector, astronaut):
    rng = np.random.default_rng(0)
    sizes = [(1, 1), (1, 5000), (3000, 2), (333, 517)]
    images = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes] + [astronaut]
    counts = [len(faces) for faces in detector(images)]
    assert counts == [0, 0, 0, 0, 1]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda image: len(detector([image])[0]), images)) == counts
