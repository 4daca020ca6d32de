"""The identity of raw files: another one whenever a file that a source reads is another."""

from __future__ import annotations

import os

import pytest

from preprocessing.sources import get

PNG = b"not decoded here"


def identity(name, path, **options):
    return get(name).open(path, notice=lambda text: None, **options).identity


def touched(path):
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    return path.stat().st_mtime_ns != status.st_mtime_ns


def votes(raw):
    seen = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    names = (*seen, "contempt", "unknown", "NF")
    lines = [
        ",".join([usage, *("9" if name == seen[label] else "0" for name in names)])
        for _, label, usage in raw.rows()
    ]
    return "\n".join([",".join(["Usage", *names]), *lines])


FRAME = "S005/001/S005_001_00000001"
TREES = {
    "ckplus": lambda raw: {f"images/{FRAME}.png": PNG, f"labels/{FRAME}_emotion.txt": "3"},
    "fer2013": lambda raw: {"fer2013.csv": raw.fer_csv()},
    "ferplus": lambda raw: {"fer2013.csv": raw.fer_csv(), "fer2013new.csv": votes(raw)},
    "folder": lambda raw: {"happy/1.png": PNG, "sad/2.png": PNG, "sad/notes.txt": PNG},
    "jaffe": lambda raw: {"KA.AN1.39.tiff": PNG, "deep/KA.HA1.29.tiff": PNG},
}


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("packed", [False, True])
def test_every_file_of_a_source_counts(name, packed, raw, tmp_path):
    tree = TREES[name](raw)
    if packed:
        raw.zip(tmp_path / "a.zip", tree)
        path, files = tmp_path / "a.zip", [tmp_path / "a.zip"]
    else:
        path = raw.directory(tmp_path / "d", tree)
        files = [path / file for file in tree]
    known = {identity(name, path)}
    assert known == {identity(name, path)} and len(min(known)) == 64
    for file in files:
        assert touched(file)
        known.add(identity(name, path))
    assert len(known) == 1 + len(files)


@pytest.mark.parametrize("name", ["ckplus", "jaffe"])
def test_every_zip_in_a_directory_counts(name, raw, tmp_path):
    for number, (file, data) in enumerate(TREES[name](raw).items()):
        raw.zip(tmp_path / f"{number}.zip", {file: data})
    known = {identity(name, tmp_path)}
    for number in range(2):
        assert touched(tmp_path / f"{number}.zip")
        known.add(identity(name, tmp_path))
    assert len(known) == 3


def test_the_folders_of_fer2013_count(raw, tmp_path):
    path = raw.directory(tmp_path, raw.folders())
    before = identity("fer2013", path)
    assert touched(path / "test" / "happy" / "PublicTest_17.png")
    assert identity("fer2013", path) != before


def test_votes_elsewhere_count_and_what_lies_beside_them_does_not(raw, tmp_path):
    tree = TREES["ferplus"](raw)
    images = raw.directory(tmp_path / "a", {"fer2013.csv": tree["fer2013.csv"], "notes.txt": "x"})
    path = raw.directory(tmp_path / "b", {"v.csv": tree["fer2013new.csv"], "n.txt": "x"}) / "v.csv"
    before = identity("ferplus", images, votes=path)
    assert before == identity("ferplus", images, votes=str(path))
    assert touched(images / "notes.txt") and touched(path.with_name("n.txt"))
    assert identity("ferplus", images, votes=path) == before
    assert touched(path)
    assert identity("ferplus", images, votes=path) != before


def test_what_reads_nothing_has_no_identity():
    assert identity("schematic", None) == ""
