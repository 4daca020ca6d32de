"""CK+48: folders of cropped frames, whose names say subject and sequence."""

from __future__ import annotations

import pytest

from preprocessing.sources.ck48 import COUNTS


@pytest.fixture
def png(raw):
    return raw.encode(raw.face(0))


def test_names_say_the_person_and_the_sequence(read, raw, png, tmp_path):
    names = ["anger/S010_004_00000017.png", "anger/S010_004_00000018.png"]
    names += ["contempt/S138_008_00000007.png", "surprise/s011_001_00000014.png"]
    for top in ("CK+48", "a/b"):
        tree = {f"{top}/{name}": png for name in names}
        found = read("ck48", raw.zip(tmp_path / f"{top[0]}.zip", tree))
        assert [(s.label, s.subject, s.more["sequence"]) for s in found.samples] == [
            ("angry", "S010", "S010/004"),
            ("angry", "S010", "S010/004"),
            ("surprise", "S011", "S011/001"),
            ("contempt", "S138", "S138/008"),
        ]
        assert {s.split for s in found.samples} == {""} and found.rejected == []


def test_other_files_are_counted(read, raw, png, tmp_path):
    tree = dict.fromkeys(["happy/S010_006_1.png", "happy/1.png", "x/S010_006_2.png"], png)
    found = read("ck48", raw.directory(tmp_path, {**tree, "readme.txt": b""}))
    assert len(found.samples) == 1 and found.reasons == {
        "happy/1.png": "not a CK+ frame",
        "x/S010_006_2.png": "unknown class folder",
        "readme.txt": "not a CK+ frame",
    }
    with pytest.raises(ValueError, match="No CK.48 at .*S010_006_00000013"):
        read("ck48", raw.directory(tmp_path / "happy", {}) / "1.png")


def test_published_counts():
    """Three frames of each of the 327 labelled sequences."""
    sequences = {"angry": 45, "contempt": 18, "disgust": 59, "fear": 25, "happy": 69, "sad": 28}
    assert {name: 3 * n for name, n in {**sequences, "surprise": 83}.items()} == COUNTS
    assert sum(COUNTS.values()) == 981


def test_a_directory_may_hold_an_archive_and_no_frame_counts_twice(read, raw, png, tmp_path):
    names = ["anger/S010_004_00000017.png", "happy/S011_001_00000014.png"]
    raw.zip(tmp_path / "CK+48.zip", {f"CK+48/{name}": png for name in names})
    found = read("ck48", tmp_path)
    assert [s.source for s in found.samples] == [f"CK+48.zip/CK+48/{name}" for name in names]
    assert found.rejected == []
    raw.directory(tmp_path, {f"CK+48/{names[0]}": png})
    found = read("ck48", tmp_path)
    assert [s.source for s in found.samples] == [f"CK+48/{names[0]}", f"CK+48.zip/CK+48/{names[1]}"]
    (lost,) = found.rejected
    assert (lost.source, lost.reason) == (f"CK+48.zip/CK+48/{names[0]}", "second file of one frame")
    assert lost.detail == f"CK+48/{names[0]} was used instead"
