"""A prepared folder holds what was read, knows when it changed, and says what is wrong with it."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from preprocessing.dataset import COLUMNS, Dataset
from preprocessing.prepare import prepare
from preprocessing.sources import Rejected
from preprocessing.writer import Row, Writer


@pytest.fixture
def folder(raw, tmp_path):
    source = raw.directory(tmp_path / "raw", {"fer2013.csv": raw.fer_csv("junk", f"9,{'1 ' * 9},")})
    prepare("fer2013", source, tmp_path / "out", notice=[].append)
    return tmp_path / "out"


def write(folder, rows, classes=("sad", "happy")):
    folder.mkdir(parents=True)
    writer = Writer(folder, classes)
    writer.consume(rows)
    writer.manifest("tiny")
    return folder


def row(raw, number, label="sad", subject="a", split="train", **more):
    return Row(raw.face(number), label, subject, split, f"file {number}", **more)


def test_the_folder_holds_what_was_read(folder, raw):
    dataset = Dataset.open(folder)
    assert len(dataset) == len(raw.rows())
    for position, (number, label, usage) in enumerate(raw.rows()):
        assert np.array_equal(dataset.images[position, :, :, 0], raw.face(number))
        assert dataset.labels[position] == label
        assert dataset.splits[position][:4].lower() in ("trai", "vali", "test")
        assert (dataset.splits[position] == "train") == (usage == "Training")
        assert dataset.sources[position] == f"fer2013.csv:{position + 2}"
    assert isinstance(dataset.images, np.memmap) and not dataset.images.flags.writeable
    assert dataset.name == "fer2013" and dataset.synthetic is False
    dataset.verify()


def test_used_and_dropped_make_up_all_that_was_seen(folder, raw):
    manifest = Dataset.open(folder).manifest
    assert manifest["dropped"] == {"wrong number of columns": 1, "label out of range": 1}
    assert manifest["used"] == len(raw.rows())
    assert manifest["seen"] == manifest["used"] + 2
    assert manifest["counts"]["train"] == dict.fromkeys(manifest["classes"], 2)
    assert manifest["counts"]["test"] == dict.fromkeys(manifest["classes"], 1)
    assert manifest["dropped_examples"]["label out of range"] == [
        "fer2013.csv:31: '9', expected 0 to 6"
    ]


def test_deviations_from_the_published_counts_are_noted(folder):
    notices = Dataset.open(folder).manifest["notices"]
    assert len(notices) == 3
    assert notices[0].startswith("train has 14 images, published are 28,709: angry 2 of 3,995,")


def test_the_folder_is_readable_without_the_package(folder):
    images = np.load(folder / "images.npy")
    rows = list(csv.reader((folder / "index.csv").read_text().splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] == ["label", "subject", "split", "source", "x", "y", "width", "height", "score"]
    assert images.dtype == np.uint8 and images.shape == (len(rows) - 1, 48, 48, 1)
    assert rows[1][4:] == [""] * 5


def test_boxes_and_scores_are_kept(raw, tmp_path):
    boxed = row(raw, 0, box=(1.5, 2, 30, 40), score=0.75)
    folder = write(tmp_path / "d", [boxed, row(raw, 1)])
    lines = (folder / "index.csv").read_text().splitlines()
    assert lines[1:] == ["sad,a,train,file 0,1.5,2,30,40,0.75", "sad,a,train,file 1,,,,,"]


def test_fingerprint_depends_on_content_only(raw, tmp_path):
    def fingerprint(name, rows, classes=("sad", "happy")):
        return Dataset.open(write(tmp_path / name, rows, classes)).fingerprint

    plain = [row(raw, 0), row(raw, 1, "happy")]
    first = fingerprint("a", plain)
    elsewhere = [Row(r.image, r.label, r.subject, r.split, "elsewhere", score=1.0) for r in plain]
    assert fingerprint("b", [Rejected("x", "bad"), *elsewhere]) == first
    pixel = raw.face(1)
    pixel[47, 47] ^= 1
    others = [
        fingerprint("pixel", [plain[0], Row(pixel, "happy", "a", "train", "")]),
        fingerprint("label", [plain[0], row(raw, 1, "sad")]),
        fingerprint("subject", [plain[0], row(raw, 1, "happy", subject="b")]),
        fingerprint("split", [plain[0], row(raw, 1, "happy", split="test")]),
        fingerprint("order", plain[::-1]),
        fingerprint("fewer", plain[:1]),
        fingerprint("classes", plain, ("happy", "sad")),
    ]
    assert len({first, *others}) == 8


def test_fingerprint_of_known_content_stays_what_it_is(tmp_path):
    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    folder = write(tmp_path / "d", [Row(image, "sad", "a", "train", "x")])
    assert Dataset.open(folder).fingerprint == KNOWN


KNOWN = "89e77a11576c755a757faba7135aa274d26402eb81eead64af5b145576df71e1"


def test_verify_notices_a_changed_pixel_and_a_changed_label(folder):
    images = np.load(folder / "images.npy", mmap_mode="r+")
    images[5, 7, 7, 0] ^= 1
    images.flush()
    with pytest.raises(ValueError, match="has changed since it was prepared"):
        Dataset.open(folder).verify()
    images[5, 7, 7, 0] ^= 1
    images.flush()
    Dataset.open(folder).verify()
    index = folder / "index.csv"
    index.write_text(index.read_text().replace("\nfear,", "\nsad,", 1))
    with pytest.raises(ValueError, match="has changed since it was prepared"):
        Dataset.open(folder).verify()


def _edit(folder, **changes):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest.update(changes)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _shorten(path):
    path.write_bytes(path.read_bytes()[:-100])


BROKEN = {
    "no folder": (lambda at: at.rename(at.parent / "x"), FileNotFoundError, "no prepared dataset"),
    "no images": (lambda at: (at / "images.npy").unlink(), FileNotFoundError, "images.npy is miss"),
    "short images": (lambda at: _shorten(at / "images.npy"), ValueError, "not a readable array"),
    "no array": (lambda at: (at / "images.npy").write_text("x"), ValueError, "not a readable arr"),
    "no json": (lambda at: (at / "manifest.json").write_text("{"), ValueError, "readable JSON"),
    "a list": (lambda at: (at / "manifest.json").write_text("[]"), ValueError, "schema_version"),
    "schema": (lambda at: _edit(at, schema_version=99), ValueError, "schema_version 99.*reads 1"),
    "count": (lambda at: _edit(at, used=3), ValueError, "contradicts itself.*'manifest.json': 3"),
    "classes": (lambda at: _edit(at, classes=["sad"]), ValueError, "has the label 'angry'"),
    "columns": (lambda at: (at / "index.csv").write_text("a,b\n"), ValueError, "starts with the"),
    "floats": (lambda at: np.save(at / "images.npy", np.zeros((28, 4, 4, 1))), ValueError, "uint8"),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_damaged_folder_is_refused_with_advice(damage, folder):
    spoil, error, message = BROKEN[damage]
    spoil(folder)
    with pytest.raises(error, match=message) as caught:
        Dataset.open(folder)
    assert "python -m preprocessing.run" in str(caught.value)


def test_rows_that_do_not_fit_are_refused_by_the_writer(raw, tmp_path):
    with pytest.raises(ValueError, match="no usable image among 1 items: torn .1."):
        write(tmp_path / "none", [Rejected("x", "torn")])
    other = Row(raw.face(0, (40, 48)), "sad", "", "", "odd one")
    with pytest.raises(ValueError, match="odd one is uint8 .40, 48, 1., expected uint8 .48"):
        write(tmp_path / "shape", [row(raw, 0), other])
    with pytest.raises(ValueError, match="label 'bored'"):
        write(tmp_path / "label", [row(raw, 0, "bored")])
