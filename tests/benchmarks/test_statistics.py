"""The paired difference against independent computations, and what may be claimed from it."""

import numpy as np
import pytest
from fabricated import cell, put_done

from benchmarks.statistics import Difference, mean_and_sd, paired_difference
from benchmarks.store import Store


@pytest.fixture
def compare(tmp_path):
    """The difference of two (seeds, images) tables of what was right, stored and read again."""
    count = iter(range(10**6))

    def make(network, baseline):
        store = Store(tmp_path / str(next(count)))
        pairs = [
            [put_done(store, cell(attention=name, seed=s), row) for s, row in enumerate(table)]
            for name, table in (("se", network), ("none", baseline))
        ]
        return paired_difference(*pairs)

    return make


def answers(rng, seeds, images, baseline, network):
    """Two tables of right answers; an image is hard or easy for both networks and all seeds."""
    hardness = rng.random(images)
    return [(hardness + 0.1 * rng.normal(size=(seeds, images))) < p for p in (network, baseline)]


def test_mean_and_seeds_are_those_of_the_accuracies(compare):
    network, baseline = answers(np.random.default_rng(0), 3, 400, 0.5, 0.6)
    found = compare(network, baseline)
    expected = 100 * (network.mean(axis=1) - baseline.mean(axis=1))
    np.testing.assert_allclose(found.by_seed, expected)
    assert found.mean == pytest.approx(expected.mean())
    assert found.n == 400


def test_the_interval_on_many_images_is_that_of_the_central_limit_theorem(compare):
    network, baseline = answers(np.random.default_rng(1), 3, 4000, 0.5, 0.53)
    found = compare(network, baseline)
    per_image = 100 * (network.astype(float) - baseline).mean(axis=0)
    error = per_image.std(ddof=1) / np.sqrt(per_image.size)
    assert found.low == pytest.approx(found.mean - 1.96 * error, abs=0.2 * error)
    assert found.high == pytest.approx(found.mean + 1.96 * error, abs=0.2 * error)


def test_more_seeds_that_answer_alike_do_not_narrow_the_interval(compare):
    network, baseline = answers(np.random.default_rng(2), 1, 1000, 0.5, 0.6)
    one = compare(network, baseline)
    three = compare(np.repeat(network, 3, axis=0), np.repeat(baseline, 3, axis=0))
    assert (three.low, three.high) == (one.low, one.high)


def test_the_interval_covers_the_truth_in_about_95_of_100_tables(compare):
    rng = np.random.default_rng(3)
    gained, lost, tables = 0.15, 0.10, 250
    covered = 0
    for _ in range(tables):
        kind = rng.choice(3, p=[gained, lost, 1 - gained - lost], size=200)
        network, baseline = kind == 0, kind == 1
        found = compare([network], [baseline])
        covered += found.low <= 100 * (gained - lost) <= found.high
    # Three standard deviations of a binomial around 95 %.
    assert abs(covered / tables - 0.95) < 3 * np.sqrt(0.95 * 0.05 / tables)


def test_a_network_against_itself_is_no_difference(compare):
    same, _ = answers(np.random.default_rng(4), 3, 100, 0.5, 0.5)
    found = compare(same, same)
    assert (found.mean, found.low, found.high) == (0, 0, 0)
    assert found.verdict == "no detectable difference"


def test_equal_networks_are_almost_never_called_different(compare):
    rng = np.random.default_rng(5)
    tables = [answers(rng, 2, 150, 0.5, 0.5) for _ in range(60)]
    claimed = [compare(*table).verdict != "no detectable difference" for table in tables]
    assert sum(claimed) <= 60 * 0.1


def test_a_clear_difference_is_claimed_in_its_direction(compare):
    network, baseline = answers(np.random.default_rng(6), 2, 600, 0.5, 0.7)
    assert compare(network, baseline).verdict == "better"
    assert compare(baseline, network).verdict == "worse"


@pytest.mark.parametrize(
    ("low", "high", "by_seed", "verdict"),
    [
        (1.0, 3.0, (1.5, 2.5), "better"),
        (-3.0, -1.0, (-1.5, -2.5), "worse"),
        (1.0, 3.0, (4.1, -0.1), "no detectable difference"),
        (1.0, 3.0, (4.0, 0.0), "no detectable difference"),
        (-3.0, -1.0, (-4.1, 0.1), "no detectable difference"),
        (-0.1, 4.1, (1.5, 2.5), "no detectable difference"),
        (0.0, 4.0, (1.5, 2.5), "no detectable difference"),
        (-4.1, 0.1, (-1.5, -2.5), "no detectable difference"),
        (1.0, 3.0, (2.0,), ""),
        (-3.0, -1.0, (-2.0,), ""),
    ],
)
def test_a_verdict_needs_the_interval_and_every_one_of_two_seeds(low, high, by_seed, verdict):
    assert Difference(float(np.mean(by_seed)), low, high, by_seed, 100).verdict == verdict


def test_results_pair_by_seed_and_by_image_whatever_their_order(compare, tmp_path):
    network, baseline = answers(np.random.default_rng(7), 3, 200, 0.5, 0.6)
    expected = compare(network, baseline)
    store, order = Store(tmp_path / "shuffled"), np.random.default_rng(8).permutation(200)
    results = [
        put_done(store, cell(attention="se", seed=s), row[order], order)
        for s, row in enumerate(network)
    ]
    baselines = [put_done(store, cell(seed=s), row) for s, row in enumerate(baseline)]
    assert paired_difference(results, baselines[::-1]) == expected


def test_only_seeds_that_both_have_are_compared(tmp_path):
    store, right = Store(tmp_path), np.arange(50) % 2 == 0
    results = [put_done(store, cell(attention="se", seed=s), right) for s in (0, 1)]
    baselines = [put_done(store, cell(seed=s), ~right) for s in (1, 2)]
    assert len(paired_difference(results, baselines).by_seed) == 1
    assert paired_difference(results[:1], baselines) is None


@pytest.mark.parametrize("sample", [np.arange(1, 51), np.arange(49)])
def test_results_on_other_images_are_not_compared(tmp_path, sample):
    store = Store(tmp_path)
    one = put_done(store, cell(attention="se"), np.ones(len(sample)), sample)
    with pytest.raises(ValueError, match="not measured on the same images"):
        paired_difference([one], [put_done(store, cell(), np.ones(50))])


def test_the_spread_of_seeds_is_the_sample_standard_deviation():
    assert mean_and_sd([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))
    assert mean_and_sd([5.0]) == (5.0, None)
