"""`splits.csv` is readable by anyone, read back as it was written, and refused when damaged."""

from __future__ import annotations

import csv
import tracemalloc

import numpy as np
import pytest
from made_up import index, people, random_index, write_folder

from preprocessing import splits
from preprocessing.dataset import Dataset
from preprocessing.splits import base


@pytest.fixture
def dataset(tmp_path):
    return Dataset.open(write_folder(tmp_path / "tiny"))


def read(dataset):
    with open(dataset.path / "splits.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def edit(dataset, change):
    path = dataset.path / "splits.csv"
    path.write_text(change(path.read_text()))


def test_the_file_says_the_side_of_every_row_in_words_and_numbers(dataset):
    lines = read(dataset)
    assert len(lines) == len(dataset)
    assert list(lines[0]) == splits.names()
    for name in ("official", "published", "hold-out", "test-parts"):
        (parts,) = splits.get(name)(dataset, 0)
        for part, rows in parts.items():
            assert [n for n, line in enumerate(lines) if line[name] == part] == rows.tolist()
    assert [n for n, line in enumerate(lines) if line["test-parts"] == ""] == list(range(48))
    for name in ("5-fold", "loso", "subject-10fold"):
        found = splits.get(name)(dataset, 0)
        for fold, split in enumerate(found):
            assert [n for n, line in enumerate(lines) if line[name] == str(fold)] == (
                split["test"].tolist()
            )
            later = str((fold + 1) % len(found))
            assert [n for n, line in enumerate(lines) if line[name] == later] == (
                split["validation"].tolist()
            )


def same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert list(one) == list(other) == ["train", "validation", "test"]
        for part in one:
            assert one[part].dtype == np.int64
            assert np.array_equal(one[part], other[part])


def test_what_is_stored_is_what_is_computed(dataset, tmp_path):
    for name in splits.names():
        same(splits.stored(dataset, name), splits.get(name)(dataset, 0))
    for seed in range(10):
        random = random_index(seed, path=tmp_path)
        splits.write(random, tmp_path)
        for name in ("5-fold", "hold-out", "published"):
            same(splits.stored(random, name), splits.get(name)(random, 0))


def test_rows_that_a_scheme_of_folds_leaves_out_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(base.SCHEMES, "_values", {})

    @splits.register("some", promise="", folds=True)
    def some(dataset, seed):
        return np.array([0, 1, -1, 2, -1, 2])

    made = index([0] * 6, path=tmp_path)
    splits.write(made, tmp_path)
    assert (tmp_path / "splits.csv").read_text() == 'some\n0\n1\n""\n2\n""\n2\n'
    found = splits.stored(made, "some")
    assert [split["test"].tolist() for split in found] == [[0], [1], [3, 5]]
    assert [split["train"].tolist() for split in found] == [[3, 5], [0], [1]]


def test_what_is_stored_holds_whatever_would_be_computed_now(dataset):
    before = splits.stored(dataset, "5-fold")[0]["test"]
    edit(dataset, lambda text: text.replace("\n0,", "\nX,").replace("\n1,", "\n0,"))
    edit(dataset, lambda text: text.replace("\nX,", "\n1,"))
    assert np.array_equal(splits.stored(dataset, "5-fold")[1]["test"], before)


def test_a_split_that_does_not_apply_is_refused_with_its_reason_and_what_is_there(tmp_path):
    small = people([4, 5, 6, 7, 8, 9], path=tmp_path)
    splits.write(small, tmp_path)
    with pytest.raises(ValueError) as caught:
        splits.stored(small, "subject-10fold")
    assert "subject-10fold needs at least 10 subjects" in str(caught.value)
    assert str(caught.value).endswith("Available: 5-fold, hold-out, loso, published.")
    with pytest.raises(ValueError, match="has no official train"):
        splits.stored(small, "official")
    with pytest.raises(ValueError, match="Did you mean 'hold-out'"):
        splits.stored(small, "holdout")


@pytest.mark.parametrize("name", ["official", "hold-out"])
def test_a_dataset_too_small_for_any_split_says_what_it_lacks(name, tmp_path):
    pair = index([0, 1], path=tmp_path)
    splits.write(pair, tmp_path)
    with pytest.raises(ValueError, match="at least 3 groups.* has 2.*Available: none"):
        splits.stored(pair, name)


def test_a_split_that_applies_but_was_not_stored_is_no_silent_guess(dataset):
    edit(dataset, lambda text: text.replace("loso", "lost", 1))
    with pytest.raises(ValueError, match="'loso'.*did not exist"):
        splits.stored(dataset, "loso")


def rewrite(name, row, cell):
    def change(text):
        lines = list(csv.reader(text.splitlines()))
        lines[row][lines[0].index(name)] = cell
        return "\n".join(",".join(line) for line in lines) + "\n"

    return change


DAMAGE = {
    "part": (rewrite("official", 3, "tset"), "line 4: official must be train, .* got 'tset'"),
    "fold": (rewrite("official", 3, "2"), "line 4: official .* got '2'"),
    "short": (lambda text: text.rsplit("\n", 2)[0] + "\n", "71 rows for 72"),
    "cells": (lambda text: text.replace("\n", ",x\n", 2).replace(",x\n", "\n", 1), "line 2: 8 cel"),
    "empty": (lambda text: "", "has no split 'official'"),
    "binary": (lambda text: "official\n" + '"' + "x" * 200_000, "not readable"),
    "no test": (lambda text: text.replace(",test,", ",,"), "official lacks a test part"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_file_is_refused_with_the_place(case, dataset):
    change, message = DAMAGE[case]
    edit(dataset, change)
    with pytest.raises(ValueError, match=message):
        splits.stored(dataset, "official")


@pytest.mark.parametrize("cell", ["train", "-1", "1.0", "²", "9" * 30])
def test_a_fold_is_a_number(cell, dataset):
    edit(dataset, rewrite("loso", 5, cell))
    with pytest.raises(ValueError, match="line 6: loso must be the number of a fold"):
        splits.stored(dataset, "loso")


def test_a_fold_beyond_the_rows_is_refused_before_room_is_made_for_it(dataset):
    edit(dataset, rewrite("loso", 5, "200000000"))
    tracemalloc.start()
    with pytest.raises(ValueError, match="line 6: loso .* 0 to 71, .* got '200000000'"):
        splits.stored(dataset, "loso")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10**6
    edit(dataset, rewrite("loso", 5, "72"))
    with pytest.raises(ValueError, match="line 6: loso .* got '72'"):
        splits.stored(dataset, "loso")


def test_a_missing_fold_is_noticed(dataset):
    edit(dataset, rewrite("loso", 5, "13"))
    with pytest.raises(ValueError, match="loso lacks fold 12"):
        splits.stored(dataset, "loso")


def test_a_missing_file_is_told(dataset):
    (dataset.path / "splits.csv").unlink()
    with pytest.raises(ValueError, match="has no splits.csv"):
        splits.stored(dataset, "official")


def test_a_damaged_index_is_an_error_and_not_a_split_that_does_not_apply(dataset):
    before = (dataset.path / "splits.csv").read_bytes()
    index_file = dataset.path / "index.csv"
    index_file.write_text(index_file.read_text().replace("S03/0/1.png", "S03,0"))
    with pytest.raises(ValueError, match="the file is damaged"):
        splits.write(dataset, dataset.path)
    assert (dataset.path / "splits.csv").read_bytes() == before
