"""Gains by chance against binomial, hypergeometric and order statistics, computed here."""

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import stats

from benchmarks.statistics import chance
from benchmarks.statistics.chance import (
    Contest,
    GainDistribution,
    RandomTestSets,
    disagreement,
    easier,
)

SAME = tuple(range(5))


def gains(correct, contests, n, **options):
    return RandomTestSets(correct, n, **options).gains(contests)


def one_against_one(runs=(0, 1)):
    return Contest((tuple(runs),), (tuple(runs),))


def best_of(first, second, runs):
    return Contest((tuple(runs),) * first, (tuple(runs),) * second)


def by_enumeration(correct, n, contest_runs):
    """Gains over all test sets of n images and all given pairs of sides."""
    found = [
        max(correct[a, list(images)].sum() for a in first)
        - max(correct[b, list(images)].sum() for b in second)
        for images in combinations(range(correct.shape[1]), n)
        for first, second in contest_runs
    ]
    return np.bincount(np.array(found) + n, minlength=2 * n + 1) / len(found)


def test_one_against_one_is_the_mean_over_all_test_sets_and_pairs():
    correct = np.random.default_rng(0).random((4, 9)) < [[0.5], [0.6], [0.7], [0.4]]
    expected = by_enumeration(correct, 4, [((a,), (b,)) for a, b in permutations(range(4), 2)])
    found = gains(correct, [one_against_one(range(4))], 4)
    assert found.exact
    np.testing.assert_allclose(found.probability, expected, atol=1e-12)


def test_a_few_of_many_images_are_binomial():
    # The first is right wherever the second is wrong, on half of the images.
    correct = np.zeros((2, 100_000), bool)
    correct[0, ::2], correct[1, 1::2] = True, True
    found = gains(correct, [Contest(((0,),), ((1,),))], 45)
    wins = np.arange(46)
    expected = np.zeros(91)
    expected[2 * wins] = stats.binom.pmf(wins, 45, 0.5)  # w wins of 45 are a gain of 2 w - 45
    np.testing.assert_allclose(found.probability, expected, atol=1e-4)
    assert found.at_least(5) == pytest.approx(stats.binom.sf(23, 45, 0.5), abs=1e-4)
    low, high = stats.binom.ppf([0.025, 0.975], 45, 0.5)
    assert found.span() == pytest.approx((100 * (2 * low - 45) / 45, 100 * (2 * high - 45) / 45))


def test_independent_runs_of_equal_accuracy_differ_as_two_binomials():
    rng = np.random.default_rng(1)
    n, accuracy, shown = 45, 0.7, []
    for _ in range(200):  # new runs and images each time: the estimate is unbiased for them
        correct = rng.random((3, 400)) < accuracy
        shown.append(gains(correct, [one_against_one(range(3))], n).probability)
    one = stats.binom.pmf(np.arange(n + 1), n, accuracy)
    np.testing.assert_allclose(np.mean(shown, axis=0), np.convolve(one, one[::-1]), atol=2e-3)


def test_all_images_leave_the_choice_of_runs_alone():
    correct = np.arange(10) < np.array([[3], [5], [6]])
    found = gains(correct, [one_against_one(range(3))], 10)
    differences = [a - b for a, b in permutations((3, 5, 6), 2)]
    expected = np.bincount(np.array(differences) + 10, minlength=21) / 6
    np.testing.assert_allclose(found.probability, expected, atol=1e-12)


def test_many_images_do_not_overflow():
    correct = np.arange(4000) < np.array([[2000], [0]])
    correct[1] = ~correct[0]
    found = gains(correct, [Contest(((0,),), ((1,),))], 3999)  # one image is missing
    assert found.probability[[3999 - 1, 3999 + 1]] == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(("first", "second"), [(3, 1), (2, 2), (1, 2)])
def test_the_best_of_several_is_the_mean_over_all_test_sets_and_runs(first, second):
    correct = np.random.default_rng(2).random((5, 8)) < 0.6
    sides = [
        (a, b)
        for a in combinations(range(5), first)
        for b in combinations(sorted({*range(5)} - {*a}), second)
    ]
    expected = by_enumeration(correct, 3, sides)
    found = gains(correct, [best_of(first, second, range(5))], 3)
    assert not found.exact
    np.testing.assert_allclose(found.probability, expected, atol=0.012)


