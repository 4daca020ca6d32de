"""A prepared folder holds what was read, knows when it changed, and says what is wrong with it."""

from __future__ import annotations

import csv
import hashlib
import json

import numpy as np
import pytest

from preprocessing.dataset import Dataset
from preprocessing.dataset.index import COLUMNS
from preprocessing.prepare import prepare
from preprocessing.quality.check import check
from preprocessing.sources import Rejected, Sample


@pytest.fixture
def folder(raw, tmp_path):
    source = raw.directory(tmp_path / "raw", {"fer2013.csv": raw.fer_csv("junk", f"9,{'1 ' * 9},")})
    prepare("fer2013", source, tmp_path / "out", notice=[].append)
    return tmp_path / "out"


@pytest.fixture
def write(made_up):
    """Prepares a folder from samples and returns it."""

    def prepared(folder, items, classes=("sad", "happy"), **more):
        prepare(made_up(items, classes, **more), None, folder, notice=[].append)
        return folder

    return prepared


def sample(image, label="sad", subject="a", split="train", source=None, **more):
    source = source or hashlib.sha256(image.tobytes()).hexdigest()
    return Sample(lambda: image, label, subject, split, source, more)


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
    warnings = Dataset.open(folder).manifest["warnings"]
    assert len(warnings) == 3 and set(warnings) <= set(check(folder).warnings)
    assert warnings[0].startswith(
        "train has 14 images instead of the published 28,709: angry 2 of 3,995,"
    )


