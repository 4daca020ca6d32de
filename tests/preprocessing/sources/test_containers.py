"""Directories are searched with the archives in them."""

from __future__ import annotations

import pytest
from archives import make_zip

from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.directory import DirectoryFiles


def test_a_zip_is_searched_once_however_many_links_lead_to_it(tmp_path):
    make_zip(tmp_path / "b.zip", [("1.png", b"1")])
    (tmp_path / "a.zip").symlink_to("b.zip")
    assert [files.prefix for files in containers(tmp_path, "")] == ["", "b.zip/"]


def test_a_directory_is_searched_with_the_zips_in_it(raw, tmp_path):
    raw.zip(tmp_path / "b.ZIP", {"1.png": "1"})
    raw.zip(tmp_path / "a.zip", {"2.png": "2"})
    raw.directory(tmp_path, {"3.png": "3", "._a.zip": "resource fork", "deep/c": "not opened"})
    raw.zip(tmp_path / "deep" / "d.zip", {"4.png": "4"})
    (tmp_path / "d.zip").mkdir()
    found = containers(tmp_path, "")
    listed = [files.source(name) for files in found for name in files.names()]
    own = ["3.png", "deep/c"]  # and not the archives, whose members follow
    assert listed == [*own, "a.zip/2.png", "b.ZIP/1.png", "deep/d.zip/4.png"]
    (alone,) = containers(tmp_path / "3.png", "")
    assert alone.names() == ["3.png"] and alone.problems() == []


def test_archives_are_opened_three_deep_and_no_deeper(raw, tmp_path):
    data = b"x"
    for depth in range(6):
        data = raw.zip(tmp_path / str(depth), {f"{depth}.zip" if depth else "f": data}).read_bytes()
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "z.zip").write_bytes(data)
    found = containers(tmp_path / "all", "")
    assert [files.names() for files in found] == [[], [], [], [], ["2.zip"]]


def test_a_zip_called_like_the_table_in_it_is_a_zip(raw, tmp_path):
    raw.zip(tmp_path / "a.csv", {"a.csv": "x"})
    assert [files.names() for files in containers(tmp_path / "a.csv", "")] == [["a.csv"]]
    assert [files.prefix for files in containers(tmp_path, "")] == ["", "a.csv/"]


@pytest.mark.parametrize(
    ("name", "start", "said"),
    [
        ("fer2013.csv", b"\xef\xbb\xbf\n<!DOCTYPE html>", "fer2013.csv (a web page)"),
        ("a", b"version https://git-lfs.github.com/spec/v1", "(a pointer of Git LFS"),
        ("a.xlsx", b"PK\x03\x04", "save it as CSV"),
        ("a.csv", b"emotion,pixels", "a.csv"),
    ],
)
def test_files_that_are_not_what_their_names_say_are_told(name, start, said, tmp_path):
    (tmp_path / name).write_bytes(start)
    shown = listing([DirectoryFiles(tmp_path)])
    assert said in shown and ("(" in shown) == (start[0] != ord("e"))


@pytest.mark.parametrize("mark", [b"Rar!\x1a\x07\x00", b"7z\xbc\xaf\x27\x1c"])
def test_an_archive_that_cannot_be_read_stops_nothing_and_is_told(mark, raw, tmp_path):
    raw.directory(tmp_path, {"a.rar": mark + bytes(600), "1.png": "1"})
    (files,) = containers(tmp_path, "")
    assert files.names() == ["1.png", "a.rar"]
    assert "a.rar (a " in listing([files]) and "unpack it first" in listing([files])
    with pytest.raises(ValueError, match="a.rar is a .* archive, which cannot be read: unpack it"):
        containers(tmp_path / "a.rar", "")
