"""The text files of a prepared dataset are read in little memory and refused when damaged."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from made_up import index, people

from preprocessing import splits
from preprocessing.dataset.index import (
    COLUMNS,
    read_column,
    read_dropped,
    read_rows,
    read_some,
)
from preprocessing.sources import Rejected
from preprocessing.splits.groups import codes, shared

HEADER = ",".join(COLUMNS) + "\n"
ROW = "joy,s,train,a.png,,,,,\n"
DAMAGE = {
    "quote": (ROW + '"' + "x" * 2**18, "line 3, is not readable .*field larger than field limit"),
    "bytes": (ROW * 900 + "\udcff", r"line \d+, is not readable .*codec can't decode byte 0xff"),
    "cells": (ROW + "joy\n", "line 3: 1 cells, expected {length}.*Prepare"),
    "blank": (ROW + "\n" + ROW, "line 3: 0 cells, expected {length}"),
}


def column(path):
    return read_column(path, "source")


def write(path, text):
    path.write_bytes(text.encode(errors="surrogateescape"))
    return path


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_index_is_a_value_error_that_names_the_line(case, tmp_path):
    body, message = DAMAGE[case]
    path = write(tmp_path / "index.csv", HEADER + body)
    for read in (lambda path: list(read_rows(path, ("source",))), column):
        with pytest.raises(ValueError, match="index.csv, " + message.replace("{length}", "9")):
            read(path)


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_list_of_what_was_dropped_is_one_too(case, tmp_path):
    body, message = DAMAGE[case]
    body = body.replace(ROW, "a.png,dim,,joy\n")
    path = write(tmp_path / "dropped.csv", "source,reason,detail,label\n" + body)
    with pytest.raises(ValueError, match="dropped.csv, " + message.replace("{length}", "4")):
        list(read_dropped(path))


@pytest.mark.parametrize("text", ["", "\n", "label,source\n", "\udcff", '"' + "x" * 2**18])
def test_another_header_is_refused(text, tmp_path):
    path = write(tmp_path / "any.csv", text)
    for read in (read_dropped, lambda path: read_rows(path, ("source",))):
        with pytest.raises(ValueError, match="any.csv.* (must|is not readable)"):
            list(read(path))


def test_what_was_dropped_is_read_as_it_was_written(tmp_path):
    text = 'source,reason,detail,label\na.png,dim,"0, or ""less""\n",joy\nb.png,torn,,\n'
    assert list(read_dropped(write(tmp_path / "dropped.csv", text))) == [
        Rejected("a.png", "dim", '0, or "less"\n', "joy"),
        Rejected("b.png", "torn"),
    ]


def test_columns_are_text_whatever_its_length():
    sources = ["a.png", "x", "b" * 3000]
    dataset = index([0, 1, 0], ["train", "", "test"], sources=sources)
    assert dataset.sources.tolist() == sources
    assert (dataset.sources == "x").tolist() == [False, True, False]
    assert (dataset.splits == "train").tolist() == [True, False, False]
    assert dataset.splits.dtype == object and type(dataset.splits[0]) is str


def test_some_rows_are_read_up_to_the_last_of_them():
    dataset = index([0] * 9)
    path = dataset.path / "index.csv"
    assert read_some(path, "source", [7, 2]) == {2: "2.png", 7: "7.png"}
    assert read_some(path, "source", []) == {}
    with open(path, "a") as stream:
        stream.write("damaged\n")
    assert read_some(path, "source", [8]) == {8: "8.png"}
    with pytest.raises(ValueError, match="line 11: 1 cells"):
        read_some(path, "source", [9])


def test_codes_are_in_the_order_of_the_sorted_texts():
    texts = np.random.default_rng(0).integers(0, 50, 300).astype(str).astype(object)
    texts[::7] = ""
    known = texts != ""
    found = codes(iter(texts))
    assert (found[~known] == -1).all() and found.dtype == np.int64
    assert np.array_equal(found[known], np.unique(texts[known], return_inverse=True)[1])
    assert codes([]).tolist() == [] and codes(["", ""]).tolist() == [-1, -1]
    assert shared(people([2, 1, 3]), "sequence").tolist() == [-1] * 6


def peak(work):
    tracemalloc.start()
    work()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


def test_one_long_source_does_not_widen_all_others(tmp_path):
    count = 3000
    sources = [f"{n:040d}" for n in range(count)]
    dataset = index(np.arange(count) % 7, sources=sources, path=tmp_path)
    plain = peak(lambda: splits.write(dataset, tmp_path))
    sources[7] = "x" * 30_000
    dataset = index(np.arange(count) % 7, sources=sources, path=tmp_path)
    assert peak(lambda: splits.write(dataset, tmp_path)) < plain + 2**20
    assert peak(lambda: dataset.sources) < 200 * count + 2**20
    assert plain < 600 * count