def test_the_folder_is_readable_without_the_package(folder):
    images = np.load(folder / "images.npy")
    rows = list(csv.reader((folder / "index.csv").read_text().splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0] == ["label", "subject", "split", "source", "x", "y", "width", "height", "score"]
    assert images.dtype == np.uint8 and images.shape == (len(rows) - 1, 48, 48, 1)
    assert rows[1][4:] == [""] * 5


def test_fingerprint_depends_on_content_only(raw, write, tmp_path):
    def fingerprint(name, samples, classes=("sad", "happy"), **more):
        return Dataset.open(write(tmp_path / name, samples, classes, **more)).fingerprint

    def second(image=None, label="happy", **more):
        image = raw.face(1) if image is None else image
        return [sample(raw.face(0)), sample(image, label, **more)]

    first = fingerprint("a", second())
    elsewhere = [Rejected("x", "bad"), *second(source="elsewhere")]
    assert fingerprint("b", elsewhere) == first
    pixel = raw.face(1)
    pixel[47, 47] ^= 1
    others = [
        fingerprint("pixel", second(pixel)),
        fingerprint("label", second(label="sad")),
        fingerprint("subject", second(subject="b")),
        fingerprint("split", second(split="test")),
        fingerprint("order", second()[::-1]),
        fingerprint("fewer", second()[:1]),
        fingerprint("classes", second(), ("happy", "sad")),
    ]
    for votes in ("1", "2"):
        samples = [sample(raw.face(0), votes=votes), sample(raw.face(1), "happy", votes="0")]
        others.append(fingerprint(f"votes {votes}", samples, columns=("votes",)))
    assert len({first, *others}) == 10


def test_fingerprint_of_known_content_stays_what_it_is(write, tmp_path):
    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    assert Dataset.open(write(tmp_path / "d", [sample(image)])).fingerprint == KNOWN


KNOWN = "89e77a11576c755a757faba7135aa274d26402eb81eead64af5b145576df71e1"


def test_further_columns_follow_the_fixed_ones(raw, write, tmp_path):
    samples = [sample(raw.face(n), sequence=f"S{n}/1", votes=n) for n in range(3)]
    folder = write(tmp_path / "d", samples, columns=("sequence", "votes"))
    dataset = Dataset.open(folder)
    assert dataset.columns == (*COLUMNS, "sequence", "votes")
    assert dataset.column("sequence").tolist() == ["S0/1", "S1/1", "S2/1"]
    assert dataset.column("votes").tolist() == ["0", "1", "2"]
    assert dataset.column("subject").tolist() == ["a"] * 3
    assert dataset.numbers("vot").tolist() == [[0], [1], [2]]
    with pytest.raises(ValueError, match="column begins with 'shoe'"):
        dataset.numbers("shoe")
    with pytest.raises(ValueError, match="invalid literal"):
        dataset.numbers("sequence")
    with pytest.raises(ValueError, match="column .*'shoe size'.*'label', 'subject'"):
        dataset.column("shoe size")


def test_what_was_dropped_is_listed(folder):
    lines = list(csv.reader((folder / "dropped.csv").read_text().splitlines()))
    assert lines[0] == ["source", "reason", "detail", "label"]
    assert lines[2] == ["fer2013.csv:31", "label out of range", "'9', expected 0 to 6", ""]
    assert len(lines) == 3


def test_verify_notices_a_changed_pixel_and_a_changed_label(folder):
    images = np.load(folder / "images.npy", mmap_mode="r+")
    images[5, 7, 7, 0] ^= 1
    images.flush()
    with pytest.raises(ValueError, match="has changed since"):
        Dataset.open(folder).verify()
    images[5, 7, 7, 0] ^= 1
    images.flush()
    Dataset.open(folder).verify()
    index = folder / "index.csv"
    index.write_text(index.read_text().replace("\nfear,", "\nsad,", 1))
    with pytest.raises(ValueError, match="has changed since"):
        Dataset.open(folder).verify()


def _edit(folder, **changes):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest.update(changes)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _replace(path, old, new):
    path.write_text(path.read_text().replace(old, new))


def _shorten(path, by=100):
    path.write_bytes(path.read_bytes()[:-by])


BROKEN = {
    "no folder": (lambda at: at.rename(at.parent / "x"), FileNotFoundError, "o prepared dataset"),
    "no images": (lambda at: (at / "images.npy").unlink(), FileNotFoundError, "images.npy is miss"),
    "no splits": (lambda at: (at / "splits.csv").unlink(), FileNotFoundError, "splits.csv is miss"),
    "torn index": (lambda at: _shorten(at / "index.csv", 3), ValueError, "line 29 has 7 cells"),
    "short images": (lambda at: _shorten(at / "images.npy"), ValueError, "not a readable array"),
    "no array": (lambda at: (at / "images.npy").write_text("x"), ValueError, "not a readable arr"),
    "no json": (lambda at: (at / "manifest.json").write_text("{"), ValueError, "readable JSON"),
    "a list": (lambda at: (at / "manifest.json").write_text("[]"), ValueError, "schema_version"),
    "schema": (lambda at: _edit(at, schema_version=99), ValueError, "schema_version 2, got 99"),
    "count": (lambda at: _edit(at, used=3), ValueError, "differs: manifest.json 3, images.npy 28"),
    "classes": (lambda at: _edit(at, classes=["sad"]), ValueError, "labels.*'angry'"),
    "columns": (
        lambda at: (at / "index.csv").write_text("a,b\n"),
        ValueError,
        "must begin with the",
    ),
    "split": (lambda at: _replace(at / "index.csv", ",train,", ",dev,"), ValueError, "'dev'"),
    "floats": (lambda at: np.save(at / "images.npy", np.zeros((28, 4, 4, 1))), ValueError, "uint8"),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_a_damaged_folder_is_refused_with_advice(damage, folder):
    spoil, error, message = BROKEN[damage]
    spoil(folder)
    with pytest.raises(error, match=message) as caught:
        Dataset.open(folder)
    assert "python -m preprocessing.run" in str(caught.value)


def test_images_of_several_shapes_are_refused_with_advice(raw, write, tmp_path):
    with pytest.raises(ValueError, match="--size and --colour"):
        write(tmp_path / "d", [sample(raw.face(0)), sample(raw.face(1, (40, 48)))])
    assert list(tmp_path.iterdir()) == []
