"""Our predictor beside other products: what they are shown, how they answer, what is printed."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from attention_fer.common.console import plain_console
from benchmarks.faces.common import images_of
from benchmarks.faces.crops import scenes
from benchmarks.speed import predict
from benchmarks.speed.__main__ import main, parser
from benchmarks.speed.products import tables, turns
from benchmarks.speed.products.material import RATE, write_scenes, write_video
from benchmarks.speed.products.process import ProductAnswer, ProductError, answering

ROOT = Path(__file__).resolve().parents[2]
PORTRAIT = ROOT / "tests" / "fixtures" / "astronaut.jpg"

# Packages with the interface of the real ones: they print, find two faces in a file, one in a
# frame, and deepface answers with a face of confidence 0 where there is none.
STAND_INS = {
    "fer/fer.py": """
class FER:
    def detect_emotions(self, picture):
        print("loading")
        return [{"emotions": {}}] * (2 if isinstance(picture, str) else 1)
""",
    "deepface/DeepFace.py": """
def analyze(img_path, actions, enforce_detection, silent):
    assert list(actions) == ["emotion"] and not enforce_detection
    print("loading")
    found = [0.9, 0.8] if isinstance(img_path, str) else [0.9]
    return [{"face_confidence": score} for score in [*found, 0]]
