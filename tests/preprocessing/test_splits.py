"""The authors' split and the published one are complete, reproducible and of the known sizes."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import index

from preprocessing import splits
from preprocessing.splits import base

FER2013_TRAIN = (3995, 436, 4097, 7215, 4830, 3171, 4965)
JAFFE = (30, 29, 32, 31, 30, 31, 30)


@pytest.fixture
def fer2013():
    labels = np.repeat(np.arange(7), FER2013_TRAIN).tolist() + [0] * 7178
    return index(labels, ["train"] * 28709 + ["validation"] * 3589 + ["test"] * 3589)


@pytest.fixture
def jaffe():
    return index(np.repeat(np.arange(7), JAFFE))


def divide(name, dataset, seed=0):
    (parts,) = splits.get(name)(dataset, seed)
    return parts


def check(parts, count):
    assert list(parts) == ["train", "validation", "test"]
    rows = np.concatenate(list(parts.values()))
    assert np.array_equal(np.sort(rows), np.arange(count))  # each row once
    for part in parts.values():
        assert part.dtype == np.int64 and np.array_equal(part, np.sort(part))


def sizes(parts):
    return [len(part) for part in parts.values()]


def test_official_follows_the_split_column(fer2013):
    parts = divide("official", fer2013)
    check(parts, 35887)
    for name, rows in parts.items():
        assert set(fer2013.splits[rows]) == {name}


def test_official_leaves_out_what_has_no_part():
    parts = divide("official", index([0] * 5, ["test", "", "train", "", "validation"]))
    assert {name: rows.tolist() for name, rows in parts.items()} == {
        "train": [2],
        "validation": [4],
        "test": [0],
    }


def test_published_has_the_published_sizes(fer2013, jaffe):
    parts = divide("published", fer2013)
    check(parts, 35887)
    assert sizes(parts) == [20_099, 8_610, 7_178]
    assert set(fer2013.splits[parts["test"]]) == {"validation", "test"}
    parts = divide("published", jaffe)
    check(parts, 213)
    assert len(parts["test"]) == 45


def test_published_takes_its_share_of_every_class(jaffe):
    parts = divide("published", jaffe, 3)
    counts = {name: np.bincount(jaffe.labels[rows], minlength=7) for name, rows in parts.items()}
    total = np.bincount(jaffe.labels)
    assert np.array_equal(counts["test"], -(-total // 5))
    assert np.array_equal(counts["validation"], (total - counts["test"]) * 3 // 10)


def test_published_keeps_a_known_test_part_where_some_images_have_no_part():
    parts = divide("published", index([0] * 100, ["train"] * 50 + ["test"] * 49 + [""]))
    assert sizes(parts) == [36, 15, 49] and parts["test"].tolist() == list(range(50, 99))
    parts = divide("published", index([0] * 100, ["train"] * 50 + [""] * 50))
    assert sizes(parts) == [56, 24, 20]


def test_published_and_test_parts_give_the_rows_they_always_gave(jaffe):
    """Results that are already stored depend on these."""
    parts = divide("published", jaffe)
    assert parts["test"][:8].tolist() == PUBLISHED_TEST
    assert parts["validation"][:8].tolist() == PUBLISHED_VALIDATION
    parts = divide("test-parts", index([0, 1] * 50, ["validation", "test"] * 50))
    assert parts["test"][:8].tolist() == TEST_PARTS_TEST
    assert parts["validation"][:8].tolist() == TEST_PARTS_VALIDATION


PUBLISHED_TEST = [2, 10, 13, 24, 26, 28, 32, 41]
PUBLISHED_VALIDATION = [1, 12, 14, 16, 17, 23, 27, 31]
TEST_PARTS_TEST = [4, 5, 8, 9, 20, 21, 22, 23]
TEST_PARTS_VALIDATION = [12, 13, 28, 29, 30, 31, 38, 39]


def test_published_depends_on_the_seed_alone(jaffe):
    first, again, other = (divide("published", jaffe, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["test"], other["test"])
    assert not np.array_equal(first["validation"], other["validation"])


def test_official_refuses_a_dataset_without_one(jaffe, fer2013):
    with pytest.raises(ValueError, match="made up at .*x has no official train"):
        divide("official", jaffe)
    only_train = index(fer2013.labels[:10], fer2013.splits[:10])
    with pytest.raises(ValueError, match="no official validation and no test part"):
        divide("official", only_train)


def test_splits_are_found_by_name():
    assert splits.names() == [
        "5-fold",
        "hold-out",
        "loso",
        "official",
        "published",
        "subject-10fold",
        "test-parts",
    ]
    assert splits.get("loso").name == "loso" and splits.get("loso").folds
    with pytest.raises(ValueError, match="split: 'offical'.*Did you mean 'official'"):
        splits.get("offical")


def test_a_scheme_is_added_by_one_decorator_and_its_name_is_taken_then(monkeypatch):
    monkeypatch.setattr(base.SCHEMES, "_values", {})

    @splits.register("thirds", promise="every third row")
    def thirds(dataset, seed):
        return np.arange(len(dataset)) % 3

    assert splits.names() == ["thirds"]
    assert divide("thirds", index([0] * 6))["validation"].tolist() == [1, 4]
    with pytest.raises(ValueError, match="'thirds' is already registered"):
        splits.register("thirds", promise="")(splits.schemes.official.divide)


def test_test_parts_divides_each_class_of_validation_and_test_and_leaves_train_alone():
    dataset = index([0] * 50 + [0, 1] * 100, ["train"] * 50 + ["validation"] * 80 + ["test"] * 120)
    parts = divide("test-parts", dataset)
    rows = np.concatenate(list(parts.values()))
    assert np.array_equal(np.sort(rows), np.arange(50, 250))  # each once, none of train
    for name, each in (("train", 60), ("validation", 20), ("test", 20)):
        assert np.bincount(dataset.labels[parts[name]]).tolist() == [each, each]
        assert len(set(dataset.splits[parts[name]])) == 2  # from both official parts
    again, other = divide("test-parts", dataset), divide("test-parts", dataset, 1)
    assert all(np.array_equal(parts[name], again[name]) for name in parts)
    assert not np.array_equal(parts["test"], other["test"])


def test_test_parts_of_a_dataset_without_official_parts_is_refused(jaffe):
    with pytest.raises(ValueError, match="no official validation and test parts"):
        divide("test-parts", jaffe)


def test_a_dataset_too_small_for_a_part_is_refused():
    with pytest.raises(
        ValueError, match="published leaves made up at .*x without a validation part"
    ):
        divide("published", index([0, 0, 1, 1]))
