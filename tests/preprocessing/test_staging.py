"""A folder appears whole or not at all, and nothing of anyone else's is deleted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import preprocessing
from preprocessing import staging as module
from preprocessing.dataset import Dataset
from preprocessing.prepare import prepare
from preprocessing.staging import staging


def schematic(out, **options):
    return prepare("schematic", None, out, subjects=1, per_subject=7, **options)


def test_a_block_that_raises_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), staging(tmp_path / "out") as folder:
        (folder / "images.npy").write_bytes(b"half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_nothing_stands_under_the_name_before_the_end(tmp_path):
    with staging(tmp_path / "deep" / "out") as folder:
        (folder / "a").write_bytes(b"a")
        assert not (tmp_path / "deep" / "out").exists()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_an_older_dataset_is_replaced_only_on_request(tmp_path):
    old = schematic(tmp_path / "out").fingerprint
    with pytest.raises(FileExistsError, match="already holds a prepared dataset: give --overwrite"):
        schematic(tmp_path / "out", seed=1)
    assert Dataset.open(tmp_path / "out").fingerprint == old
    new = schematic(tmp_path / "out", seed=1, overwrite=True).fingerprint
    assert new != old and Dataset.open(tmp_path / "out").fingerprint == new
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_older_dataset_survives_a_failure(tmp_path, monkeypatch):
    old = schematic(tmp_path / "out").fingerprint
    with pytest.raises(RuntimeError), staging(tmp_path / "out", overwrite=True):
        raise RuntimeError
    rename = os.rename

    def failing(source, target):
        if str(source).endswith("partial"):
            raise OSError("disk gone")
        rename(source, target)

    monkeypatch.setattr(module.os, "rename", failing)
    with pytest.raises(OSError, match="disk gone"):
        schematic(tmp_path / "out", seed=1, overwrite=True)
    assert Dataset.open(tmp_path / "out").fingerprint == old
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("content", ["a thesis", "a dataset and a thesis", "a file", "json only"])
def test_what_is_not_a_prepared_dataset_is_never_replaced(content, overwrite, tmp_path):
    out = tmp_path / "out"
    if content == "a file":
        out.write_text("mine")
    else:
        out.mkdir()
    if content == "a dataset and a thesis":
        schematic(out)
    if "thesis" in content:
        (out / "thesis.tex").write_text("mine")
    if content == "json only":
        (out / "manifest.json").write_text('{"schema_version": 1}')
    before = sorted(out.rglob("*"))
    with pytest.raises(FileExistsError, match="holds other things than a prepared dataset's"):
        schematic(out, overwrite=overwrite)
    assert sorted(out.rglob("*")) == before and out.exists()


def test_an_empty_folder_is_taken_and_a_damaged_dataset_may_be_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    schematic(tmp_path / "out").verify()
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(manifest.read_text()[:-20])
    schematic(tmp_path / "out", overwrite=True).verify()


ENDLESS = """
import itertools, sys
from pathlib import Path
from preprocessing.sources.schematic import sample
from preprocessing.prepare import uncropped
from preprocessing.staging import staging
from preprocessing.writer import Writer
with staging(sys.argv[1]) as folder:
    rows = (uncropped(sample(0, 0, n)) for n in itertools.count())
    Writer(folder, ("angry disgust fear happy sad surprise neutral").split()).consume(rows)
"""


def test_a_killed_writer_leaves_nothing_that_looks_whole(tmp_path):
    root = str(Path(preprocessing.__file__).parents[1])
    command = [sys.executable, "-c", ENDLESS, str(tmp_path / "out")]
    process = subprocess.Popen(command, cwd=root)
    try:
        wait_for(lambda: any(path.stat().st_size > 50_000 for path in tmp_path.rglob("*.npy")))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert not (tmp_path / "out").exists()
    (husk,) = tmp_path.iterdir()
    assert husk.name.startswith(".")
    with pytest.raises(FileNotFoundError, match="manifest.json is missing"):
        Dataset.open(husk)
    schematic(tmp_path / "out").verify()  # and is in nobody's way


def wait_for(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened in time"
        time.sleep(0.02)
