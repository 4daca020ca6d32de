"""A sound prepared folder passes, and each kind of damage is an error."""

from __future__ import annotations

import csv
import json
import re
import shutil

import numpy as np
import pytest
from made_up import HEADER, pictures, record, rows, write_folder, write_lines

from preprocessing.dataset.index import REPAIR_HINT
from preprocessing.quality.check import check
from preprocessing.quality.leakage import divided
from preprocessing.splits.base import LEFT_OUT
from preprocessing.splits.groups import UNKNOWN


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("sound") / "tiny")


@pytest.fixture
def folder(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "tiny")


def test_a_sound_folder_has_no_errors_and_its_facts_are_counted(folder):
    report = check(folder)
    assert report.ok and report.errors == []
    patterns = [
        "published .*6 subjects .*S00[.]",
        "published .*10 sequences .*S00/0[.]",
        "test-parts .*4 subjects .*S08[.]",
        "test-parts .*6 sequences .*S08/0[.]",
    ]
    for pattern, warning in zip(patterns, report.warnings, strict=True):
        assert re.match(pattern, warning)
    facts = report.facts
    assert facts["shape"] == (72, 8, 8, 1) and facts["subjects"] == 12 and facts["boxes"] == 72
    assert facts["counts"]["train"] == {"anger": 15, "joy": 18, "fear": 15}
    assert facts["fingerprint"] == json.loads((folder / "manifest.json").read_text())["fingerprint"]
    assert facts["splits"]["official"] == {
        "train": 48, "validation": 12, "test": 12, "left out": 0,
    }  # fmt: skip
    assert facts["splits"]["loso"] == {"folds": 12, "least": 6, "most": 6}
    assert facts["splits"]["test-parts"]["left out"] == 48


def test_progress_goes_over_all_images(folder):
    seen = []

    def track(images, what, total, done):
        assert (total, done) == (72, 0) and what
        for image in images:
            seen.append(image.shape)
            yield image

    check(folder, track)
    assert seen == [(8, 8, 1)] * 72


def manifest(**changes):
    def spoil(at):
        content = json.loads((at / "manifest.json").read_text())
        content.update(changes)
        content = {key: value for key, value in content.items() if value is not ...}
        (at / "manifest.json").write_text(json.dumps(content))

    return spoil


def cell(name, column, row, value):
    """Change one cell of a CSV file; row 0 is the first one below the header."""

    def spoil(at):
        with open(at / name, newline="") as stream:
            header, *lines = csv.reader(stream)
        lines[row][header.index(column)] = value
        write_lines(at / name, header, lines)

    return spoil


def text(name, change):
    return lambda at: (at / name).write_text(change((at / name).read_text()))


def raw(name, change):
    return lambda at: (at / name).write_bytes(change((at / name).read_bytes()))


def array(make):
    return lambda at: np.save(at / "images.npy", make(pictures()))


def one_pixel(images):
    images[40, 3, 3, 0] ^= 1
    return images


def counts(**train):
    return manifest(counts={"train": train})


def no_official_side(at):
    """Leave the index alone, move one row of the official split to another side."""
    cell("splits.csv", "official", 0, "validation")(at)


def divide_a_person(at):
    """Two people of different folds exchange an image, so that all sizes stay as they are."""
    with open(at / "splits.csv", newline="") as stream:
        header, *lines = csv.reader(stream)
    place = header.index("loso")
    lines[0][place], lines[71][place] = lines[71][place], lines[0][place]
    write_lines(at / "splits.csv", header, lines)


