"""Splits are disjoint, complete, reproducible and of the published sizes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from preprocessing import splits
from preprocessing.dataset import Dataset
from preprocessing.prepare import prepare

FER2013_TRAIN = (3995, 436, 4097, 7215, 4830, 3171, 4965)
JAFFE = (30, 29, 32, 31, 30, 31, 30)


def index(labels, names):
    """A dataset of which only the index is filled."""
    count = len(labels)
    blank = np.full(count, "")
    images = np.empty((count, 0, 0, 1), np.uint8)
    manifest = {"dataset": "made up", "classes": list("abcdefg")}
    return Dataset(Path("x"), images, np.array(labels), np.array(names), blank, blank, manifest)


@pytest.fixture
def fer2013():
    labels = np.repeat(np.arange(7), FER2013_TRAIN).tolist() + [0] * 7178
    return index(labels, ["train"] * 28709 + ["validation"] * 3589 + ["test"] * 3589)


@pytest.fixture
def jaffe():
    return index(np.repeat(np.arange(7), JAFFE), [""] * sum(JAFFE))


def check(parts, count):
    assert list(parts) == ["train", "validation", "test"]
    rows = np.concatenate(list(parts.values()))
    assert np.array_equal(np.sort(rows), np.arange(count))  # each row once
    assert all(np.array_equal(part, np.sort(part)) for part in parts.values())


def sizes(parts):
    return [len(part) for part in parts.values()]


def test_official_follows_the_split_column(fer2013):
    parts = splits.official(fer2013)
    check(parts, 35887)
    for name, rows in parts.items():
        assert set(fer2013.splits[rows]) == {name}


def test_published_has_the_published_sizes(fer2013, jaffe):
    parts = splits.published(fer2013, 0)
    check(parts, 35887)
    assert sizes(parts) == [20_099, 8_610, 7_178]
    assert set(fer2013.splits[parts["test"]]) == {"validation", "test"}
    parts = splits.published(jaffe, 0)
    check(parts, 213)
    assert len(parts["test"]) == 45


def test_published_takes_its_share_of_every_class(jaffe):
    parts = splits.published(jaffe, 3)
    counts = {name: np.bincount(jaffe.labels[rows], minlength=7) for name, rows in parts.items()}
    total = np.bincount(jaffe.labels)
    assert np.array_equal(counts["test"], -(-total // 5))
    assert np.array_equal(counts["validation"], (total - counts["test"]) * 3 // 10)


def test_published_depends_on_the_seed_alone(jaffe):
    first, again, other = (splits.published(jaffe, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["test"], other["test"])
    assert not np.array_equal(first["validation"], other["validation"])


def test_official_refuses_a_dataset_without_one(jaffe, fer2013):
    with pytest.raises(ValueError, match="made up at x has no official train"):
        splits.official(jaffe)
    only_train = index(fer2013.labels[:10], fer2013.splits[:10])
    with pytest.raises(ValueError, match="no official validation and no test part"):
        splits.official(only_train)


def test_schematic_parts_share_no_subject(tmp_path):
    dataset = prepare("schematic", None, tmp_path / "out", subjects=10, per_subject=7)
    parts = splits.get("official")(dataset, 0)
    check(parts, 70)
    people = [set(dataset.subjects[rows]) for rows in parts.values()]
    assert [len(group) for group in people] == [6, 2, 2]
    assert len(set.union(*people)) == 10


def test_splits_are_found_by_name():
    assert splits.names() == ["official", "published", "test-parts"]
    assert splits.get("published") is splits.published
    with pytest.raises(ValueError, match="unknown split 'offical': did you mean 'official'"):
        splits.get("offical")


def test_test_parts_divides_each_class_of_validation_and_test_and_leaves_train_alone():
    dataset = index([0] * 50 + [0, 1] * 100, ["train"] * 50 + ["validation"] * 80 + ["test"] * 120)
    parts = splits.get("test-parts")(dataset, 0)
    rows = np.concatenate(list(parts.values()))
    assert np.array_equal(np.sort(rows), np.arange(50, 250))  # each once, none of train
    for name, each in (("train", 60), ("validation", 20), ("test", 20)):
        assert np.bincount(dataset.labels[parts[name]]).tolist() == [each, each]
        assert len(set(dataset.splits[parts[name]])) == 2  # from both official parts
    again, other = splits.test_parts(dataset, 0), splits.test_parts(dataset, 1)
    assert all(np.array_equal(parts[name], again[name]) for name in parts)
    assert not np.array_equal(parts["test"], other["test"])


def test_test_parts_of_a_dataset_without_official_parts_is_refused(jaffe):
    with pytest.raises(ValueError, match="no official validation and test parts"):
        splits.test_parts(jaffe)
