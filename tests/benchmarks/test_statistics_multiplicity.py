"""Holm's adjustment against worked examples and a loop over its definition."""

import numpy as np
import pytest

from benchmarks.statistics.multiplicity import holm


def by_definition(p_values):
    """S. Holm (1979): the k-th smallest times how many are left, never below the one before."""
    adjusted, running = dict.fromkeys(range(len(p_values))), 0.0
    for rank, i in enumerate(sorted(adjusted, key=lambda i: p_values[i])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = running
    return [adjusted[i] for i in range(len(p_values))]


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
        ([0.03], [0.03]),
        ([0.6, 0.7], [1.0, 1.0]),
    ],
)
def test_worked_examples(p_values, expected):
    assert holm(p_values) == pytest.approx(expected)


def test_any_table_follows_the_definition():
    rng = np.random.default_rng(0)
    for size in (1, 2, 7, 40):
        p_values = list(rng.random(size) ** 4)
        assert holm(p_values) == pytest.approx(by_definition(p_values))


def test_none_counts_as_1_and_stays_none():
    expected = [pytest.approx(0.05), None, pytest.approx(0.16), None, None]
    assert holm([0.01, None, 0.04, None, None]) == expected
    assert holm([0.01, None]) == [pytest.approx(0.02), None]


def test_what_is_claimed_does_not_lapse_while_the_table_fills():
    rng = np.random.default_rng(1)
    p_values = list(rng.random(12) ** 3)
    final = holm(p_values)
    for done in (1, 4, 8, 11):
        early = holm(p_values[:done] + [None] * (12 - done))
        assert all(a >= b - 1e-12 for a, b in zip(early[:done], final, strict=False))


def test_a_table_without_comparisons_has_nothing_to_adjust():
    assert holm([]) == []
    assert holm([None] * 3) == [None] * 3


@pytest.mark.parametrize("p_values", [[1.2], [-0.1], [np.nan]])
def test_what_is_no_p_value_is_refused(p_values):
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm(p_values)
