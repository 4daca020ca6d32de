"""Where a dataset says what to test on, nothing is trained on it without being asked to."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import index

from preprocessing import splits
from preprocessing.splits import InapplicableError
from preprocessing.splits.schemes import held_out, what_was_divided

PARTS = ["train"] * 80 + ["test"] * 20


def divide(name, dataset, seed=0):
    (parts,) = splits.get(name)(dataset, seed)
    return parts


@pytest.mark.parametrize("part", ["test", "validation"])
def test_of_two_parts_the_second_is_tested_and_validation_comes_from_train(part):
    dataset = index([0, 1] * 50, ["train"] * 80 + [part] * 20)
    parts = divide("official", dataset)
    assert parts["test"].tolist() == list(range(80, 100))
    assert len(parts["validation"]) == 16 and len(parts["train"]) == 64
    both = np.sort(np.concatenate([parts["train"], parts["validation"]]))
    assert both.tolist() == list(range(80))
    assert np.bincount(dataset.labels[parts["validation"]])[:2].tolist() == [8, 8]
    (said,) = what_was_divided(dataset)
    absent = {"test": "validation", "validation": "test"}[part]
    assert f"no {absent} part" in said and "20 images" in said and "16 of the 80" in said
    assert "at random" in said


def test_published_needs_something_to_test_on():
    with pytest.raises(InapplicableError, match="published needs images to test on; all images"):
        divide("published", index([0, 1] * 50, ["train"] * 100))
    assert len(divide("published", index([0, 1] * 50, PARTS))["test"]) == 20
    assert len(divide("published", index([0, 1] * 50, ["train"] * 99 + [""]))["test"]) == 20


def test_validation_is_taken_by_whole_people_where_they_are_known():
    people = [f"s{n // 8}" for n in range(80)] + ["other"] * 20
    dataset = index([0, 1] * 50, PARTS, subjects=people)
    parts = divide("official", dataset)
    assert len(parts["validation"]) == 16
    assert not set(dataset.subjects[parts["train"]]) & set(dataset.subjects[parts["validation"]])
    assert "by whole subjects" in what_was_divided(dataset)[0]


def test_three_parts_stay_as_they_are_and_nothing_is_said():
    dataset = index([0, 1] * 50, ["train"] * 60 + ["validation"] * 20 + ["test"] * 20)
    assert [len(rows) for rows in divide("official", dataset).values()] == [60, 20, 20]
    assert what_was_divided(dataset) == [] == what_was_divided(index([0, 1] * 10))


@pytest.mark.parametrize("names", [["train"] * 20, ["test"] * 20, ["validation", "test"] * 10, []])
def test_without_a_train_part_and_another_there_is_no_official_split(names):
    dataset = index([0, 1] * 10, names or None)
    with pytest.raises(InapplicableError, match="has no official"):
        divide("official", dataset)
    assert what_was_divided(dataset) == [] and not held_out(dataset).any()


def test_too_few_people_to_take_validation_from():
    dataset = index([0, 1] * 50, PARTS, subjects=["one"] * 80 + ["two"] * 20)
    with pytest.raises(InapplicableError, match="at least 2 groups of training images.* has 1"):
        divide("official", dataset)
    assert what_was_divided(dataset) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["official", "hold-out", "published"])
@pytest.mark.parametrize(
    "names",
    [PARTS, ["train"] * 70 + ["validation"] * 10 + ["test"] * 20, ["train"] * 75 + [""] * 5],
)
def test_no_scheme_but_those_of_folds_trains_on_a_known_test_part(name, names, seed):
    names = [*names[:80], *["test"] * 20]
    parts = divide(name, index([0, 1] * 50, names), seed)
    known = [n for n, part in enumerate(names) if part == "test"]
    assert set(known) <= set(parts["test"].tolist())


def test_hold_out_leaves_out_whom_the_test_part_shows():
    people = [f"s{n // 8}" for n in range(80)] + ["s0"] * 10 + ["other"] * 10
    dataset = index([0, 1] * 50, PARTS, subjects=people)
    parts = divide("hold-out", dataset)
    assert parts["test"].tolist() == list(range(80, 100))
    rest = np.sort(np.concatenate([parts["train"], parts["validation"]]))
    assert rest.tolist() == list(range(8, 80))  # without s0
    assert len(parts["validation"]) in (16, 24)


def test_hold_out_of_a_dataset_without_parts_is_what_it_was():
    parts = divide("hold-out", index([0, 1] * 50))
    assert [len(rows) for rows in parts.values()] == [60, 20, 20]
