"""What POST /analyze and GET /health answer, compared with the predictor and the command."""

import base64
import csv
import hashlib
import io

import numpy as np
import pytest
import requests
from PIL import Image
from served import analyze, data_uri, png, refused, running

from attention_fer import pretrained
from attention_fer.cli import main
from attention_fer.predict.given import frames_of
from attention_fer.predict.occlusion import occlusion_map
from attention_fer.predict.predictor import Predictor
from attention_fer.serve.limits import Limits


def test_it_answers_in_the_fields_of_deepface(address, photograph, predictor):
    (row,) = predictor.predict(photograph)
    (face,) = analyze(address, photograph).json()["results"]
    assert list(face) == ["emotion", "dominant_emotion", "region", "face_confidence"]
    assert face["dominant_emotion"] == row.label == "happy"
    assert face["emotion"] == {k: pytest.approx(100 * v) for k, v in row.probabilities.items()}
    assert sum(face["emotion"].values()) == pytest.approx(100)
    assert [face["region"][side] for side in "xywh"] == [round(side) for side in row.box]
    # This detector has neither scores nor eyes.
    assert face["face_confidence"] is face["region"]["left_eye"] is None


def test_the_csv_is_what_the_command_prints(address, photograph, portrait, tmp_path, capsys):
    path = tmp_path / "two, faces.png"
    path.write_bytes(png(np.hstack([portrait, portrait])))
    assert main(["predict", str(path), "--detector", "cascade", "--format", "csv"]) == 0
    printed = capsys.readouterr().out.replace(str(path), path.name)
    answer = analyze(address, path.read_bytes(), path.name, csv="true").json()
    assert answer["csv"] == printed and printed.count("\n") == 3
    read = list(csv.DictReader(io.StringIO(answer["csv"])))
    assert [float(row["x"]) for row in read] == [row["x"] for row in answer["rows"]]
    assert "csv" not in analyze(address, photograph).json()


@pytest.mark.parametrize("field", ["img", "image"])
@pytest.mark.parametrize("form", ["json", "data", "multipart"])
def test_pictures_come_as_deepface_clients_send_them(address, photograph, field, form):
    fields = {field: data_uri(photograph), "actions": ["emotion"]}
    if form == "multipart":
        answer = analyze(address, **fields)
    else:
        answer = requests.post(f"{address}/analyze", **{form: fields}, timeout=60)
    assert answer.json()["results"] == analyze(address, photograph).json()["results"]


@pytest.mark.parametrize("given", ["false", "False", "0", "no", "off"])
def test_false_is_false_in_a_form(address, empty, given):
    refused(analyze(address, empty), 422, "no face found", "enforce_detection=false")
    refused(analyze(address, empty, enforce_detection="true"), 422, "no face found")
    answer = analyze(address, empty, enforce_detection=given).json()
    assert answer["results"] == []
    assert [row["success"] for row in answer["rows"]] == [0]
    assert answer["rows"][0]["reason"].startswith("no face found")


def test_json_has_false_of_its_own(address, empty):
    fields = {"img": data_uri(empty), "enforce_detection": False}
    assert requests.post(f"{address}/analyze", json=fields, timeout=60).json()["results"] == []


def test_a_data_uri_of_a_plain_form_may_be_as_large_as_any_body(predictor, portrait):
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), "uint8")
    noise[:256, :256] = portrait
    fields = {"img": data_uri(png(noise)), "enforce_detection": "false"}
    assert len(fields["img"]) > 1_500_000
    with running(predictor, Limits(megabytes=5)) as address:
        for given in ({"data": fields}, {"json": fields}):
            answer = requests.post(f"{address}/analyze", timeout=60, **given)
            assert answer.status_code == 200, answer.text
            assert answer.json()["picture"] == {"width": 700, "height": 700}


