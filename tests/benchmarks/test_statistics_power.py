"""Power against statsmodels, and against the test itself under noise of known variance."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from benchmarks.statistics.noise import Noise
from benchmarks.statistics.power import power, smallest_detectable


@pytest.mark.parametrize("count", [2, 3, 5, 10, 50])
@pytest.mark.parametrize("source", ["seeds", "images"])
@pytest.mark.parametrize("level", [0.05, 0.005])
def test_one_source_alone_has_the_power_of_the_t_test(count, source, level):
    if source == "seeds":
        noise = Noise(4.0, 0.0, 0.0, count, 500)
    else:
        noise = Noise(0.0, 4.0, 4.0, 3, count)
    for difference in (0.0, 2.0, 6.0):
        # By nobs = 1 the effect is the difference in standard errors.
        expected = TTestPower().power(difference / 2, 1, level, df=count - 1)
        assert power(difference, noise, level) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize(
    "noise",
    [
        Noise(1.0, 1.0, 1.2, 3, 10),
        Noise(1.0, 0.3, 0.5, 2, 2000),
        Noise(0.2, 2.0, 2.1, 5, 8),
        Noise(0.1, 0.0, 1.0, 5, 300),
    ],
)
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_power_is_the_rate_at_which_the_test_itself_rejects(noise, level):
    rng, count = np.random.default_rng(0), 20_000
    seeds = rng.chisquare(noise.seeds - 1, count) / (noise.seeds - 1)
    images = rng.chisquare(noise.clusters - 1, count) / (noise.clusters - 1)
    t = stats.t.isf(level / 2, [noise.seeds - 1, noise.clusters - 1]) ** 2
    squared = np.maximum(
        t[0] * noise.training * seeds + t[1] * noise.shared * images, t[1] * noise.test * images
    )
    sd = np.sqrt(max(noise.training + noise.shared, noise.test))
    for difference in (0.0, 4.0, 8.0):
        rejected = np.mean(rng.normal(difference, sd, count) ** 2 > squared)
        assert power(difference, noise, level) == pytest.approx(rejected, abs=0.015)


@pytest.mark.parametrize("seeds", [2, 3, 10])
@pytest.mark.parametrize(("level", "chance"), [(0.05, 0.8), (0.005, 0.8), (0.05, 0.5)])
def test_the_smallest_detectable_difference_has_just_that_power(seeds, level, chance):
    noise = Noise(0.5, 0.2, 0.3, seeds, 40)
    assert power(smallest_detectable(noise, level, chance), noise, level) == pytest.approx(chance)


def test_many_seeds_and_images_need_the_well_known_2_8_standard_errors():
    assert smallest_detectable(Noise(4.0, 5.0, 5.0, 3000, 9000)) == pytest.approx(8.4, abs=0.01)


@pytest.mark.parametrize(
    "noise",
    [Noise(0, 0, 1, 1, 50), Noise(0, 0, 0, 3, 1), Noise(0, 0, 0, 3, 50)],
    ids=["one seed", "one cluster", "no noise"],
)
def test_what_allows_no_test_has_no_power(noise):
    assert smallest_detectable(noise) is None
    with pytest.raises(ValueError, match="at least two seeds and two clusters"):
        power(1.0, noise)
