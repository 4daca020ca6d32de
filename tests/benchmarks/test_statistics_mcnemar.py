"""McNemar's test against worked examples, scipy and simulation."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.statistics.mcnemar import mcnemar


def answers(*discordant, both=40, neither=20):
    """(seeds, n) right answers of network and reference with so many discordant images each."""
    pair = []
    for won, lost in discordant:
        spare = max(map(sum, discordant)) - won - lost
        counts = [won, lost, both, neither + spare]
        pair.append([np.repeat([1, 0, 1, 0], counts), np.repeat([0, 1, 1, 0], counts)])
    right = np.array(pair, bool)
    return right[:, 0], right[:, 1]


def test_the_second_worked_example_of_the_encyclopedia():
    """6 against 16 discordant pairs: exact p = 0.052, where chi-square says 0.033."""
    found = mcnemar(*answers((6, 16)))
    assert (found.network_only, found.reference_only) == (6, 16)
    assert found.p == pytest.approx(0.052, abs=5e-4)


def test_approval_ratings():
    """86 against 150: z^2 = 17.36. A. Agresti, Categorical Data Analysis, section 10.1."""
    assert mcnemar(*answers((86, 150))).p == pytest.approx(stats.chi2.sf(17.36, 1), rel=0.3)


@pytest.mark.parametrize("pair", [(0, 0), (1, 0), (3, 9), (12, 5), (700, 612)])
def test_one_seed_is_the_sign_test_of_its_discordant_images(pair):
    expected = stats.binomtest(pair[0], sum(pair)).pvalue if sum(pair) else 1.0
    assert mcnemar(*answers(pair)).p == pytest.approx(expected)


def test_seeds_are_combined_by_twice_the_median():
    found = mcnemar(*answers((30, 5), (20, 8), (9, 10)))
    expected = [stats.binomtest(a, a + b).pvalue for a, b in ((30, 5), (20, 8), (9, 10))]
    assert found.p == pytest.approx(2 * expected[1])
    assert (found.network_only, found.reference_only) == (59, 23)


def test_the_combined_p_value_is_a_probability():
    assert mcnemar(*answers((9, 10), (10, 9))).p == 1


@pytest.mark.parametrize("alike", [True, False])
def test_networks_alike_on_every_image_are_rarely_called_different(alike):
    """However the seeds depend on each other: answering alike, or each for itself."""
    rng, tables, seeds = np.random.default_rng(0), 300, 3
    found = []
    for _ in range(tables):
        right = rng.random((2, 1 if alike else seeds, 100)) < 0.7
        found.append(mcnemar(*np.broadcast_to(right, (2, seeds, 100))).p)
    assert np.mean(np.array(found) < 0.05) <= 0.05


@pytest.mark.parametrize(
    ("right", "reference"),
    [((2, 5), (2, 4)), ((2, 5), (1, 5)), ((5,), (5,)), ((0, 5), (0, 5)), ((2, 0), (2, 0))],
)
def test_tables_that_do_not_pair_are_refused(right, reference):
    with pytest.raises(ValueError, match=r"\(seeds, n\)"):
        mcnemar(np.ones(right), np.ones(reference))
