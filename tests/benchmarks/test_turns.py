"""Turns and ratios of times."""

import pytest

from benchmarks.train.timing import ratios, seconds


def test_each_has_its_turn_and_begins_as_often():
    order = []
    times = seconds({name: lambda name=name: order.append(name) for name in "abc"}, 3, warm_up=1)
    assert "".join(order) == "abcbcacababc"
    assert {name: len(found) for name, found in times.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_call_may_measure_itself():
    assert seconds({"a": lambda: 2.0}, 2) == {"a": [2.0, 2.0]}


def test_ratios_are_of_the_same_round():
    found = ratios([2.0, 6.0, 4.0], [1.0, 2.0, 4.0])
    assert found == {"median": 2.0, "low": 1.0, "high": 3.0}


def test_one_round_is_too_few():
    with pytest.raises(ValueError, match="at least 2"):
        seconds({"a": lambda: 1.0}, 1)
