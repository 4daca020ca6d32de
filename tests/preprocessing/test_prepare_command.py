"""``python -m preprocessing.run`` as a person uses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import preprocessing
from preprocessing import sources
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
    assert "seen 28, used 28" in shown.out and dataset.fingerprint in shown.out
    assert "validation" in shown.out and "surprise" in shown.out
    assert "note: train has 14 images, published are 28,709" in shown.err


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


def _error(capsys, *arguments):
    assert main(list(arguments)) == 2
    text = capsys.readouterr().err
    assert "Traceback" not in text and text.count("error:") == 1
    return text


def test_errors_are_one_clear_line(source, tmp_path, capsys):
    out = ("--out", str(tmp_path / "out"))
    assert "did you mean 'fer2013'" in _error(capsys, "--dataset", "fer2031", *out)
    missing = _error(capsys, "--dataset", "fer2013", *out)
    assert "fer2013 needs --source: give fer2013.csv" in missing
    assert "no file or directory" in _error(
        capsys, "--dataset", "fer2013", "--source", str(tmp_path / "nowhere"), *out
    )
    seeded = _error(capsys, "--dataset", "fer2013", "--source", source, "--seed", "1", *out)
    assert "fer2013 has no option 'seed'" in seeded
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    taken = _error(capsys, "--dataset", "fer2013", "--source", source, "--overwrite", *out)
    assert "holds other things" in taken
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "raw"]


def test_overwriting_needs_the_flag(source, tmp_path, capsys):
    command = ["--dataset", "fer2013", "--source", source, "--out", str(tmp_path / "out")]
    assert main(command) == 0
    capsys.readouterr()
    assert "give --overwrite" in _error(capsys, *command)
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
    assert done.stderr.strip() == (
        "error: unknown dataset 'shematic': did you mean 'schematic'? "
        f"known are {', '.join(sources.names())}"
    )