""",
}

WITHOUT = pytest.mark.skipif(
    importlib.util.find_spec("emotiefflib") is not None, reason="emotiefflib is installed"
)


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def folder(tmp_path):
    """Photographs with one, two and no faces."""
    result = tmp_path / "photographs"
    result.mkdir()
    with Image.open(PORTRAIT) as portrait:
        pixels = np.asarray(portrait.convert("RGB"))
    Image.fromarray(pixels).save(result / "a.png")
    Image.fromarray(np.hstack([pixels, pixels])).save(result / "b.png")
    Image.new("RGB", (300, 200), "steelblue").save(result / "c.png")
    return result


@pytest.fixture
def material(folder, tmp_path):
    """What the workers get: the photographs, and each of them for a second of video."""
    options = predict_options("--pictures", str(folder), "--detector", "cascade")
    return predict.prepare(options, 3 * RATE, tmp_path)[0]


def predict_options(*given):
    return parser("predict").parse_args(["predict", *given])


def test_the_photographs_are_those_of_the_other_measurements(dataset, tmp_path):
    paths = write_scenes(str(dataset.path), 5, 3, tmp_path)
    images, _ = images_of(str(dataset.path), "test", 5, 3)
    assert len(paths) == 5
    for path, one in zip(paths, scenes(images, 3), strict=True):
        gap = np.abs(np.asarray(Image.open(path), float) - one.picture)
        left, top, side = one.square
        assert gap[top : top + side, left : left + side].mean() < 4


def test_the_video_shows_each_photograph_for_a_second(folder, tmp_path):
    paths = sorted(folder.iterdir())[::2]
    write_video(paths, 3 * RATE + 1, tmp_path / "video.avi")
    video = cv2.VideoCapture(str(tmp_path / "video.avi"))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    assert len(frames) == 3 * RATE + 1 and frames[0].shape == (480, 640, 3)
    blue = np.array([180, 130, 70])  # steelblue, BGR
    shown = [np.abs(frame[200:280, 300:340] - blue.astype(float)).mean() < 5 for frame in frames]
    assert shown == [False] * RATE + [True] * RATE + [False] * RATE + [True]


def test_our_predictor_answers_as_another_product(material, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with answering("attention_fer", sys.executable, material) as ask:
        first, second = ask("pictures", 2), ask("pictures", 4)
        assert (first.analysed, first.faces) == (2, 3)
        assert second.faces == 0 + 1 + 2 + 0  # the first photographs again
        assert 0 < second.seconds < 60 and second.megabytes > 30
        assert ask("video", RATE).faces == RATE
        assert ask("video", 2 * RATE).faces == 2 * RATE
        with pytest.raises(ProductError, match="analysed 0 of 1 video"):
            ask("video", 1)


@pytest.mark.parametrize("name", ["fer", "deepface"])
def test_what_a_product_prints_is_no_answer(name, material, tmp_path, monkeypatch):
    for path, code in STAND_INS.items():
        (tmp_path / "site" / path).parent.mkdir(parents=True)
        (tmp_path / "site" / path).write_text(code)
        (tmp_path / "site" / path).with_name("__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    with answering(name, sys.executable, material) as ask:
        assert ask("pictures", 3).faces == 6 and ask("video", 4).faces == 4


@WITHOUT
def test_a_product_that_cannot_run_says_why(material, capsys):
    def start(name, python):
        return lambda: answering(name, python, material)

    missing = {"fer": start("fer", os.devnull), "emotiefflib": start("emotiefflib", sys.executable)}
    starts = {turns.OURS: start("attention_fer", None), **missing}
    assert dict(turns.working(starts, plain_console())) == {turns.OURS: starts[turns.OURS]}
    shown = " ".join(capsys.readouterr().out.split())
    assert f"fer could not be measured: {os.devnull} must be a Python" in shown
    assert "emotiefflib could not be measured: ModuleNotFoundError" in shown


def answers(seconds, faces, megabytes):
    return [
        ProductAnswer(100, f, s, "1", m) for s, f, m in zip(seconds, faces, megabytes, strict=True)
    ]


def test_rates_leave_out_the_first_turn_and_ratios_are_of_the_same_turn(capsys):
    found = {
        "ours": answers([9, 1, 2, 4], [1, 100, 100, 100], [50, 60, 70, 80]),
        "fer": answers([9, 2, 8, 8], [1, 50, 50, 50], [500, 501, 502, 503]),
    }
    tables.show_speed(found, "Photographs", plain_console())
    tables.show_memory(found, "Photographs", plain_console())
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "ours 50.0 50.0 300" in lines
    assert "fer 12.5 (0.50; 0.38 to 0.50) 6.2 (0.25; 0.19 to 0.25) 150" in lines
    assert "ours 50 80 +30" in lines and "fer 500 503 +3" in lines
    assert "product MB after 100 MB after 400 growth" in lines


@pytest.mark.slow
@WITHOUT
def test_all_is_measured_in_one_run(folder, monkeypatch, capsys):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    for module in (predict, turns):
        monkeypatch.setattr(module, "TURN", 4)
    others = [f"attention_fer={sys.executable}", f"emotiefflib={sys.executable}"]
    given = ["--pictures", str(folder), "--detector", "cascade", "--starts", "2"]
    sizes = ["--predictions", "12", "--minutes", "0.008"]
    assert main(["predict", *given, *sizes, "--other", *others]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    text = "\n".join(lines)
    assert "3 photographs, and a video of 12 frames" in text
    assert "emotiefflib could not be measured" in text
    assert "Photographs, n = 8" in text and "Frames of the video, n = 8" in text
    # Of each turn of four photographs: 1 2 0 1, then 2 0 1 2, 0 1 2 0. The frames show the first.
    found = [line.split()[-1] for line in lines if line.startswith(("ours ", "attention_fer "))]
    assert found[-8:-6] == ["8", "8"] == found[-4:-2]


def test_wrong_arguments_are_answered_in_one_line(folder, capsys):
    def says(*given):
        assert main(["predict", *given]) == 2
        return " ".join(capsys.readouterr().err.split())

    here = ["--pictures", str(folder)]
    assert "got 'rmn=python'" in says(*here, "--other", "rmn=python")
    assert "got 'fer'" in says(*here, "--other", "fer")
    assert "got 'fer=b'" in says(*here, "--other", "fer=a", "fer=b")
    assert "predictions must be enough for 3 turns" in says(*here, "--predictions", "299")
    assert "minutes must be enough for 3 turns" in says(*here, "--minutes", "0.1")
    assert "either --pictures or --dataset" in says()
    assert "gone.onnx" in says(*here, "--detector", "yunet=gone.onnx", "--minutes", "0.2")


def test_settings_name_the_detector_and_its_weights(folder, tmp_path):
    options = predict_options("--pictures", str(folder), "--detector", "yunet=some.onnx")
    path, n = predict.prepare(options, 1, tmp_path)
    found = json.loads(path.read_text())
    assert n == len(found["pictures"]) == 3
    assert (found["detector"], found["weights"]) == ("yunet", "some.onnx")
