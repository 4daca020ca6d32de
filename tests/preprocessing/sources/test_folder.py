"""Photographs in folders of classes: what counts as class, split and subject, and what does not."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

from attention_fer.common.class_names import ordered
from preprocessing.sources import Doubt


@pytest.fixture
def png(raw):
    return raw.encode(raw.face(0, (20, 30, 3)))


def test_class_folders_are_classes_however_deep_the_files_lie(read, raw, png, tmp_path):
    names = ["cat/1.png", "cat/a/b/2.JPG", "ant/x.tiff", "bee/y.webp"]
    for path in (
        raw.directory(tmp_path / "d", dict.fromkeys(names, png)),
        raw.zip(tmp_path / "a.zip", dict.fromkeys(names, png)),
    ):
        found = read("folder", path)
        prefix = "a.zip/" if path.suffix else ""
        assert found.raw.classes == ("ant", "bee", "cat") and found.raw.expected is None
        assert [(s.source, s.label) for s in found.samples] == [
            (prefix + "ant/x.tiff", "ant"),
            (prefix + "bee/y.webp", "bee"),
            (prefix + "cat/1.png", "cat"),
            (prefix + "cat/a/b/2.JPG", "cat"),
        ]
        assert {(s.split, s.subject) for s in found.samples} == {("", "")}
        assert found.rejected == [] and found.notices == []
        assert np.array_equal(found.samples[0].load(), raw.face(0, (20, 30, 3)))


def test_split_folders_are_official_splits(read, raw, png, tmp_path):
    names = ["Train/b/1.png", "train/a/2.png", "val/a/3.png", "TEST/b/x/4.png", "test/c/5.png"]
    found = read("folder", raw.directory(tmp_path, dict.fromkeys(names, png)))
    assert found.raw.classes == ("a", "b", "c")
    assert [(s.source, s.split, s.label) for s in found.samples] == [
        ("train/a/2.png", "train", "a"),
        ("Train/b/1.png", "train", "b"),
        ("val/a/3.png", "validation", "a"),
        ("TEST/b/x/4.png", "test", "b"),
        ("test/c/5.png", "test", "c"),
    ]
    assert found.raw.distribution == "split and class folders in ."


@pytest.mark.parametrize(
    ("folder", "split"),
    [("valid", "validation"), ("validation", "validation"), ("training", "train")],
)
def test_splits_have_several_names(folder, split, read, raw, png, tmp_path):
    found = read("folder", raw.directory(tmp_path, {f"{folder}/a/1.png": png}))
    assert [(s.split, s.label) for s in found.samples] == [(split, "a")]


def test_a_class_may_be_called_like_a_split(read, raw, png, tmp_path):
    tree = dict.fromkeys(["test/1.png", "train/1.png"], png)
    found = read("folder", raw.directory(tmp_path, tree))
    assert [(s.split, s.label) for s in found.samples] == [("", "test"), ("", "train")]


def test_folders_around_everything_are_passed_over(read, raw, png, tmp_path):
    classes = dict.fromkeys(["a/1.png", "b/2.png"], png)
    found = read("folder", raw.zip(tmp_path / "a.zip", classes, top="data/ck/"))
    assert found.raw.classes == ("a", "b")
    assert found.raw.distribution == "class folders in a.zip/data/ck"
    splits = dict.fromkeys(["train/a/1.png", "test/b/2.png"], png)
    found = read("folder", raw.zip(tmp_path / "b.zip", splits, top="data/"))
    assert [s.split for s in found.samples] == ["train", "test"]
    stray = ["cover.png", "d/cover.png", "d/e/cover.png", "d/notes.txt"]
    names = [*stray, "d/e/a/1.png", "d/e/b/1.png"]
    found = read("folder", raw.directory(tmp_path / "d", dict.fromkeys(names, png)))
    assert found.raw.classes == ("a", "b") and found.reasons == {
        **dict.fromkeys(stray, "not in a class folder"),
        "d/notes.txt": "not an image file",
    }


def test_one_expression_is_a_class_and_no_folder_around_its_people(read, raw, png, tmp_path):
    tree = dict.fromkeys(["Happiness/ann/1.png", "Happiness/bob/1.png"], png)
    found = read("folder", raw.directory(tmp_path, tree))
    assert found.raw.classes == ("Happiness",)
    assert found.says("one class, Happiness")


def test_expressions_keep_their_names_and_take_the_canonical_order(read, raw, png, tmp_path):
    names = ["anger", "contempt", "disgust", "fear", "happy", "Neutral", "sadness", "SURPRISED"]
    found = read("folder", raw.directory(tmp_path, {f"{n}/1.png": png for n in names}))
    canonical = "anger disgust fear happy sadness SURPRISED Neutral contempt"
    assert found.raw.classes == tuple(canonical.split())
    assert [s.label for s in found.samples] == canonical.split()
    assert found.notices == []


def test_one_other_name_among_them_means_sorted():
    assert ordered(["sad", "happy", "neutral"]) == ("happy", "sad", "neutral")
    assert ordered(["sad", "happy", "neutral", "bored"]) == ("bored", "happy", "neutral", "sad")


@pytest.mark.parametrize(
    ("folders", "classes", "said"),
    [
        (["train/Happy", "train/sad", "test/happy"], ("happy", "sad"), "'Happy' and 'happy'"),
        (["train/anger", "test/angry", "test/sad"], ("angry", "sad"), "'anger' and 'angry'.*angry"),
        (["angry", "angry ", "sad"], ("angry", "sad"), "'angry' and 'angry '"),
        (["caf\u00e9", "cafe\u0301", "tea"], ("caf\u00e9", "tea"), "one class, caf\u00e9"),
        (["Tea", "tea", "x"], ("Tea", "x"), "'Tea' and 'tea' are one class, Tea"),
        (["cat ", "dog"], ("cat", "dog"), "'cat ' is called 'cat'"),
        (["train/0_anger", "test/Angry", "test/sad"], ("angry", "sad"), "'0_anger' and 'Angry'"),
    ],
)
def test_spellings_of_a_class_are_one_and_told(folders, classes, said, read, raw, png, tmp_path):
    tree = {f"{folder}/{n}.png": png for n, folder in enumerate(folders)}
    found = read("folder", raw.zip(tmp_path / "a.zip", tree))
    assert found.raw.classes == classes and len(found.samples) == len(folders)
    assert found.says(said)


def test_spellings_of_a_part_are_one_and_told(read, raw, png, tmp_path):
    names = ["train_set/a/1.png", "Training/b/2.png", "dev/a/3.png", "test-images/b/4.png"]
    found = read("folder", raw.directory(tmp_path, dict.fromkeys(names, png)))
    assert sorted(s.split for s in found.samples) == ["test", "train", "train", "validation"]
    assert found.says("'Training' and 'train_set' are one part, train")


def test_what_cannot_be_learned_from_is_doubtful(read, raw, png, tmp_path):
    one = read("folder", raw.directory(tmp_path / "1", {"aligned/1.png": png}))
    parts = read("folder", raw.directory(tmp_path / "2", {"train/1.png": png, "test/2.png": png}))
    for found, words in ((one, "one class, aligned.*--labels"), (parts, "like parts.*test, train")):
        assert found.says(words) and isinstance(found.notices[0], Doubt)


def test_folders_of_parts_with_a_word_before_are_doubtful_classes(read, raw, png, tmp_path):
    names = [f"FER2013{part}/fer000000{n}.png" for n, part in enumerate(("Train", "Valid", "Test"))]
    found = read("folder", raw.directory(tmp_path, dict.fromkeys(names, png)))
    assert found.says("like parts of a dataset: FER2013Test, FER2013Train, FER2013Valid")


def test_folders_of_people_are_doubtful_classes(read, raw, png, tmp_path):
    people = read("folder", raw.directory(tmp_path / "1", {"AF01/a.jpg": png, "BM35/b.jpg": png}))
    assert people.says("named like people: AF01, BM35")
    digits = read("folder", raw.directory(tmp_path / "2", {"1/a.jpg": png, "level2/b.jpg": png}))
    assert digits.says()


def test_numbers_are_doubtful_names_of_classes(read, raw, png, tmp_path):
    copy = {f"train/{n}/train_0000{n}_aligned.jpg": png for n in range(1, 8)}
    found = read("folder", raw.directory(tmp_path, copy))
    assert found.says("Classes are numbers: 1, 2, 3, 4, 5, 6, 7. ")
    assert found.says("--dataset rafdb") and found.raw.classes == tuple("1234567")


def test_a_part_of_another_name_is_told(read, raw, png, tmp_path):
    names = ["train/sad/1.png", "train/happy/2.png", "eval/Sadness/3.png", "extra/x/4.png"]
    found = read("folder", raw.directory(tmp_path, dict.fromkeys(names, png)))
    (told,) = [text for text in found.notices if isinstance(text, Doubt)]
    assert "folder eval next to the parts is left out (images: 1)" in told
    assert len(found.rejected) == 2


@pytest.mark.parametrize(
    ("name", "title", "dataset"),
    [
        ("train_set/annotations/0_exp.npy", "AffectNet", "affectnet"),
        ("label/list_patition_label.txt", "RAF-DB", "rafdb"),
    ],
)
def test_datasets_with_labels_in_files_are_no_folders_of_classes(
    name, title, dataset, read, raw, png, tmp_path
):
    path = raw.directory(tmp_path, {"train_set/images/0.png": png, name: b"1"})
    with pytest.raises(ValueError, match=f"{name} belongs to {title},.*--dataset {dataset}[.]"):
        read("folder", path)


def test_everything_that_is_no_sample_has_a_reason(read, raw, png, tmp_path):
    tree = {
        "train/a/1.png": png,
        "test/b/1.png": png,
        "cover.png": png,
        "train/loose.png": png,
        "extra/a/1.png": png,
        "train/a/notes.txt": b"",
        "labels.csv": b"",
        "train/a/noname": b"",
        ".DS_Store": b"",
    }
    path = raw.directory(tmp_path, tree)
    (path / "train" / "a" / "gone.png").symlink_to("nowhere")
    found = read("folder", path)
    assert len(found.samples) == 2 and found.reasons == {
        "cover.png": "not in a class folder",
        "train/loose.png": "not in a class folder",
        "extra/a/1.png": "not in a train, validation or test folder",
        "train/a/notes.txt": "not an image file",
        "labels.csv": "not an image file",
        "train/a/noname": "not an image file",
        "train/a/gone.png": "dangling link",
    }


def test_a_photograph_nobody_reads_is_a_sample_until_it_is_loaded(read, raw, tmp_path):
    found = read("folder", raw.directory(tmp_path, {"a/1.heic": b"", "b/2.jpg": b""}))
    assert [s.label for s in found.samples] == ["a", "b"]


SUBJECTS = ["a/S010_004_17.png", "a/S011/1.png", "b/S010_1.png"]


@pytest.mark.parametrize(
    ("pattern", "subjects"),
    [
        (r"S\d+", ["S010", "S011", "S010"]),
        (r"S(\d+)", ["010", "011", "010"]),
        (r"(a|b)/S(?P<subject>\d+)", ["010", "011", "010"]),
        (r"^./S01(.)", ["0", "1", "0"]),
    ],
)
def test_subjects_are_found_in_paths(pattern, subjects, read, raw, png, tmp_path):
    tree = dict.fromkeys(SUBJECTS, png)
    for path in (raw.directory(tmp_path / "d", tree), raw.zip(tmp_path / "z.zip", tree, "top/")):
        found = read("folder", path, subject_pattern=pattern)
        assert [s.subject for s in found.samples] == subjects


@pytest.mark.parametrize("pattern", [r"S\d+", r"(S\d+)|strange", r"strange|(?P<subject>S\d+)"])
def test_photographs_without_a_subject_are_rejected(pattern, read, raw, png, tmp_path):
    path = raw.directory(tmp_path, dict.fromkeys([*SUBJECTS, "b/strange.png"], png))
    found = read("folder", path, subject_pattern=pattern)
    assert found.reasons == {"b/strange.png": "subject pattern does not match"}
    assert found.rejected[0].label == "b" and pattern in found.rejected[0].detail
    assert [s.subject for s in found.samples] == ["S010", "S011", "S010"]


def test_patterns_that_cannot_work_are_errors_with_an_example(read, raw, png, tmp_path):
    path = raw.directory(tmp_path, dict.fromkeys(SUBJECTS, png))
    with pytest.raises(ValueError, match=r"regular expression.*'a/S010_004_17.png', got 'S\('"):
        read("folder", path, subject_pattern="S(")
    with pytest.raises(ValueError, match="S010_004_17.* got 'T'.* none of 3 paths"):
        read("folder", path, subject_pattern="T")


def test_trees_without_classes_say_what_was_found_and_expected(read, raw, png, tmp_path):
    with pytest.raises(FileNotFoundError, match="(?i)no file.*nowhere.*ROOT/happy"):
        read("folder", tmp_path / "nowhere")
    loose = raw.directory(tmp_path / "d", {"1.png": png, "2.png": png})
    with pytest.raises(ValueError, match="No photograph .*ROOT/happy/1.jpg.*1.png, 2.png"):
        read("folder", loose)
    for tree in ({}, {"a/x.txt": b""}):
        (tmp_path / str(len(tree))).mkdir()
        with pytest.raises(ValueError, match="No photograph in a class folder"):
            read("folder", raw.directory(tmp_path / str(len(tree)), tree))
    packed = raw.zip(tmp_path / "e" / "photos.zip", {"a/1.png": png}).parent
    with pytest.raises(ValueError, match=r"a directory or archive.*found photos.zip"):
        read("folder", packed)


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
@pytest.mark.parametrize("split", ["", "train"])
def test_classes_whose_names_are_no_text_are_text(split, read, png, tmp_path):
    folder = os.path.join(os.fsencode(tmp_path), split.encode(), b"caf\xe9")
    try:
        os.makedirs(folder)
    except OSError:
        pytest.skip("this file system takes text alone")
    with open(folder + b"/1.png", "wb") as stream:
        stream.write(png)
    found = read("folder", tmp_path, subject_pattern="caf.+/")
    assert found.raw.classes == (r"caf\udce9",)
    (sample,) = found.samples
    assert sample.load().shape == (20, 30, 3)
    assert (sample.subject, sample.split) == (r"caf\udce9/", split)


def test_order_is_that_of_the_raw_files_alone(read, raw, png, tmp_path):
    names = [f"{label}/{n}.png" for label in ("sad", "happy") for n in (3, 1, 2)]
    one = read("folder", raw.directory(tmp_path / "1", dict.fromkeys(names, png)))
    two = read("folder", raw.directory(tmp_path / "2", dict.fromkeys(names[::-1], png)))
    assert [s.source for s in one.samples] == [s.source for s in two.samples]
    assert [s.label for s in one.samples] == ["happy"] * 3 + ["sad"] * 3


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (
            ["p1/happy/1.png", "p1/sad/2.png", "p2/happy/3.png"],
            "happy, sad .*like expressions",
        ),
        (["data/happy/1.png", "extra/2.png"], "happy below the classes look like expressions"),
        (["happy/train/1.png", "happy/test/2.png", "sad/test/3.png"], "test, train .*like splits"),
        (["train/p1/sad/1.png", "test/p2/sad/2.png"], "sad below the classes look like expr"),
        (["dark/P001/sad/1.png", "light/P001/sad/2.png"], "sad below the classes look like expr"),
    ],
)
def test_folders_in_another_order_are_told(names, said, read, raw, png, tmp_path):
    found = read("folder", raw.directory(tmp_path, dict.fromkeys(names, png)))
    (told,) = found.notices
    assert re.search(said, told)


def test_folders_of_people_below_the_classes_are_no_cause_for_doubt(read, raw, png, tmp_path):
    names = ["happy/ann/1.png", "sad/ann/2.png", "train/happy/ann/1.png"]
    for name in (names[:2], names[2:]):
        found = read("folder", raw.directory(tmp_path / name[0][:3], dict.fromkeys(name, png)))
        assert not any("look like" in told for told in found.notices)
