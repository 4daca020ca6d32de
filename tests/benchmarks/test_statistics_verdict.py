"""What is said of a comparison, and the mean and spread beside it."""

import numpy as np
import pytest

from benchmarks.statistics.paired import compare
from benchmarks.statistics.summary import mean_and_sd
from benchmarks.statistics.verdict import sentence, verdict


def difference(share, seeds=5, images=400):
    """A comparison in which the network gains so large a share of the images."""
    rng = np.random.default_rng(0)
    return compare(rng.choice([-1, 0, 1], size=(seeds, images), p=[0.1, 0.9 - share, share]))


@pytest.mark.parametrize(
    ("share", "adjusted", "expected"),
    [
        (0.3, 0.0499, "better"),
        (0.0, 0.0499, "worse"),
        (0.3, 0.05, "no detectable difference"),
        (0.0, 0.05, "no detectable difference"),
        (0.3, 1.0, "no detectable difference"),
        (0.3, None, ""),
    ],
)
def test_a_direction_needs_an_adjusted_p_below_5_percent(share, adjusted, expected):
    assert verdict(difference(share), adjusted) == expected


def test_the_sentence_tells_what_could_have_been_shown():
    found = difference(0.1)
    assert sentence(found, 0.5) == (
        f"no detectable difference (could have shown {found.smallest():.1f} points)"
    )
    assert found.smallest(20) > found.smallest()
    assert f"{found.smallest(20):.1f} points" in sentence(found, 0.5, comparisons=20)
    assert sentence(found, 0.01) == verdict(found, 0.01) != ""
    assert sentence(found, None) == ""


def test_two_seeds_of_a_long_table_cannot_show_anything_and_it_is_said():
    found = difference(0.1, seeds=2)
    assert "too few seeds or test images to show any" in sentence(found, 1.0, comparisons=500)


def test_equal_answers_have_no_smallest_difference():
    found = compare(np.zeros((3, 50)))
    assert sentence(found, found.p) == "no detectable difference (no image tells the two apart)"


def test_the_spread_of_seeds_is_the_sample_standard_deviation():
    assert mean_and_sd([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))
    assert mean_and_sd([5.0]) == (5.0, None)


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [[1.0, 2.0]]])
def test_what_has_no_mean_is_refused(values):
    with pytest.raises(ValueError, match="one finite score or more"):
        mean_and_sd(values)
