"""RAF-DB as its authors distribute it, and with its numbered folders."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from preprocessing.sources.rafdb import COUNTS

# Number, class and part; the class by the readme of RAF-DB.
LABELS = ("surprise", "fear", "disgust", "happy", "sad", "angry", "neutral")
ROWS = [(f"{part}_{n:05d}", n % 7 + 1) for part in ("train", "test") for n in range(1, 9)]


@pytest.fixture
def png(raw):
    return raw.encode(raw.face(0, (100, 100, 3)))


@pytest.fixture
def tree(raw, png):
    lines = "".join(f"{stem}.jpg {code}\n" for stem, code in ROWS)
    images = {f"basic/Image/aligned/{stem}_aligned.jpg": png for stem, _ in ROWS}
    return {"basic/EmoLabel/list_patition_label.txt": lines, **images}


def expected():
    return {(stem, stem.split("_")[0], LABELS[code - 1]) for stem, code in ROWS}


def shown(found):
    names = (s.source.rpartition("/")[2].split("_aligned")[0] for s in found.samples)
    return {(name, s.split, s.label) for name, s in zip(names, found.samples, strict=True)}


def test_labels_come_from_the_list(read, raw, tree, tmp_path):
    for path in (raw.directory(tmp_path / "d", tree), raw.zip(tmp_path / "basic.zip", tree)):
        found = read("rafdb", path)
        assert shown(found) == expected() and found.rejected == [] and found.notices == []
        assert {(s.subject, s.split) for s in found.samples} == {("", "train"), ("", "test")}
        assert np.array_equal(found.samples[0].load(), raw.face(0, (100, 100, 3)))


def test_packed_images_beside_the_list(read, raw, tree, tmp_path):
    labels = "basic/EmoLabel/list_patition_label.txt"
    raw.directory(tmp_path, {labels: tree.pop(labels)})
    raw.zip(tmp_path / "aligned.zip", tree)
    assert shown(read("rafdb", tmp_path)) == expected()


def test_of_several_lists_the_first_is_read_and_the_others_are_told(read, raw, tree, tmp_path):
    lines = "".join(f"{stem}.jpg 1\n" for stem, _ in ROWS)
    path = raw.directory(tmp_path, {**tree, "old/list_patition_label.txt": lines})
    found = read("rafdb", path)
    assert shown(found) == expected() and found.rejected == []
    assert found.says("Several lists.*reading basic/.*ignoring old/list_patition_label.txt")


def test_packed_files_are_read_and_other_archives_counted(read, raw, tree, tmp_path):
    raw.directory(tmp_path / "in", tree)
    (tmp_path / "d").mkdir()
    shutil.make_archive(str(tmp_path / "d" / "basic"), "gztar", tmp_path / "in")
    raw.directory(tmp_path / "d", {"notes.txt.7z": b"7z\xbc\xaf\x27\x1c" + bytes(600)})
    found = read("rafdb", tmp_path / "d")
    assert shown(found) == expected()
    assert found.reasons == {"notes.txt.7z": "not a RAF-DB image"}


def test_without_the_list_folders_1_to_7_say_the_class(read, raw, png, tmp_path):
    names = {f"DATASET/{s.split('_')[0]}/{c}/{s}_aligned.jpg": png for s, c in ROWS}
    found = read("rafdb", raw.directory(tmp_path, {**names, "train_labels.csv": "image,label\n"}))
    assert shown(found) == expected() and found.says("from the folders 1 to 7")
    assert found.reasons == {"train_labels.csv": "not a RAF-DB image"}


def test_whatever_is_no_sample_is_counted(read, raw, tree, png, tmp_path):
    labels = "basic/EmoLabel/list_patition_label.txt"
    tree[labels] += "train_00009.jpg 8\ntrain_00010.jpg 3\ntrain_00001.jpg 7\n\nrubbish\n"
    tree |= {
        "basic/Image/original/train_00001.jpg": png,
        "basic/Image/aligned/test_00099_aligned.jpg": png,
        "copy/train_00001_aligned.jpg": png,
        "readme.txt": b"x",
    }
    found = read("rafdb", raw.directory(tmp_path, tree))
    assert shown(found) == expected()
    assert found.reasons == {
        f"{labels}:17": "no image and label",
        f"{labels}/train_00010": "no aligned image",
        f"{labels}:19": "labels of an image differ",
        f"{labels}:21": "no image and label",
        "basic/Image/original/train_00001.jpg": "not an aligned image",
        "basic/Image/aligned/test_00099_aligned.jpg": "not in the list of labels",
        "copy/train_00001_aligned.jpg": "second file of one image",
        "readme.txt": "not a RAF-DB image",
    }


def test_published_counts():
    assert {split: sum(counts.values()) for split, counts in COUNTS.items()} == {
        "train": 12_271,
        "test": 3_068,
    }


def test_other_trees_say_what_was_expected(read, raw, png, tmp_path):
    with pytest.raises(ValueError, match="No aligned image of RAF-DB.*list_patition.*whdeld"):
        read("rafdb", raw.directory(tmp_path / "a", {"happy/1.png": png}))
    with pytest.raises(ValueError, match="No labels of RAF-DB"):
        read("rafdb", raw.directory(tmp_path / "b", {"aligned/train_00001_aligned.jpg": png}))