def test_skip_takes_the_whole_picture(address, photograph, whole):
    (row,) = whole.predict(photograph)
    (face,) = analyze(address, photograph, detector_backend="skip").json()["results"]
    assert [face["region"][side] for side in "xywh"] == [0, 0, 256, 256]
    assert face["emotion"]["happy"] == pytest.approx(100 * row.probabilities["happy"])


class TiltedEyes:
    """Stands for the detector with eyes: the portrait's own, on a slope of 30 degrees."""

    name, batch, has_scores = "sloping", 1, True

    def __call__(self, images):
        from preprocessing.detectors import Faces

        box, eyes = [[93, 50, 78, 78]], [[[110, 70], [145, 90.2], [0, 0], [0, 0], [0, 0]]]
        return [Faces(np.float32(box), np.float32([0.876]), np.float32(eyes)) for _ in images]


def test_align_turns_faces_and_eyes_are_the_persons(photograph):
    predictor = Predictor(detector="cascade")
    predictor.finder._detector, predictor.finder.name = TiltedEyes(), "sloping"
    predictor.finder._least = 0.5
    with running(predictor) as address:
        turned, level = (
            analyze(address, photograph, align=given).json()["results"][0]
            for given in ("true", "false")
        )
    assert turned["region"]["left_eye"] == [145, 90]
    assert turned["region"]["right_eye"] == [110, 70]
    assert turned["face_confidence"] == 0.88
    (row,) = predictor.predict(photograph)
    assert turned["emotion"]["happy"] == pytest.approx(100 * row.probabilities["happy"])
    assert abs(turned["emotion"]["happy"] - level["emotion"]["happy"]) > 1


def test_pictures_are_upright(address, portrait):
    image = Image.fromarray(portrait).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # turned clockwise by 90 degrees when shown
    stream = io.BytesIO()
    image.crop((0, 0, 256, 250)).save(stream, "PNG", exif=exif)
    answer = analyze(address, stream.getvalue()).json()
    assert answer["picture"] == {"width": 250, "height": 256}
    assert answer["results"][0]["dominant_emotion"] == "happy"


def test_health_names_the_file_of_the_network(address):
    answer = requests.get(f"{address}/health", timeout=30).json()
    shipped = pretrained.find("fer-small", "fer2013")
    content = shipped.file("onnx").read_bytes()
    assert answer["status"] == "ok" and answer["detector"] == "cascade"
    assert answer["model"]["name"] == "fer-small/fer2013"
    assert answer["model"]["sha256"] == hashlib.sha256(content).hexdigest()
    assert answer["model"]["test"]["accuracy"] == shipped.manifest["test"]["accuracy"]
    assert answer["limits"] == {"megabytes": 1, "megapixels": 2}


def test_names_have_no_folders(address, photograph):
    for given in ("C:\\me\\笑顔.png", "../../me/笑顔.png"):
        assert analyze(address, photograph, given).json()["rows"][0]["input"] == "笑顔.png"


def test_what_it_looked_at_is_the_map_of_that_face(address, portrait, predictor):
    data = png(np.hstack([portrait, portrait[:, ::-1]]))
    (frame,) = frames_of(data)
    face = predictor.cut_out(frame, 1)
    expected = occlusion_map(predictor.network, face)
    found = analyze(address, data, looked_at=1).json()["looked_at"]
    assert (found["face_id"], found["label"]) == (1, expected.label)
    assert found["drop"] == [[pytest.approx(v, abs=1e-6) for v in row] for row in expected.drop]
    assert found["most"] == pytest.approx(expected.most) and found["most"] > 0.1
    cam = predictor.network.grad_cam(face, predictor.network.classes.index("happy"))
    np.testing.assert_allclose(found["grad_cam"], cam, atol=1e-4)
    assert found["label"] == "happy" and cam.max() == 1
    pixels = np.frombuffer(base64.b64decode(found["rgb"]), np.uint8).reshape(48, 48, 3)
    assert (pixels == face[..., None]).all()
    assert not np.array_equal(face, predictor.cut_out(frame, 0))
