"""A folder appears whole or not at all, and nothing of anyone else's is deleted."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import preprocessing
from preprocessing.dataset import Dataset
from preprocessing.dataset import staging as module
from preprocessing.dataset.staging import staging
from preprocessing.prepare import prepare


def schematic(out, **options):
    return prepare("schematic", None, out, subjects=1, per_subject=7, notice=[].append, **options)


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
    with pytest.raises(FileExistsError, match="already holds a prepared dataset.*--overwrite"):
        schematic(tmp_path / "out", seed=1)
    assert Dataset.open(tmp_path / "out").fingerprint == old
    new = schematic(tmp_path / "out", seed=1, overwrite=True).fingerprint
    assert new != old and Dataset.open(tmp_path / "out").fingerprint == new
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_pictures_of_ones_own_among_the_contact_sheets_are_not_deleted(tmp_path):
    schematic(tmp_path / "out")
    sheets = tmp_path / "out" / "sheets"
    sheets.mkdir()
    (sheets / "00-happy.png").write_bytes(b"ours")
    (sheets / "dropped.png").write_bytes(b"ours")
    schematic(tmp_path / "out", overwrite=True)
    assert not sheets.exists()
    sheets.mkdir()
    (sheets / "thesis.doc").write_text("mine")
    with pytest.raises(FileExistsError, match="sheets/thesis.doc"):
        schematic(tmp_path / "out", overwrite=True)
    assert (sheets / "thesis.doc").exists()


@pytest.mark.parametrize("damage", ["no index", "torn manifest", "empty manifest", "no images"])
def test_a_damaged_dataset_may_be_replaced(damage, tmp_path):
    out = tmp_path / "out"
    schematic(out)
    (out / ".DS_Store").write_bytes(b"left by a file manager")
    if damage.startswith("no"):
        (out / {"no index": "index.csv", "no images": "images.npy"}[damage]).unlink()
    else:
        text = (out / "manifest.json").read_text()
        (out / "manifest.json").write_text(text[:40] if damage == "torn manifest" else "")
    with pytest.raises(FileExistsError, match="--overwrite to replace it"):
        schematic(out)
    schematic(out, overwrite=True).verify()


def test_an_older_dataset_survives_a_failure(tmp_path, monkeypatch):
    old = schematic(tmp_path / "out").fingerprint
    with pytest.raises(RuntimeError), staging(tmp_path / "out", overwrite=True):
        raise RuntimeError
    rename = os.rename

    def failing(source, target):
        if source.parent.name.endswith("partial"):
            raise OSError("disk gone")
        rename(source, target)

    monkeypatch.setattr(module.os, "rename", failing)
    with pytest.raises(OSError, match="disk gone"):
        schematic(tmp_path / "out", seed=1, overwrite=True)
    assert Dataset.open(tmp_path / "out").fingerprint == old
    monkeypatch.undo()
    new = schematic(tmp_path / "out", seed=1, overwrite=True).fingerprint  # goes on
    assert new != old and [path.name for path in tmp_path.iterdir()] == ["out"]


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
    with pytest.raises(FileExistsError, match="not a prepared dataset"):
        schematic(out, overwrite=overwrite)
    assert sorted(out.rglob("*")) == before and out.exists()


def test_an_empty_folder_is_taken_and_a_damaged_dataset_may_be_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    schematic(tmp_path / "out").verify()
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(manifest.read_text()[:-20])
    schematic(tmp_path / "out", overwrite=True).verify()


@pytest.mark.parametrize("moment", ["between the two", "after both"])
def test_a_swap_that_was_killed_is_undone_or_finished(moment, tmp_path):
    old = schematic(tmp_path / "old").fingerprint
    new = schematic(tmp_path / "new", seed=1).fingerprint
    (tmp_path / "old").rename(tmp_path / ".out.old")
    if moment == "after both":
        (tmp_path / "new").rename(tmp_path / "out")
    with pytest.raises(RuntimeError), staging(tmp_path / "out", overwrite=True):
        raise RuntimeError
    assert Dataset.open(tmp_path / "out").fingerprint == (old if moment[0] == "b" else new)
    assert not (tmp_path / ".out.old").exists()


def test_who_comes_while_the_workplace_goes_gets_one_of_his_own(tmp_path, monkeypatch):
    """The lock must not lie in a folder that its last holder is about to delete."""
    entered = []
    remove = module.shutil.rmtree

    def slow(path, **options):
        if not entered:
            entered.append(path)
            with staging(tmp_path / "out", overwrite=True) as folder:
                (folder / "images.npy").write_bytes(b"mine")
                remove(path, **options)
                assert (folder / "images.npy").read_bytes() == b"mine"
                raise KeyboardInterrupt
        remove(path, **options)

    monkeypatch.setattr(module.shutil, "rmtree", slow)
    with pytest.raises(KeyboardInterrupt), staging(tmp_path / "out", overwrite=True):
        raise RuntimeError
    assert entered


def test_one_process_at_a_time_has_the_folder(tmp_path):
    waiting = """
import sys
from preprocessing.dataset.staging import staging
with staging(sys.argv[1]):
    print("in", flush=True)
    sys.stdin.read()
"""
    root = str(Path(preprocessing.__file__).parents[1])
    command = [sys.executable, "-c", waiting, str(tmp_path / "out")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=root, text=True, **pipes) as other:
        assert other.stdout.readline() == "in\n"
        with pytest.raises(BlockingIOError, match="nother process is preparing .*out"):
            schematic(tmp_path / "out")
        schematic(tmp_path / "beside").verify()
        other.kill()  # who dies lets go
    schematic(tmp_path / "out").verify()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["beside", "out"]


def test_what_a_writer_recorded_stays_for_the_next_call(tmp_path):
    with pytest.raises(RuntimeError), staging(tmp_path / "out") as folder:
        (folder / "images.npy").write_bytes(b"half")
        (folder.parent / "progress.json").write_text("{}")
        raise RuntimeError
    with staging(tmp_path / "out") as folder:
        assert (folder / "images.npy").read_bytes() == b"half"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
