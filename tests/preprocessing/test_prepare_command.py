"""``python -m preprocessing.run`` as a person uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_models
import pytest

import preprocessing
from preprocessing import detectors, sources
from preprocessing.dataset import Dataset
from preprocessing.run import main
from preprocessing.sources.schematic import sample


@pytest.fixture
def source(raw, tmp_path):
    return str(raw.zip(tmp_path / "raw" / "archive.zip", raw.folders()))


def test_it_prepares_and_summarises(source, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["--dataset", "fer2013", "--source", source]) == 0
    dataset = Dataset.open(tmp_path / "data" / "fer2013")  # the default place
    dataset.verify()
    shown = capsys.readouterr()
    assert "fer2013: archive.zip/folders in ." in shown.out
    assert "seen 28, used 28" in shown.out and dataset.fingerprint in shown.out
    assert "validation" in shown.out and "surprise" in shown.out
    assert "warning: train has 14 images instead of the published 28,709" in shown.err


def test_options_reach_the_preparation(tmp_path):
    out = tmp_path / "out"
    command = ["--dataset", "schematic", "--seed", "3", "--out", str(out), "--drop-flat"]
    assert main(command) == 0
    dataset = Dataset.open(out)
    assert np.array_equal(dataset.images[10, :, :, 0], sample(3, 0, 10).load())
    assert dataset.synthetic and len(dataset) == 3430
    assert dataset.manifest["parameters"] == {
        "source": None,
        "options": {"seed": 3},
        "without": [],
        "faces": {"detector": None, "size": None, "colour": None},
        "drop_flat": True,
        "drop_duplicates": False,
    }


@pytest.fixture
def tiny(tmp_path):
    """A network that finds a face in the middle of everything."""
    return str(onnx_models.brightness(tmp_path / "tiny.onnx"))


def _error(capsys, *arguments):
    assert main(list(arguments)) == 2
    text = capsys.readouterr().err
    assert "Traceback" not in text and text.count("error:") == 1
    return text


def test_errors_are_one_clear_line(source, tmp_path, capsys):
    out = ("--out", str(tmp_path / "out"))
    assert "Did you mean 'fer2013'" in _error(capsys, "--dataset", "fer2031", *out)
    missing = _error(capsys, "--dataset", "fer2013", *out)
    assert "fer2013 needs --source" in missing and "fer2013.csv" in missing
    assert "No file or directory" in _error(
        capsys, "--dataset", "fer2013", "--source", str(tmp_path / "nowhere"), *out
    )
    seeded = _error(capsys, "--dataset", "fer2013", "--source", source, "--seed", "1", *out)
    assert "fer2013 has no option --seed. Its options are: none" in seeded
    ranged = _error(capsys, "--dataset", "ckplus", "--source", source, "--range", "0", "1", *out)
    assert "ckplus has no option --range. Its options are: --frames, --no-neutral." in ranged
    generated = _error(capsys, "--dataset", "schematic", "--source", str(tmp_path / "no"), *out)
    assert "schematic reads no files" in generated
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    taken = _error(capsys, "--dataset", "fer2013", "--source", source, "--overwrite", *out)
    assert "not a prepared dataset" in taken
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "raw"]


@pytest.fixture
def tree(raw, tmp_path):
    """Two classes of photographs without faces."""
    files = {f"{label}/{n}.png": raw.encode(raw.face(n)) for n, label in enumerate("abab")}
    return str(raw.directory(tmp_path / "tree", files))


def test_names_cannot_steer_the_terminal(raw, tmp_path, capsys):
    labels = "a\x1b[2J", "b"
    files = {f"{label}/{n}.png": raw.encode(raw.face(n)) for n, label in enumerate(labels)}
    source = str(raw.directory(tmp_path / "tree", files))
    out = ("--out", str(tmp_path / "out"), "--detector", "none")
    assert main(["--dataset", "folder", "--source", source, *out]) == 0
    assert main(["--check", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr()
    assert "\x1b[2J" not in shown.out + shown.err and "\\x1b[2J" in shown.out


def test_a_wrong_request_is_told_before_any_weights_are_fetched(
    tree, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("ATTENTION_FER_CACHE", str(tmp_path / "cache"))
    folder = ("--dataset", "folder", "--out", str(tmp_path / "out"))
    assert "folder needs --source" in _error(capsys, *folder)
    assert "No file or directory" in _error(capsys, *folder, "--source", str(tmp_path / "no"))
    taken = ("--dataset", "folder", "--source", tree, "--out", str(tmp_path))
    assert "not a prepared dataset" in _error(capsys, *taken)
    asked = ("--detector", "none", "--weights", "n")
    assert "--weights has no effect" in _error(capsys, *folder, "--source", tree, *asked)


def test_a_lower_confidence_lowers_what_the_detector_gives(tree, tiny):
    from preprocessing import run, sources

    finder = ("--detector", "yolo5face", "--weights", tiny)
    args = ("--dataset", "folder", "--source", tree, *finder, "--min-confidence")
    for asked, threshold in ((0.1, 0.1), (0.8, 0.3)):
        faces = run._faces(run.parser().parse_args([*args, str(asked)]), sources.get("folder"))
        assert faces.detector.threshold == threshold
        assert faces.describe()["min_confidence"] == asked


def test_photographs_go_through_the_default_detector(tree):
    from preprocessing import run, sources

    args = run.parser().parse_args(["--dataset", "folder", "--source", tree])
    assert run._detector(args, sources.get("folder")) == "yunet" == detectors.DEFAULT
    assert run._detector(args, sources.get("fer2013")) == "none"


def test_a_library_that_is_missing_is_one_clear_line(tree, tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    out = ("--out", str(tmp_path / "out"), "--weights", tiny)
    assert "yunet needs ONNX Runtime" in _error(
        capsys, "--dataset", "folder", "--source", tree, *out
    )


def test_photographs_without_a_detector_get_one_size_and_a_name(tree, tmp_path, capsys):
    out = tmp_path / "holiday"
    command = ["--dataset", "folder", "--source", tree, "--out", str(out), "--detector", "none"]
    assert main([*command, "--sheet"]) == 0
    dataset = Dataset.open(out)
    assert dataset.images.shape == (4, 48, 48, 1) and dataset.name == "holiday"
    assert "contact sheets in" in capsys.readouterr().out
    assert sorted(path.name for path in (out / "sheets").iterdir())[-1] == "dropped.png"


def test_checking_prints_a_card_and_says_whether_it_is_sound(tree, tmp_path, capsys):
    out = tmp_path / "out"
    main(["--dataset", "folder", "--source", tree, "--out", str(out), "--detector", "none"])
    capsys.readouterr()
    assert main(["--check", str(out)]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("# out\n") and "is sound" in shown.err
    (out / "images.npy").write_bytes((out / "images.npy").read_bytes()[:-1] + b"?")
    assert main(["--check", str(out)]) == 1
    shown = capsys.readouterr()
    assert "Do not use it as it is" in shown.out and "error:" in shown.err
    assert "--drop-flat has no effect with --check" in _error(
        capsys, "--check", str(out), "--drop-flat"
    )
    for given in (["--range", "0", "1"], ["--no-neutral"]):
        assert f"{given[0]} has no effect" in _error(capsys, "--check", str(out), *given)


def test_an_empty_folder_name_is_no_unknown_dataset(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["--check", ""]) == 1
    shown = capsys.readouterr()
    assert "manifest.json is missing" in shown.err and "dataset: None" not in shown.err


def test_overwriting_needs_the_flag(source, tmp_path, capsys):
    command = ["--dataset", "fer2013", "--source", source, "--out", str(tmp_path / "out")]
    assert main(command) == 0
    capsys.readouterr()
    assert "--overwrite" in _error(capsys, *command)
    assert main([*command, "--overwrite"]) == 0


def test_it_runs_as_a_module(tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "preprocessing.run", "--dataset", "shematic"],
        cwd=Path(preprocessing.__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and "Did you mean 'schematic'?" in done.stderr
    assert all(repr(name) in done.stderr for name in sources.names())
