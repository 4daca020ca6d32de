"""OpenCV's cascade finds a frontal face, and says so where this OpenCV has none."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import onnx_models
import pytest

from preprocessing import detectors

present = hasattr(cv2, "CascadeClassifier")
needed = pytest.mark.skipif(not present, reason="this OpenCV has no cascades: install 4")


@needed
def test_it_finds_the_face_and_gives_neither_score_nor_landmarks(astronaut):
    (faces,) = detectors.make("cascade")([astronaut])
    assert len(faces) == 1
    x, y, width, height = faces.boxes[0]
    assert x < 110 < x + width and y < 75 < y + height and 50 < width < 110
    assert np.isnan(faces.scores).all() and np.isnan(faces.landmarks).all()


@needed
def test_boxes_are_in_pixels_of_the_photograph_when_it_is_shrunk(astronaut):
    large = cv2.resize(astronaut, (512, 512), interpolation=cv2.INTER_NEAREST)
    (small,) = detectors.make("cascade")([astronaut])
    (found,) = detectors.make("cascade", input_size=256)([large])
    np.testing.assert_allclose(found.boxes, 2 * small.boxes)


@needed
@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (23, 23), (200, 301)])
def test_it_finds_nothing_in_noise_of_any_size(size):
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert len(detectors.make("cascade")([noise])[0]) == 0


@needed
def test_threads_share_a_detector_without_disturbing_each_other(astronaut):
    detector = detectors.make("cascade")
    views = [np.ascontiguousarray(np.roll(astronaut, 8 * n, axis=1)) for n in range(12)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda view: detector([view])[0].boxes.tolist(), views))
    assert together == [found.boxes.tolist() for found in detector(views)]
    assert sum(map(len, together)) >= 8


@needed
def test_the_description_names_the_trained_cascade():
    about = detectors.make("cascade").describe()
    assert about["weights"] == "haarcascade_frontalface_default.xml"
    assert about["sha256"].startswith("0f7d4527")
    assert about["library"] == f"opencv {cv2.__version__}"


@needed
@pytest.mark.parametrize("option", [{"step": 1.0}, {"neighbours": 0}, {"input_size": 0}])
def test_options_out_of_range_are_refused(option):
    with pytest.raises(ValueError, match=f"{next(iter(option))} must be"):
        detectors.make("cascade", **option)


def test_opencv_5_is_answered_with_what_to_do_and_stops_no_other_detector(monkeypatch, tmp_path):
    monkeypatch.delattr(cv2, "CascadeClassifier", raising=False)
    with pytest.raises(
        ImportError, match='OpenCV 4, got .* "opencv-python-headless<5"`, or .*yunet'
    ):
        detectors.make("cascade")
    path = onnx_models.brightness(tmp_path / "x.onnx")
    (faces,) = detectors.make("yolo5face", weights=path)([np.zeros((64, 64, 3), np.uint8)])
    assert len(faces) == 1
