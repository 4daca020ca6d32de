"""JAFFE by the names of its files, in every packing, with what lies beside them."""

from __future__ import annotations

import io
import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from preprocessing.raw_files.images import SUFFIXES

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
CODES = {
    "AN": "angry",
    "DI": "disgust",
    "FE": "fear",
    "HA": "happy",
    "NE": "neutral",
    "SA": "sad",
    "SU": "surprise",
}
SUBJECTS = ("KA", "KL", "KM", "KR", "MK", "NA", "NM", "TM", "UY", "YM")


def complete():
    """213 names with the published count of each class, spread over the ten people."""
    counts = {"AN": 30, "DI": 29, "FE": 32, "HA": 31, "NE": 30, "SA": 31, "SU": 30}
    tree, number = {}, 1
    for code, count in counts.items():
        for index in range(count):
            tree[f"{SUBJECTS[index % 10]}.{code}{1 + index // 10}.{number}.tiff"] = b""
            number += 1
    return tree


@pytest.mark.parametrize("top", ["", "jaffedbase/", "data/jaffe/"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_complete_copy_has_the_published_counts(top, packed, read, raw, tmp_path):
    tree = {top + name: content for name, content in complete().items()}
    path = raw.zip(tmp_path / "j.zip", tree) if packed else raw.directory(tmp_path / "j", tree)
    found = read("jaffe", path)
    used = Counter(s.label for s in found.samples)
    assert found.raw.classes == CLASSES
    assert {"": {name: used[name] for name in CLASSES}} == found.raw.expected
    assert len(found.samples) == 213 and found.rejected == [] and found.notices == []
    for sample in found.samples:
        subject, code = sample.source.rpartition("/")[2].split(".")[:2]
        assert (sample.subject, sample.label) == (subject, CODES[code[:2]])
    assert {s.subject for s in found.samples} == set(SUBJECTS)


def test_order_is_by_person_and_class(read, raw, tmp_path):
    names = [
        "YM.AN1.61.tiff",
        "KA.NE1.26.tiff",
        "KA.AN2.40.tiff",
        "KA.AN1.39.tiff",
        "KA.SU1.36.tiff",
    ]
    found = read("jaffe", raw.directory(tmp_path, dict.fromkeys(names, b"")))
    assert [s.source for s in found.samples] == [names[i] for i in (3, 2, 4, 1, 0)]


def test_images_are_decoded_from_any_format(read, raw, tmp_path):
    image = np.add.outer(np.arange(256), np.arange(256)).astype(np.uint8)
    tree = {}
    for name, kind in (
        ("KA.AN1.39.tiff", "TIFF"),
        ("ka.di1.42.TIF", "TIFF"),
        ("KL.HA1.158.png", "PNG"),
    ):
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, kind)
        tree[name] = stream.getvalue()
    found = read("jaffe", raw.zip(tmp_path / "j.zip", tree))
    assert [s.subject for s in found.samples] == ["KA", "KA", "KL"]
    assert all(np.array_equal(s.load(), image) for s in found.samples)


def test_every_ending_of_a_photograph_is_one_here(read, raw, tmp_path):
    names = [f"KA.AN1.{n}{ending}" for n, ending in enumerate(SUFFIXES)]
    found = read("jaffe", raw.directory(tmp_path, dict.fromkeys(names, b"")))
    assert len(found.samples) == len(SUFFIXES) > 20 and found.rejected == []


def test_everything_else_has_a_reason(read, raw, tmp_path):
    extra = {
        "README_FIRST.txt": "not a JAFFE image",
        "semantic-ratings.csv": "not a JAFFE image",
        "KA.AN1.39 (1).tiff": "not a JAFFE image",
        "KA.AN1.tiff": "not a JAFFE image",
        "KA.AN1.40.txt": "not a JAFFE image",
        "cover.png": "not a JAFFE image",
        "XX.AN1.40.tiff": "unknown subject",
        "KA.CO1.41.tiff": "unknown expression code",
    }
    tree = dict.fromkeys([*extra, "KA.AN1.39.tiff", ".DS_Store", "Thumbs.db"], b"")
    path = raw.directory(tmp_path, tree)
    (path / "KA.AN2.40.tiff").symlink_to("nowhere")
    found = read("jaffe", path)
    assert found.reasons == {**extra, "KA.AN2.40.tiff": "dangling link"}
    assert [s.source for s in found.samples] == ["KA.AN1.39.tiff"]
    assert {item.source: item.label for item in found.rejected if item.label} == {
        "XX.AN1.40.tiff": "angry"
    }


def test_of_copies_of_one_image_that_which_loses_nothing_is_read(read, raw, tmp_path):
    names = ["a/KA.AN1.39.jpg", "b/KA.AN1.39.tiff", "c/ka.an1.39.TIFF", "d/KA.AN1.39.png"]
    raw.directory(tmp_path, dict.fromkeys(names, b""))
    raw.zip(tmp_path / "z.zip", {"KA.AN1.39.tiff": b"", "KA.AN2.40.jpg": b""})
    found = read("jaffe", tmp_path)
    assert [s.source for s in found.samples] == ["b/KA.AN1.39.tiff", "z.zip/KA.AN2.40.jpg"]
    copies = [names[0], names[2], names[3], "z.zip/KA.AN1.39.tiff"]
    assert found.reasons == dict.fromkeys(copies, "second file of one image")
    assert {item.detail for item in found.rejected} == {"b/KA.AN1.39.tiff was used instead"}


def test_archives_beside_it_are_read_or_counted(read, raw, tmp_path):
    raw.directory(tmp_path / "in" / "jaffe", {"KA.AN1.39.tiff": b""})
    (tmp_path / "d").mkdir()
    shutil.make_archive(str(tmp_path / "d" / "jaffe"), "gztar", tmp_path / "in")
    raw.zip(tmp_path / "d" / "deep" / "more.zip", {"KL.AN1.1.tiff": b""})
    raw.directory(tmp_path / "d", {"jaffe.rar": b"Rar!\x1a\x07\x00" + bytes(600)})
    found = read("jaffe", tmp_path / "d")
    assert [s.subject for s in found.samples] == ["KA", "KL"]
    assert found.reasons == {"jaffe.rar": "not a JAFFE image"}


def test_a_path_without_it_says_what_was_expected(read, raw, tmp_path):
    raw.directory(tmp_path / "d", {"happy/1.png": b""})
    with pytest.raises(
        ValueError, match="No image of JAFFE.*KA.AN1.39.tiff.*found happy/1.png.*zenodo"
    ):
        read("jaffe", tmp_path / "d")
    with pytest.raises(FileNotFoundError, match="(?i)nowhere.*give the directory"):
        read("jaffe", tmp_path / "nowhere")