DAMAGE = {
    "no folder": (lambda at: at.rename(at.parent / "x"), "no such folder"),
    "no images": (lambda at: (at / "images.npy").unlink(), "images.npy is missing.*preprocessing"),
    "no index": (lambda at: (at / "index.csv").unlink(), "index.csv is missing"),
    "no dropped": (lambda at: (at / "dropped.csv").unlink(), "dropped.csv is missing"),
    "no splits": (lambda at: (at / "splits.csv").unlink(), "splits.csv is missing"),
    "no manifest": (lambda at: (at / "manifest.json").unlink(), "manifest.json is missing"),
    "json": (text("manifest.json", lambda t: t[:-9]), "manifest.json is not readable JSON"),
    "latin": (raw("manifest.json", lambda b: b"\xff" + b), "manifest.json is not readable JSON"),
    "nested": (text("manifest.json", lambda t: "[" * 10**5), "manifest.json is not readable JSON"),
    "a list": (text("manifest.json", lambda t: "[]"), "manifest.json .*schema_version 2, got None"),
    "schema": (manifest(schema_version=1), "schema_version 2, got 1"),
    "key": (manifest(fingerprint=...), "manifest.json lacks fingerprint"),
    "no files": (manifest(files=...), "manifest.json lacks files"),
    "files": (manifest(files={"index.csv": 7}), "files must be .*hashes of index.csv"),
    "items": (manifest(items=-1), "items must be a number, got -1"),
    "kind": (manifest(used="72"), "used must be a number, got '72'"),
    "negative": (manifest(seen=-1), "seen must be a number, got -1"),
    "classes": (manifest(classes=["joy", "joy"]), "classes must be .*different.*'joy', 'joy'"),
    "reasons": (manifest(dropped=["x"]), r"dropped must be .*each reason, got \['x'\]"),
    "name": (manifest(dataset=7), "dataset must be a name, got 7"),
    "seen": (manifest(seen=73), "seen is 73, .*dropped make 74"),
    "used": (manifest(used=71), "manifest.json 71, images.npy 72, index.csv 72"),
    "shape": (manifest(image_shape=[4, 4, 1]), "image_shape .4, 4, 1., images.npy has .8, 8"),
    "counts": (counts(joy=15), "counts 15 images of joy in train, index.csv has 18"),
    "no counts": (manifest(counts=[]), r"counts must be split -> class -> number, got \[\]"),
    "truncated": (raw("images.npy", lambda b: b[:-100]), "images.npy is not a readable array"),
    "longer": (raw("images.npy", lambda b: b + b"x"), "images.npy has 1 bytes after its 72"),
    "no array": (raw("images.npy", lambda b: b"x" * 99), "images.npy is not a readable array"),
    "header": (raw("images.npy", lambda b: b.replace(b"72, 8", b"7@, 8")), "not a readable array"),
    "archive": (raw("images.npy", lambda b: b"PK\3\4" + b), "images.npy is not a readable array"),
    "floats": (array(lambda images: images / 2), "must be uint8.*got float64 with 4 axes"),
    "axes": (array(lambda images: images[..., 0]), "images.npy must be .*got uint8 with 3 axes"),
    "fortran": (array(np.asfortranarray), "images.npy must be .*in C order"),
    "fewer": (array(lambda images: images[:70]), "manifest.json 72, images.npy 70, index.csv 72"),
    "none": (array(lambda images: images[:, :0]), "images.npy must hold at least one image"),
    "pixel": (array(one_pixel), "have changed since"),
    "label": (cell("index.csv", "label", 5, "fear"), "have changed since"),
    "sequence": (cell("index.csv", "sequence", 0, "S00/1"), "have changed since"),
    "fingerprint": (manifest(fingerprint="0" * 64), f"manifest.json says {'0' * 64}"),
    "columns": (
        text("index.csv", lambda t: t.replace("label,", "emotion,")),
        "must begin.*got emotion",
    ),
    "twice": (text("index.csv", lambda t: t.replace("sequence", "score")), "index.csv .*twice"),
    "empty": (text("index.csv", lambda t: ""), "index.csv must begin .*label.*got none"),
    "cells": (
        text("index.csv", lambda t: t.replace("0.75", "0.75,9", 2)),
        "index.csv has damaged lines: line 2 has 11 cells, expected 10, and 1 more",
    ),
    "cut": (text("index.csv", lambda t: t[:-30]), "damaged lines: line 73 has"),
    "lines": (text("index.csv", lambda t: "\n".join(t.splitlines()[:-2]) + "\n"), "index.csv 70"),
    "bytes": (raw("index.csv", lambda b: b[:900] + b"\xff" + b[900:]), "index.csv is not readable"),
    "quote": (
        raw("index.csv", lambda b: b + b'"' + b"x" * 2**18),
        "line 74, is not .*field larger",
    ),
    "unknown": (cell("index.csv", "label", 3, "sad"), "labels .*'sad' in line 5"),
    "part": (cell("index.csv", "split", 3, "dev"), "splits .*'dev' in line 5"),
    "unsourced": (cell("index.csv", "source", 3, ""), "without a source: line 5"),
    "flat box": (cell("index.csv", "width", 3, "0"), "boxes .*in line 5"),
    "half box": (cell("index.csv", "x", 3, ""), "width, height , 2, 30, 40 in line 5"),
    "odd box": (cell("index.csv", "y", 3, "inf"), "boxes .*inf"),
    "score": (cell("index.csv", "score", 3, "1.5"), "scores outside 0 to 1: '1.5' in line 5"),
    "no score": (cell("index.csv", "score", 3, "nan"), "scores outside 0 to 1: 'nan' in line 5"),
    "lost": (
        text("dropped.csv", lambda t: t.replace("flat image", "unreadable")),
        "manifest.json counts 1 .*'flat image', dropped.csv has 0",
    ),
    "lost too": (
        text("dropped.csv", lambda t: t + "c,dim,,\n"),
        "manifest.json counts 0 .*'dim', dropped.csv has 1",
    ),
    "lost line": (
        text("dropped.csv", lambda t: t + "c,dim\n"),
        "dropped.csv, line 4: 2 cells, expected 4",
    ),
    "lost columns": (
        text("dropped.csv", lambda t: ""),
        "dropped.csv must have the columns .*got none",
    ),
    "lost bytes": (raw("dropped.csv", lambda b: b"\xff" + b), "dropped.csv is not readable CSV"),
    "lost quote": (
        raw("dropped.csv", lambda b: b + b'"' + b"x" * 2**18),
        "not readable CSV .field larger than field limit",
    ),
    "other source": (cell("index.csv", "source", 5, "b.png"), "index.csv was changed"),
    "other box": (cell("index.csv", "x", 5, "1.25"), "index.csv was changed"),
    "other score": (cell("index.csv", "score", 5, "0.5"), "index.csv was changed"),
    "other detail": (cell("dropped.csv", "detail", 1, "0.01"), "dropped.csv was changed"),
    "other side": (cell("splits.csv", "published", 0, "test"), "splits.csv was changed"),
    "side": (cell("splits.csv", "hold-out", 3, "tset"), "line 5: .*hold-out .*tset"),
    "fold": (cell("splits.csv", "loso", 3, "first"), "line 5: .*loso .*first"),
    "split rows": (
        text("splits.csv", lambda t: t.rsplit("\n", 2)[0] + "\n"),
        "splits.csv .*71.*72",
    ),
    "split bytes": (
        raw("splits.csv", lambda b: b[:300] + b"\xff" + b[300:]),
        "is not readable CSV",
    ),
    "split header": (raw("splits.csv", lambda b: b"\xff" + b), "splits.csv is not readable CSV"),
    "no split": (text("splits.csv", lambda t: "mine\n1\n"), "splits.csv has none of the splits 5"),
    "official": (no_official_side, "official part of 1 images"),
    "divided": (divide_a_person, "loso has 2 subjects on .*S00, although"),
    "clips": (divide_a_person, "loso has 2 sequences .*S00/0, although"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_reported(case, folder):
    spoil, pattern = DAMAGE[case]
    spoil(folder)
    report = check(folder)
    assert not report.ok
    assert any(re.search(pattern, error) for error in report.errors), report.errors
    assert len(report.errors) <= 9


def test_several_kinds_of_damage_are_reported_at_once(folder):
    cell("index.csv", "score", 3, "7")(folder)
    cell("index.csv", "height", 9, "-2")(folder)
    manifest(seen=99)(folder)
    (folder / "dropped.csv").unlink()
    divide_a_person(folder)
    told = "\n".join(check(folder).errors)
    for part in ("scores outside", "boxes", "seen is 99", "dropped.csv is missing", "loso has"):
        assert part in told


@pytest.mark.parametrize("case", ["cells", "no splits", "twice", "truncated", "other box"])
def test_one_cause_is_one_line(case, folder):
    DAMAGE[case][0](folder)
    assert len(check(folder).errors) == 1


def test_rows_that_a_split_leaves_out_are_on_no_side():
    keys = np.array([0, 1, 1, 2, 2, 3, 3, UNKNOWN, UNKNOWN])
    sides = np.array([0, LEFT_OUT, 2, 0, 1, 2, 2, 0, 1])
    assert divided(keys, sides).tolist() == [2]


def test_what_does_not_fit_together_is_not_compared_further(folder):
    np.save(folder / "images.npy", pictures()[:70])
    report = check(folder)
    (error,) = report.errors
    assert "number of images differs" in error
    (warning,) = report.warnings
    assert "not compared" in warning


def test_a_folder_of_folders_and_a_file_are_no_dataset(folder, tmp_path):
    assert "no such folder" in check(folder / "index.csv").errors[0]
    for name in ("images.npy", "index.csv", "manifest.json", "dropped.csv", "splits.csv"):
        (tmp_path / "odd" / name).mkdir(parents=True)
    assert len(check(tmp_path / "odd").errors) >= 5


@pytest.mark.parametrize("name", ["images.npy", "index.csv", "dropped.csv", "splits.csv"])
def test_random_damage_never_raises(name, folder):
    whole = (folder / name).read_bytes()
    rng = np.random.default_rng(len(name))
    for _ in range(12):
        # The header, or what stands before the first rows, is the most delicate place.
        start = int(rng.integers(0, min(len(whole), 200)))
        noise = rng.bytes(int(rng.integers(1, 9)))
        (folder / name).write_bytes(whole[:start] + noise + whole[start + rng.integers(0, 9) :])
        if (folder / name).read_bytes() != whole:
            assert check(folder).errors


def warned(folder):
    report = check(folder)
    assert report.ok, report.errors
    return report.warnings


def test_copies_on_two_sides_are_warned_of_for_every_split_they_cross(tmp_path):
    images = pictures()
    images[1] = images[66] = images[0]  # of the first person and of the last, with another label
    found = warned(write_folder(tmp_path / "d", images=images))
    crossing = [text for text in found if "byte-identical images on more than one side" in text]
    assert any(text.startswith("official has 1 group of") for text in crossing)
    assert any(text.startswith("loso has 1 group of") for text in crossing)
    assert not any(text.startswith("test-parts") for text in crossing)
    by_subject = [text for text in crossing if text.startswith(("official", "loso"))]
    assert all("S00/0/0.png and S11/0/0.png; --drop-duplicates" in text for text in by_subject)
    assert any("1 group of byte-identical images with conflicting labels" in t for t in found)


def test_copies_on_one_side_are_no_news(tmp_path):
    images = pictures()
    images[3] = images[0]
    found = warned(write_folder(tmp_path / "d", images=images))
    assert not any(text.startswith(("official", "loso")) for text in found)


def test_a_photograph_of_two_is_told_for_splits_that_divide_it(tmp_path):
    lines = rows()
    for number in (0, 71):
        lines[number][3] = "party.png"
    found = warned(write_folder(tmp_path / "d", lines))
    assert "official has 1 photograph on more than one side, e.g. party.png." in found
    assert not any(text.startswith(("hold-out", "5-fold", "subject-10fold")) for text in found)


def test_flat_blurred_unbalanced_and_absent_are_warned_of(tmp_path):
    lines = rows()
    for line in lines:
        line[0] = "joy" if line[2] != "test" else line[0]
    images = pictures()
    images[:48] = 118 + (images[:48] > 128)  # hardly any contrast in the training part
    images[7] = 90
    found = warned(write_folder(tmp_path / "d", lines, images))
    told = "\n".join(found)
    assert "flat images with little more than one grey level, e.g. S0" in told
    assert "train is much blurrier than" in told
    assert "63 images of joy, 3 of anger" in told
    assert "train part of official has no image of anger, fear" in told
    for line in lines:
        line[0] = "joy"
    left = ["No image of anger is left.", "No image of fear is left."]
    assert warned(write_folder(tmp_path / "e", lines))[:2] == left
    told = warned(write_folder(tmp_path / "f", lines, warnings=left[1:]))
    assert told.count(left[0]) == told.count(left[1]) == 1


def test_another_division_than_today_is_a_warning_and_the_stored_one_holds(folder):
    with open(folder / "splits.csv", newline="") as stream:
        header, *lines = csv.reader(stream)
    place = header.index("5-fold")
    for line in lines:
        line[place] = str((int(line[place]) + 1) % 5)
    write_lines(folder / "splits.csv", header, lines)
    report = check(folder)  # this file was edited
    (error,) = report.errors
    assert "splits.csv was changed" in error and REPAIR_HINT in error
    assert not any("would now differ" in text for text in report.warnings)
    record(folder)  # this one was written so, by another version
    assert any(re.match("5-fold would .*differ for 72", t) for t in warned(folder))


def test_absent_and_unknown_splits_are_warned_of(folder):
    with open(folder / "splits.csv", newline="") as stream:
        header, *lines = csv.reader(stream)
    header[header.index("loso")] = "mine"
    write_lines(folder / "splits.csv", header, lines)
    record(folder)
    found = warned(folder)
    assert any(re.match("splits.csv has the column 'mine', .*not", text) for text in found)
    assert any(text.startswith("splits.csv lacks the split loso") for text in found)


def test_a_split_that_would_not_be_made_now_is_warned_of(tmp_path):
    folder = write_folder(tmp_path / "d")
    lines = rows()
    lines[0][1] = ""
    stale = (folder / "splits.csv").read_text()
    write_folder(folder, lines)
    (folder / "splits.csv").write_text(stale)
    record(folder)
    told = "\n".join(warned(folder))
    assert "has the split loso, which cannot be made now: loso needs the subject" in told


@pytest.mark.parametrize("count", [1, 2])
def test_a_dataset_too_small_for_any_split_is_sound(count, tmp_path):
    folder = write_folder(tmp_path / "d", rows()[:count])
    assert any(text.startswith("No split applies to this dataset of ") for text in warned(folder))
    (folder / "splits.csv").write_text("mine\n" + "1\n" * count)
    assert "splits.csv has none of the splits 5-fold" in "\n".join(check(folder).errors)


def test_a_dataset_that_was_stored_without_its_splits_is_not(folder):
    (folder / "splits.csv").write_text("\n")
    record(folder)
    assert "splits.csv has none of the splits 5-fold" in "\n".join(check(folder).errors)


def test_errors_are_the_same_wherever_the_folder_lies(folder):
    DAMAGE["side"][0](folder)
    DAMAGE["lost line"][0](folder)
    assert str(folder) not in "\n".join(check(folder).errors)


def test_images_without_boxes_scores_subjects_and_parts_are_sound(tmp_path):
    lines = [[line[0], "", "", line[3], "", "", "", "", "", ""] for line in rows()]
    report = check(write_folder(tmp_path / "d", lines))
    assert report.errors == [] and report.warnings == []
    assert report.facts["boxes"] == report.facts["subjects"] == 0
    assert list(report.facts["splits"]) == ["5-fold", "hold-out", "published"]
    assert HEADER[-1] == "sequence"
