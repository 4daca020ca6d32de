"""Predictions: right faces, right probabilities, whatever form a picture has."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from attention_fer import pretrained
from attention_fer.predict import FaceRow, Frame, Predictor, defaults
from attention_fer.predict.faces import FoundFace
from attention_fer.predict.given import frames_of
from attention_fer.predict.predictor import _place
from attention_fer.predict.rows import columns
from preprocessing import detectors
from preprocessing.faces.crops import CropSettings, crop

FIXTURE = Path(__file__).parents[2] / "fixtures" / "astronaut.jpg"
CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def probabilities(row):
    assert row.success and tuple(row.probabilities) == CLASSES
    return np.array(list(row.probabilities.values()))


def reference(image, box):
    """What the shipped file says of a face that OpenCV has cut out."""
    settings = CropSettings(like="fer2013", size=48)
    face = crop(image, box, None, settings).reshape(1, 48, 48, 1)
    network = pretrained.find("fer-small", "fer2013")
    session = onnxruntime.InferenceSession(network.file("onnx"))
    return session.run(None, {"pixels": face.astype("float32")})[0][0]


def test_a_face_gets_the_probabilities_of_the_network_that_comes_with_the_package(
    predictor, portrait
):
    (row,) = predictor.predict(portrait)
    (found,) = detectors.make("cascade")([portrait])
    assert row.box == tuple(found.boxes[0].tolist())
    p = probabilities(row)
    # One grey level apart at most: OpenCV and NumPy cut the face.
    np.testing.assert_allclose(p, reference(portrait, row.box), atol=0.02)
    assert p.min() >= 0 and math.isclose(p.sum(), 1, abs_tol=1e-12)
    assert row.label == CLASSES[p.argmax()] == "happy" and row.probability == p.max()
    assert math.isclose(row.margin, np.sort(p)[-1] - np.sort(p)[-2])
    assert (row.input, row.frame, row.timestamp_s, row.face_id) == ("0", 0, None, 0)
    assert row.score is None and row.roll is None  # the cascade has neither
    shipped = pretrained.find("fer-small", "fer2013").manifest["files"]["onnx"]["sha256"]
    assert (row.model, row.model_sha256) == ("fer-small/fer2013", shipped)
    assert row.detector == "cascade" and row.reason == ""


def test_every_form_of_a_picture_gives_the_same(predictor, portrait, tmp_path):
    path = tmp_path / "portrait.png"
    Image.fromarray(portrait).save(path)
    (expected,) = predictor.predict(portrait)
    forms = [path, str(path), path.read_bytes(), Image.open(path), Frame("x", portrait)]
    for form in forms:
        (row,) = predictor.predict(form)
        assert row.probabilities == expected.probabilities and row.box == expected.box
    (bgr,) = predictor.predict(portrait[..., ::-1], channels="bgr")
    assert bgr.probabilities == expected.probabilities
    (wrong,) = predictor.predict(portrait[..., ::-1])
    assert np.abs(probabilities(wrong) - probabilities(expected)).max() > 1e-3


def test_a_grey_array_has_no_order_of_channels():
    grey = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for given in (grey, grey[..., None], [grey]):
        (frame,) = frames_of(given, "bgr")
        np.testing.assert_array_equal(frame.pixels, grey)


def test_several_pictures_keep_their_order_and_names(predictor, portrait, tmp_path):
    path = tmp_path / "one.png"
    Image.fromarray(portrait).save(path)
    blank = np.full((100, 100, 3), 90, np.uint8)
    rows = predictor.predict([portrait, blank, str(path)])
    assert [row.input for row in rows] == ["0", "1", str(path)]
    assert [row.success for row in rows] == [True, False, True]
    stacked = predictor.predict(np.stack([portrait, portrait[:, ::-1]]))
    assert [row.input for row in stacked] == ["0", "1"]
    assert stacked[0].probabilities == rows[0].probabilities


def test_a_stream_is_used_up_as_rows_are_taken(predictor, portrait):
    taken = []

    def endless():
        while True:
            taken.append(None)
            yield Frame("camera", portrait, len(taken) - 1, len(taken) / 25)

    stream = predictor.stream(endless(), batch=2)
    first, second, third = (next(stream) for _ in range(3))
    assert len(taken) == 4  # two groups of two
    assert [rows[0].frame for rows in (first, second, third)] == [0, 1, 2]
    assert third[0].timestamp_s == 3 / 25 and third[0].input == "camera"
    with pytest.raises(ValueError, match=r"batch must be .* got|given: 0"):
        next(predictor.stream([portrait], batch=0))


def test_faces_of_several_frames_go_through_the_network_together(portrait):
    predictor = Predictor(detector="none")
    sizes = []
    run = predictor.network.outputs
    object.__setattr__(
        predictor.network, "outputs", lambda faces: sizes.append(len(faces)) or run(faces)
    )
    faces = [portrait[40:150, 80:180], portrait[:, ::-1], portrait[60:120, 100:160]]
    rows = predictor.predict(faces)
    assert sizes == [3]
    for face, row in zip(faces, rows, strict=True):
        (alone,) = predictor.predict(face)
        np.testing.assert_allclose(probabilities(alone), probabilities(row), atol=1e-6)


def test_many_faces_are_numbered_by_size_and_equal_those_of_single_pictures(predictor, portrait):
    small = np.asarray(Image.fromarray(portrait).resize((160, 160)))
    canvas = np.full((600, 800, 3), 255, np.uint8)
    canvas[20:180, 20:180] = small
    canvas[200:456, 300:556] = portrait
    large, little = predictor.predict(canvas)
    assert (large.face_id, little.face_id) == (0, 1) and large.width > little.width
    assert 300 < large.x < 556 and 20 < little.x < 180
    for row in (large, little):
        np.testing.assert_allclose(
            probabilities(row), reference(canvas, row.box), atol=0.02, err_msg=str(row)
        )
    (only,) = Predictor(detector="cascade", largest=True).predict(canvas)
    assert only.box == large.box


def test_a_neighbour_at_the_edge_changes_nothing(predictor, portrait):
    half = portrait[:, 105:]  # the face is cut
    pair = np.hstack([half, portrait])
    (alone,) = predictor.predict(portrait)
    rows = predictor.predict(pair)
    (same,) = [row for row in rows if row.x > half.shape[1]]
    assert abs(same.x - half.shape[1] - alone.x) <= 3
    np.testing.assert_allclose(
        probabilities(same), reference(portrait, (same.x - 151, *same.box[1:])), atol=0.02
    )


@pytest.mark.parametrize(
    ("box", "inside"),
    [
        ((-8, -1.5, 20, 30), (0, 0, 12, 28.5)),
        ((40, 30, 20.126, 30), (40, 30, 10, 10)),
        ((5, 6, 7.129, 8), (5, 6, 7.13, 8)),
    ],
)
def test_a_box_that_reaches_beyond_the_picture_is_told_within_it(box, inside):
    face = FoundFace(box, score=0.5)
    known = _place(face, (40, 50, 3))
    assert tuple(known[name] for name in ("x", "y", "width", "height")) == inside
    assert known["score"] == 0.5 and known["roll"] is None


def test_a_picture_without_a_face_gets_a_row_and_no_expression(predictor):
    (row,) = predictor.predict(np.full((300, 400, 3), 200, np.uint8))
    assert (row.success, row.reason, row.label) == (False, "no face found", "")
    assert row.box is None and row.probability is None and row.probabilities == {}
    values = row.values(CLASSES)
    assert tuple(values) == columns(CLASSES) == predictor.columns
    assert values["happy"] is None and values["success"] == 0


def test_a_small_picture_without_a_face_hints_at_crops(predictor, cropped, portrait):
    crop = np.asarray(Image.fromarray(portrait).crop((96, 50, 168, 140)).resize((48, 48)))
    (row,) = predictor.predict(crop)
    assert not row.success and "detector none" in row.detail
    (row,) = cropped.predict(crop)
    assert row.label == "happy" and row.box == (0, 0, 48, 48) and row.detector == "none"


def test_faces_below_the_least_size_are_reported_without_expression(portrait):
    predictor = Predictor(detector="cascade", min_size=90)
    (row,) = predictor.predict(portrait)
    assert row.reason == "face too small" and "below min_size 90" in row.detail
    assert not row.success and row.box is not None and row.face_id == 0
    assert row.label == "" and row.probabilities == {}


@pytest.mark.parametrize(
    "shade", [0, 60, 128, 200, 255, *("noise", "dark noise", "lines")], ids=str
)
def test_what_is_no_face_is_not_one_confident_expression(cropped, shade):
    rng = np.random.default_rng(0)
    made = {
        "noise": rng.integers(0, 256, (48, 48), "uint8"),
        "dark noise": rng.integers(0, 40, (48, 48), "uint8"),
        "lines": np.tile(np.array([0, 255] * 24, "uint8"), (48, 1)),
    }
    picture = made[shade] if isinstance(shade, str) else np.full((48, 48), shade, "uint8")
    (row,) = cropped.predict(picture)
    assert row.probability < 0.9


def test_other_arrays_are_refused_with_what_is_expected(predictor, portrait):
    for array in (portrait / 255, portrait[..., :2], np.zeros((0, 5, 3), "uint8"), portrait[0, 0]):
        with pytest.raises(ValueError, match="must be uint8"):
            predictor.predict(array)
    for given in (None, 3, [4]):
        with pytest.raises(TypeError, match="must be a path"):
            predictor.predict(given)
    with pytest.raises(ValueError, match="'rgba'"):
        predictor.predict(portrait, channels="rgba")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        predictor.predict("nowhere.png")
    with pytest.raises(FileNotFoundError, match="Nothing is downloaded"):
        predictor.predict("https://example.org/a.png")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"detector": "cascad"}, ["detector", "'cascade'", "'none'"]),
        ({"detector": "cascade", "min_score": 0.5}, ["min_score", "no scores", "0.5"]),
        ({"detector": "cascade", "weights": "x.onnx"}, ["weights", "cascade"]),
        ({"detector": "cascade", "min_score": 1.5}, ["min_score", "0 to 1", "1.5"]),
        ({"detector": "none", "min_score": 0.5}, ["min_score and roi have no effect"]),
        ({"detector": "none", "min_size": -1}, ["min_size", "-1"]),
        ({"model": "fer-smal", "detector": "none"}, ["'fer-small/fer2013'", ".onnx"]),
    ],
)
def test_options_that_do_not_fit_are_refused(options, words):
    with pytest.raises(ValueError) as caught:
        Predictor(**options)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.slow
def test_memory_does_not_grow(portrait):
    """Resident memory after 200 and after 1,000 predictions, in megabytes."""
    code = (
        "import sys, numpy as np\n"
        "from PIL import Image\n"
        "from attention_fer.predict import Predictor\n"
        "def resident():\n"
        "    return int(open('/proc/self/statm').read().split()[1]) * 4096 / 1e6\n"
        "p, face = Predictor(detector='none', threads=1), np.asarray(Image.open(sys.argv[1]))\n"
        "for number in range(1000):\n"
        "    p.predict(face)\n"
        "    if number == 200: before = resident()\n"
        "print(resident() - before)"
    )
    if not Path("/proc/self/statm").exists():
        pytest.skip("no /proc")
    done = subprocess.run(
        [sys.executable, "-c", code, str(FIXTURE)], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 20


def test_the_default_detector_is_that_of_the_preparation():
    assert defaults.DETECTOR == detectors.DEFAULT


def test_a_class_must_not_hide_another_column():
    with pytest.raises(ValueError, match="'score'"):
        columns(("happy", "score"))
    both = columns(("a", "b"), smoothed=True)
    row = FaceRow("v", probabilities={"a": 0.1, "b": 0.9}, smoothed={"a": 0.2, "b": 0.8})
    assert tuple(row.values(("a", "b"), smoothed=True)) == both
    assert row.values(("a", "b"), smoothed=True)["smoothed_b"] == 0.8
