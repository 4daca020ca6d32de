"""Rows come in the order of the items, from several threads, and few items are held at once."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

from preprocessing.dataset.index import IndexRow
from preprocessing.pipeline import CHUNK, LEFT_OUT, chunks, cores, make_rows, ordered
from preprocessing.sources import Rejected, Sample


def test_results_come_in_the_order_of_the_items_whichever_is_done_first():
    def slow_at_first(number):
        time.sleep(0.02 if number % 5 == 0 else 0)
        return number * number

    assert list(ordered(slow_at_first, range(40), 4)) == [n * n for n in range(40)]


def test_several_threads_work_at_the_same_time():
    meeting = threading.Barrier(3, timeout=10)  # passes only if three wait for each other
    assert len(list(ordered(lambda _: meeting.wait(), range(6), 3))) == 6


def test_few_items_are_taken_ahead_of_the_results():
    taken = []

    def items():
        for number in range(1000):
            taken.append(number)
            yield number

    results = ordered(lambda number: number, items(), 2)
    for number in range(50):
        assert next(results) == number
        assert len(taken) <= number + 1 + 2 + 2
    results.close()
    assert len(taken) < 60


def test_an_error_comes_after_the_results_before_it():
    def faulty(number):
        if number == 7:
            raise KeyError("seven")
        return number

    seen = []
    with pytest.raises(KeyError, match="seven"):
        for result in ordered(faulty, range(100), 3):
            seen.append(result)
    assert seen == list(range(7))


def test_chunks_are_consecutive_and_hold_every_item():
    assert list(chunks(iter(range(7)), 3)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(chunks([], 3)) == []


def test_cores_are_those_this_process_may_use():
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this system cannot restrict a process to some cores")
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert cores() == len(before)


def sample(number, label="sad"):
    return Sample(lambda: np.full((2, 2), number, np.uint8), label, "", "", f"photo {number}")


def doubled(samples):
    """Two rows of each even photograph, none of the odd ones."""
    made = []
    for one in samples:
        image = one.load()
        odd = Rejected(one.source, "odd")
        row = IndexRow(image, one.label, "", "", one.source)
        made.append([odd] if image[0, 0] % 2 else [row, row])
    return made


def test_every_item_is_accounted_for_in_order():
    items = [Rejected(f"photo {n}", "torn") if n % 10 == 9 else sample(n) for n in range(60)]
    items[4] = sample(4, "happy")
    made = list(make_rows(items, doubled, without=("happy",), workers=3))
    assert [source for source, _ in made] == [f"photo {n}" for n in range(60)]
    assert len(items) > 3 * CHUNK
    for number, (_, rows) in enumerate(made):
        if number == 4:
            assert rows == [Rejected("photo 4", LEFT_OUT, "happy", "happy")]
        elif number % 10 == 9:
            assert rows == [Rejected(f"photo {number}", "torn")]
        elif number % 2:
            assert rows == [Rejected(f"photo {number}", "odd")]
        else:
            assert [row.image[0, 0] for row in rows] == [number, number]


def test_what_is_left_out_is_not_decoded():
    def fail():
        raise AssertionError("decoded")

    left_out = Sample(fail, "happy", "", "", "photo")
    ((source, rows),) = make_rows([left_out], doubled, without=["happy"])
    assert source == "photo" and rows[0].reason == LEFT_OUT
