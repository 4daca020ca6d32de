"""Shards: each cell is in exactly one, all machines agree, and all take about equally long."""

import random

import pytest
from fabricated import cell

from benchmarks.plan.plan import Shard


def plan(n):
    cells = [cell(seed=seed) for seed in range(n)]
    chance = random.Random(n)
    return cells, {one.slug: chance.uniform(1, 100) for one in cells}


@pytest.mark.parametrize(("n", "count"), [(0, 3), (1, 3), (7, 3), (64, 5), (64, 1)])
def test_each_cell_is_in_exactly_one_shard_in_the_order_of_the_plan(n, count):
    cells, seconds = plan(n)
    shards = [Shard(i, count).select(cells, seconds) for i in range(1, count + 1)]
    assert sorted(c.seed for shard in shards for c in shard) == list(range(n))
    for shard in shards:
        assert shard == sorted(shard, key=lambda c: c.seed)


def test_shards_take_about_equally_long():
    cells, seconds = plan(200)
    loads = [sum(seconds[c.slug] for c in Shard(i, 7).select(cells, seconds)) for i in range(1, 8)]
    # The longest cell of the last round is the most by which they can differ.
    assert max(loads) - min(loads) <= max(seconds.values()) / 4
    # One cell that takes as long as all the others has a shard to itself.
    long = {**dict.fromkeys(seconds, 1.0), cells[5].slug: 500.0}
    assert [cells[5]] in [Shard(i, 2).select(cells, long) for i in (1, 2)]


def test_the_order_of_the_plan_does_not_change_a_shard():
    cells, seconds = plan(50)
    equal = dict.fromkeys(seconds, 1.0)
    shuffled = random.Random(1).sample(cells, len(cells))
    for times in (seconds, equal):
        one, other = (Shard(2, 3).select(c, times) for c in (cells, shuffled))
        assert set(one) == set(other)


def test_a_cell_that_is_planned_twice_stays_in_one_shard():
    cells, seconds = plan(4)
    shards = [Shard(i, 2).select([*cells, *cells], seconds) for i in (1, 2)]
    assert len(shards[0]) + len(shards[1]) == 8
    assert not set(shards[0]) & set(shards[1])


def test_parse():
    assert Shard.parse("2/8") == Shard(2, 8)
    assert Shard.parse("1/1") == Shard(1, 1)


@pytest.mark.parametrize(
    "text", ["", "3", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b", " 1/2", "٣/٤"]
)
def test_what_is_no_shard_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="--shard.*2/8"):
        Shard.parse(text)
