"""Photographs through detectors with scores and eyes: sizes, turns, light, edges, groups."""

import io
import os
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import sklearn
from PIL import Image

from attention_fer.predict import Predictor
from attention_fer.predict.frames import Frame
from preprocessing import detectors

pytestmark = pytest.mark.data

WEIGHTS = {"yunet": "yunet/yunet_n_dynamic.onnx", "yolo5face": "yolo5face/yolov5n-0.5.onnx"}
HOPPER = Path(matplotlib.__file__).parent / "mpl-data" / "sample_data" / "grace_hopper.jpg"
NOBODY = [
    Path(sklearn.__file__).parent / "datasets" / "images" / f for f in ("china.jpg", "flower.jpg")
]
FACE = np.array([95, 46, 75, 96])  # of the portrait: x, y, width, height


def weights(detector):
    path = Path(os.environ.get("FER_DATA", "")) / WEIGHTS[detector]
    if not os.environ.get("FER_DATA") or not path.is_file():
        pytest.skip(f"no {WEIGHTS[detector]} in FER_DATA")
    return path


@pytest.fixture(scope="module", params=[name for name in WEIGHTS if name in detectors.names()])
def predictor(request):
    return Predictor(detector=request.param, weights=weights(request.param))


@pytest.fixture(scope="module")
def hopper():
    with Image.open(HOPPER) as image:
        return np.asarray(image.convert("RGB"))


def overlap(first, second):
    """Intersection over union."""
    low, high = (
        np.maximum(first[:2], second[:2]),
        np.minimum(np.add(first[:2], first[2:]), np.add(second[:2], second[2:])),
    )
    shared = np.clip(high - low, 0, None).prod()
    return shared / (np.prod(first[2:]) + np.prod(second[2:]) - shared)


def test_a_smile_and_a_sober_face(predictor, portrait, hopper):
    (smile,) = predictor.predict(portrait)
    assert smile.label == "happy" and smile.probability > 0.9 and smile.score > 0.8
    assert overlap(smile.box, FACE) > 0.7 and abs(smile.roll) < 6
    (sober,) = predictor.predict(HOPPER)
    assert sober.label == "neutral" and sober.input == str(HOPPER)
    assert sober.probabilities == predictor.predict(hopper)[0].probabilities


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_photograph_stored_turned_without_a_tag_is_read_as_if_upright(portrait, hopper, turns):
    predictor = Predictor(detector="yunet", weights=weights("yunet"))
    for picture in (portrait, hopper):
        (upright,) = predictor.predict(picture)
        (row,) = predictor.predict(np.ascontiguousarray(np.rot90(picture, turns)))
        assert abs((row.roll + 90 * turns - upright.roll + 180) % 360 - 180) < 8
        assert row.label == upright.label
        assert abs(row.probability - upright.probability) < 0.02
    # Frames of a video are upright, whatever they show, and change nothing for photographs.
    sideways = np.ascontiguousarray(np.rot90(hopper, turns))
    (photograph,), as_stored = predictor.rows(
        [Frame("photograph", sideways), Frame("clip", sideways, 0, 0.0)]
    )
    assert photograph.roll == row.roll and photograph.label == row.label
    assert abs(as_stored[0].roll or 0) < 45


@pytest.mark.parametrize("path", NOBODY, ids=lambda path: path.name)
def test_where_nobody_is_there_is_no_expression(predictor, path):
    (row,) = predictor.predict(path)
    assert row.reason == "no face found" and not row.label


@pytest.mark.parametrize("side", [80, 128, 512, 1000, 4000])
def test_a_face_of_any_size_is_the_same_face(predictor, portrait, side):
    image = Image.fromarray(portrait).resize((side, side), Image.Resampling.LANCZOS)
    (row,) = predictor.predict(image)
    assert overlap(row.box, FACE * side / 256) > 0.6
    assert row.label == "happy" and row.probability > 0.8


@pytest.mark.parametrize("side", [45, 50])
def test_tiny_faces_are_reported_without_expression(predictor, portrait, side):
    (row,) = predictor.predict(Image.fromarray(portrait).resize((side, side)))
    assert row.reason == "face too small" and row.label == "" and row.probability is None
    assert row.width < 20 and row.score > 0.6


@pytest.mark.parametrize("degrees", [-40, -25, 25, 40])
def test_a_tilted_face_is_turned_upright(predictor, portrait, degrees):
    image = Image.fromarray(portrait).rotate(degrees, expand=True, fillcolor=(128, 128, 128))
    (row,) = predictor.predict(image)
    assert row.label == "happy" and row.probability > 0.8
    assert np.sign(row.roll) == -np.sign(degrees) and abs(row.roll) > 8


def test_light_mirror_and_compression_do_not_change_the_answer(predictor, portrait):
    stream = io.BytesIO()
    Image.fromarray(portrait).save(stream, "JPEG", quality=50)
    dark = (portrait * 0.15).astype("uint8")
    for picture in (dark, portrait[:, ::-1], stream.getvalue()):
        (row,) = predictor.predict(picture)
        assert row.label == "happy" and row.probability > 0.8


def test_a_group_is_numbered_by_size(predictor, portrait, hopper):
    canvas = np.full((1200, 1600, 3), 200, "uint8")
    canvas[:512, :512] = np.asarray(Image.fromarray(portrait).resize((512, 512)))
    canvas[600:1200, :512] = hopper
    canvas[:300, 600:856] = np.asarray(Image.fromarray(hopper).resize((256, 300)))
    canvas[400:656, 900:1156] = portrait
    rows = predictor.predict(canvas)
    assert [row.face_id for row in rows] == [0, 1, 2, 3]
    assert [row.label for row in rows] == ["neutral", "happy", "neutral", "happy"]
    areas = [row.width * row.height for row in rows]
    assert areas == sorted(areas, reverse=True)


def test_a_face_at_the_edge_stays_within_and_leaves_its_neighbour_alone(
    predictor, portrait, hopper
):
    large = np.asarray(Image.fromarray(portrait).resize((512, 512)))
    half = large[:, 205:]
    (edge,) = predictor.predict(half)
    assert edge.x == 0 and edge.label == "happy"
    (alone,) = predictor.predict(hopper[:512])
    neighbour, cut = predictor.predict(np.hstack([half, hopper[:512]]))
    assert cut.x == 0 and cut.label == "happy"
    assert overlap(neighbour.box, np.add(alone.box, (half.shape[1], 0, 0, 0))) > 0.8
    assert neighbour.label == alone.label == "neutral"
    (top,) = predictor.predict(large[110:])
    assert top.y < 1 and top.label == "happy"


def test_the_least_score_is_honoured(predictor, portrait):
    (row,) = predictor.predict(portrait)
    strict = Predictor(
        detector=predictor.finder.name, weights=weights(predictor.finder.name), min_score=0.99
    )
    (none,) = strict.predict(portrait)
    assert none.reason == "no face found" and f"best score {row.score:.2f}"[:14] in none.detail
    assert "below 0.99" in none.detail
    lower = Predictor(
        detector=predictor.finder.name, weights=weights(predictor.finder.name), min_score=0.1
    )
    assert len(lower.predict(NOBODY[1])) >= 1 and lower.finder.describe()["threshold"] == 0.1
