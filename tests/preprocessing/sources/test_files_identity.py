"""The identity of raw files: it changes with each of them, and with nothing else."""

from __future__ import annotations

import os
import shutil

import pytest
from archives import make_zip

from preprocessing.raw_files.containers import ZipFiles, container
from preprocessing.raw_files.directory import DirectoryFiles


def _later(path):
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def _change_size(path):
    status = path.stat()
    path.write_bytes(path.read_bytes() + b"0")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _rename(path):
    path.rename(path.with_name("9" + path.name))


@pytest.mark.parametrize("change", [_later, _change_size, _rename, os.remove])
def test_the_identity_changes_with_every_file(change, raw, tmp_path):
    root = raw.directory(tmp_path, {"a/1.png": "1", "b/2.png": "2", ".hidden": "x"})
    before = DirectoryFiles(root).identity()
    (root / ".hidden").write_text("another")
    assert DirectoryFiles(root).identity() == before
    change(root / "b" / "2.png")
    assert DirectoryFiles(root).identity() != before


@pytest.mark.parametrize("change", [_later, _rename])
def test_the_identity_of_an_archive_is_that_of_its_file(change, tmp_path):
    path = make_zip(tmp_path / "a.zip", [("a.bin", b"a")])
    before = ZipFiles(path).identity()
    assert ZipFiles(path).identity(["a.bin"]) == before
    change(path)
    assert ZipFiles(next(tmp_path.glob("*.zip"))).identity() != before


def test_the_identity_does_not_depend_on_where_the_files_lie(raw, tmp_path, monkeypatch):
    tree = {"happy/1.png": "1", "sad/2.png": "2", "z.zip": ""}
    first = raw.directory(tmp_path / "first", tree)
    make_zip(first / "z.zip", [("a.bin", b"a")])
    second = tmp_path / "else" / "second"
    shutil.copytree(first, second)  # with the times
    monkeypatch.chdir(tmp_path)
    for root in (second, "first"):
        again = container(root, "").identity()
        assert again == DirectoryFiles(first).identity() and len(again) == 64
    assert ZipFiles(second / "z.zip").identity() == ZipFiles(first / "z.zip").identity()


def test_a_file_that_cannot_be_looked_at_does_not_stop_the_identity(raw, tmp_path):
    raw.directory(tmp_path, {"a": "1", "b": "2"})
    files = DirectoryFiles(tmp_path)
    before = files.identity()
    (tmp_path / "a").unlink()
    assert files.names() == ["a", "b"] and files.identity() != before
    assert DirectoryFiles(tmp_path, ["\udcff"]).identity() != before
