"""Directories are searched with the archives in them."""

from __future__ import annotations

from archives import make_zip

from preprocessing.raw_files.containers import containers


def test_a_zip_is_searched_once_however_many_links_lead_to_it(tmp_path):
    make_zip(tmp_path / "b.zip", [("1.png", b"1")])
    (tmp_path / "a.zip").symlink_to("b.zip")
    assert [files.prefix for files in containers(tmp_path, "")] == ["", "b.zip/"]


def test_a_directory_is_searched_with_the_zips_in_it(raw, tmp_path):
    raw.zip(tmp_path / "b.ZIP", {"1.png": "1"})
    raw.zip(tmp_path / "a.zip", {"2.png": "2"})
    raw.directory(tmp_path, {"3.png": "3", "._a.zip": "resource fork", "deep/c.zip": "not opened"})
    (tmp_path / "d.zip").mkdir()
    found = containers(tmp_path, "")
    listed = [files.source(name) for files in found for name in files.names()]
    assert listed == ["3.png", "a.zip", "b.ZIP", "deep/c.zip", "a.zip/2.png", "b.ZIP/1.png"]
    (alone,) = containers(tmp_path / "3.png", "")
    assert alone.names() == ["3.png"] and alone.problems() == []