def test_the_best_of_three_independent_runs_is_an_order_statistic():
    # Independent runs: the best of three has the cube of the binomial's distribution function.
    correct = np.random.default_rng(3).random((60, 3000)) < 0.65
    n = 45
    one = stats.binom.pmf(np.arange(n + 1), n, 0.65)
    best = np.diff(np.cumsum(one) ** 3, prepend=0)
    runs = range(60)
    three_to_one = gains(correct, [best_of(3, 1, runs)], n)
    three_to_three = gains(correct, [best_of(3, 3, runs)], n)
    np.testing.assert_allclose(three_to_one.probability, np.convolve(best, one[::-1]), atol=0.01)
    np.testing.assert_allclose(three_to_three.probability, np.convolve(best, best[::-1]), atol=0.01)
    assert three_to_one.mean == pytest.approx(100 / n * np.arange(n + 1) @ (best - one), abs=0.25)
    assert three_to_three.mean == pytest.approx(0, abs=0.25)


def test_the_best_of_given_runs_draws_one_of_each_pool():
    correct = np.arange(10) < np.array([[2], [4], [6], [9], [5]])
    modules = Contest(((0, 1), (2,), (3,)), ((4,),))
    found = gains(correct, [modules], 10)
    assert found.probability[10 + 4] == 1  # 9 of 10 against 5 of 10
    pair = Contest(((0, 1),) * 2, ((4,),))
    assert gains(correct, [pair], 10).probability[10 - 1] == 1  # both are drawn: 4 against 5


def test_contests_count_equally_whatever_their_pairs():
    correct = np.arange(10) < np.array([[5], [6], [5], [5], [5], [5]])
    few, many = Contest(((1,),), ((0,),)), one_against_one((2, 3, 4, 5))
    assert gains(correct, [few, many], 10).at_least(1) == pytest.approx(0.5)
    simulated = [Contest(((1,), (5,)), ((0,),)), best_of(3, 1, (2, 3, 4, 5))]
    assert gains(correct, simulated, 10).at_least(1) == pytest.approx(0.5)


def test_a_simulation_repeats_itself():
    correct = np.random.default_rng(4).random((5, 50)) < 0.6
    first, again = (gains(correct, [best_of(3, 1, SAME)], 20, draws=1000) for _ in range(2))
    other = gains(correct, [best_of(3, 1, SAME)], 20, draws=1000, seed=1)
    assert (first.probability == again.probability).all()
    assert (first.probability != other.probability).any()


def test_figures_of_a_distribution():
    found = GainDistribution(2, np.array([0.02, 0.08, 0.5, 0.2, 0.2]), exact=True)
    assert found.points.tolist() == [-100, -50, 0, 50, 100]
    assert found.above_zero == pytest.approx(0.4) and found.at_least(50) == pytest.approx(0.4)
    assert found.at_least(50.1) == pytest.approx(0.2)
    assert found.mean == pytest.approx(24)
    assert found.span() == (-50, 100) and found.span(0.97) == (-100, 100)


def test_disagreement_is_the_share_of_images_that_only_one_has_right():
    correct = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0]], bool)
    assert disagreement(correct, [one_against_one((0, 1))]) == pytest.approx(0.5)
    assert disagreement(correct, [one_against_one((0, 1, 2))]) == pytest.approx(1 / 3)


def test_easier_images_are_right_for_all_and_lower_the_disagreement():
    correct = np.random.default_rng(6).random((4, 1000)) < 0.6
    found = easier(correct, 0.9)
    assert found.mean() == pytest.approx(0.9, abs=1e-3)
    np.testing.assert_array_equal(found[:, :1000], correct)
    assert found[:, 1000:].all()
    contests = [one_against_one(range(4))]
    share = disagreement(found, contests) / disagreement(correct, contests)
    assert share == pytest.approx(0.1 / (1 - correct.mean()), abs=1e-3)  # as the errors
    np.testing.assert_array_equal(easier(correct, 0.5), correct)
    with pytest.raises(ValueError, match="accuracy must be"):
        easier(correct, 1.0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((), ((0,),)),
        (((0,),), ((0,),)),
        ((SAME,) * 3, (SAME,) * 3),
        (((0, 1),), ((1, 2),)),
    ],
)
def test_too_few_runs_are_refused(first, second):
    with pytest.raises(ValueError, match="run"):
        Contest(first, second)


@pytest.mark.parametrize("n", [0, 11])
def test_more_images_than_there_are_are_refused(n):
    with pytest.raises(ValueError, match="n must be from 1"):
        gains(np.ones((2, 10), bool), [one_against_one()], n)
    with pytest.raises(ValueError, match="contests"):
        gains(np.ones((2, 10), bool), [], 5)


def test_blocks_of_draws_are_all_counted(monkeypatch):
    correct = np.random.default_rng(5).random((5, 30)) < 0.6
    monkeypatch.setattr(chance, "_BLOCK", 7)
    found = gains(correct, [best_of(3, 1, SAME)], 10, draws=100)
    assert found.probability.sum() == pytest.approx(1)
