"""The paired comparison against formulas written out, scipy and its own limits."""

import numpy as np
import pytest
from scipy import stats
from simulated import World, gains

from benchmarks.statistics.noise import Noise
from benchmarks.statistics.paired import compare, verdict


@pytest.fixture(params=[None, 30], ids=["images", "subjects"])
def study(request):
    """Right answers (networks, seeds, images) and the subjects, of unequal size."""
    world = World(240, request.param, training=0.2, taste=0.6)
    rng = np.random.default_rng(0)
    clusters = world.clusters(rng)
    return world.right(rng, 4, clusters, (0.0, 0.2)), clusters


def left_out(right, clusters):
    """(clusters, networks, seeds): accuracies in percent with one cluster's images left out."""
    clusters = np.arange(right.shape[-1]) if clusters is None else clusters
    return np.array([100 * right[:, :, clusters != c].mean(axis=-1) for c in sorted({*clusters})])


def obuchowski_rockette(right, clusters):
    """F of two networks, by the mean squares and covariances of the two-modality design."""
    y = 100 * right.mean(axis=-1)
    networks, seeds = y.shape
    jack = left_out(right, clusters)
    count = len(jack)
    centred = jack - jack.mean(axis=0)

    def covariance(i, j, k, m):
        return (count - 1) / count * np.sum(centred[:, i, j] * centred[:, k, m])

    pairs = [(j, m) for j in range(seeds) for m in range(seeds) if j != m]
    cov2 = np.mean([covariance(i, j, i, m) for i in range(networks) for j, m in pairs])
    cov3 = np.mean([covariance(i, j, 1 - i, m) for i in range(networks) for j, m in pairs])
    ms_t = seeds * np.sum((y.mean(axis=1) - y.mean()) ** 2) / (networks - 1)
    rest = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
    ms_tr = np.sum(rest**2) / ((networks - 1) * (seeds - 1))
    return ms_t / (ms_tr + seeds * max(cov2 - cov3, 0))


def test_variance_is_that_of_obuchowski_and_rockette(study):
    right, clusters = study
    found = compare(gains(right), clusters)
    assert found.noise.shared > 0
    variance = found.noise.training + found.noise.shared
    assert found.mean**2 / variance == pytest.approx(obuchowski_rockette(right, clusters))


def test_the_mean_is_the_difference_of_accuracies(study):
    right, clusters = study
    found = compare(gains(right), clusters)
    accuracy = 100 * right.mean(axis=-1)
    assert found.mean == pytest.approx(np.mean(accuracy[1] - accuracy[0]))
    assert (found.n, found.noise.seeds) == (240, 4)
    assert found.noise.clusters == (240 if clusters is None else 30)


def test_error_over_test_images_is_that_of_the_cluster_bootstrap(study):
    right, clusters = study
    clusters = np.arange(240) if clusters is None else clusters
    per_image = 100 * gains(right).mean(axis=0)
    sums, sizes = np.bincount(clusters, per_image), np.bincount(clusters)

    def mean(sums, sizes, axis=-1):
        return sums.sum(axis=axis) / sizes.sum(axis=axis)

    boot = stats.bootstrap(
        (sums, sizes), mean, paired=True, n_resamples=9999, rng=np.random.default_rng(0)
    )
    count = len(sizes)
    variance = boot.standard_error**2 * count / (count - 1)
    assert compare(gains(right), clusters).noise.test == pytest.approx(variance, rel=0.08)


def test_each_source_keeps_the_quantile_of_its_own_degrees_of_freedom():
    noise = Noise(training=2.0, shared=3.0, test=1.0, seeds=4, clusters=12)
    for level in (0.05, 0.001):
        t = stats.t.isf(level / 2, [3, 11])
        assert noise.half_width(level) == pytest.approx(np.sqrt(2 * t[0] ** 2 + 3 * t[1] ** 2))
        assert noise.p_value(noise.half_width(level)) == pytest.approx(level)
        assert noise.p_value(-noise.half_width(level)) == pytest.approx(level)
    assert noise.se == pytest.approx(5**0.5)


def test_the_interval_is_never_narrower_than_over_images_alone():
    noise = Noise(training=0.0, shared=0.1, test=1.0, seeds=2, clusters=20)
    t = stats.t.isf(0.025, 19)
    assert noise.half_width(0.05) == noise.test_half_width(0.05) == pytest.approx(t)
    assert noise.p_value(t) == pytest.approx(0.05)
    assert noise.se == 1


def test_images_that_seeds_do_not_share_leave_the_paired_t_test_over_seeds():
    """Each seed errs on images of its own, so no two seeds' differences move together."""
    table = np.zeros((4, 400), int)
    for seed, (won, lost) in enumerate([(60, 0), (20, 10), (90, 5), (5, 30)]):
        table[seed, 100 * seed : 100 * seed + won] = 1
        table[seed, 100 * seed + 99 - lost : 100 * seed + 99] = -1
    found, expected = compare(table), stats.ttest_1samp(100 * table.mean(axis=1), 0)
    assert found.noise.shared == 0
    assert found.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert 2 * found.noise.test_half_width(0.05) < found.high - found.low


def test_seeds_that_answer_alike_leave_the_t_test_over_images():
    row = np.random.default_rng(1).choice([-1, 0, 1], size=150, p=[0.1, 0.7, 0.2])
    found, expected = compare(np.stack([row] * 3)), stats.ttest_1samp(100 * row, 0)
    interval = expected.confidence_interval()
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert 2 * found.noise.test_half_width(0.05) == pytest.approx(found.high - found.low)


def test_subjects_of_equal_size_are_as_many_images_as_there_are_subjects():
    row = np.random.default_rng(2).choice([-1, 0, 1], size=120, p=[0.1, 0.6, 0.3])
    found = compare(np.stack([row] * 2), np.repeat(np.arange(12), 10))
    expected = stats.ttest_1samp(100 * row.reshape(12, 10).mean(axis=1), 0)
    assert found.p == pytest.approx(expected.pvalue)


def test_the_interval_holds_zero_exactly_where_p_is_above_5_percent():
    rng, world = np.random.default_rng(3), World(150, training=0.1, taste=0.3)
    kinds = set()
    for _ in range(60):
        found = compare(gains(world.right(rng, 3, None, (0.0, 0.5))))
        assert (found.low <= 0 <= found.high) == (found.p >= 0.05)
        kinds.add(found.p >= 0.05)
    assert kinds == {True, False}


def test_order_and_names_of_images_and_subjects_do_not_matter(study):
    right, clusters = study
    table, order = gains(right), np.random.default_rng(4).permutation(240)
    clusters = np.arange(240) if clusters is None else clusters
    names = np.array([f"person {c}" for c in clusters])[order]
    one, other = compare(table, clusters), compare(table[:, order], names)
    assert other.mean == pytest.approx(one.mean)
    assert (other.low, other.high, other.p) == pytest.approx((one.low, one.high, one.p))


def test_the_other_way_round_everything_changes_its_sign(study):
    one, other = compare(gains(study[0]), study[1]), compare(-gains(study[0]), study[1])
    assert (other.mean, other.low, other.high) == pytest.approx((-one.mean, -one.high, -one.low))
    assert other.p == pytest.approx(one.p)


def test_one_seed_has_an_interval_over_images_and_no_verdict():
    row = np.random.default_rng(5).choice([-1, 0, 1], size=200)
    found, expected = compare(row[None]), stats.ttest_1samp(100 * row, 0).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.p, found.smallest()) == (None, None)


@pytest.mark.parametrize("seeds", [1, 3])
def test_one_subject_says_nothing_of_others(seeds):
    found = compare(np.ones((seeds, 30)), np.zeros(30))
    assert (found.mean, found.low, found.high) == (100, -100, 100)
    assert (found.p, found.smallest()) == (None, None)


def test_a_network_against_itself_differs_by_nothing():
    found = compare(np.zeros((3, 50)))
    assert (found.mean, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert found.smallest() is None


@pytest.mark.parametrize(("images", "p"), [(2, 0.5), (11, 2.0**-10), (10_000, 1e-100)])
def test_without_any_spread_p_is_the_chance_of_equal_signs(images, p):
    assert compare(np.ones((3, images))).p == p
    assert compare(-np.ones((3, images))).p == p


def test_seeds_of_equal_mean_leave_no_noise_by_rounding():
    """Seven subjects, each with one image in seven gained, by all of five seeds."""
    found = compare(np.tile([1, 0, 0, 0, 0, 0, 0], (5, 7)), np.repeat(np.arange(7), 7))
    assert (found.noise.training, found.noise.shared, found.noise.test) == (0, 0, 0)
    assert found.p == 2.0**-6


def test_gains_that_cancel_are_no_difference():
    table = np.zeros((3, 7), int)
    table[0, :2], table[1, 2], table[2, 3:6] = 1, 1, -1
    found = compare(table)
    assert (found.mean, found.p) == (0, 1)


def test_a_difference_beyond_doubt_has_a_p_value_still():
    rng = np.random.default_rng(6)
    found = compare(rng.choice([0, 1], size=(10, 5000), p=[0.1, 0.9]))
    assert 0 < found.p < 1e-15
    alike = np.ones((3, 10_000))
    alike[:, :10] = 0
    assert compare(alike).p == 1e-100


@pytest.mark.parametrize(
    ("table", "clusters", "message"),
    [
        (np.zeros(5), None, r"\(seeds, n\).*got \(5,\)"),
        (np.zeros((0, 5)), None, r"got \(0, 5\)"),
        (np.zeros((2, 0)), None, r"got \(2, 0\)"),
        (np.full((2, 5), 100.0), None, "-1, 0 or 1.*got 100"),
        (np.full((2, 5), np.nan), None, "got nan"),
        (np.zeros((2, 5)), np.zeros(4), r"clusters.*\(5,\).*got \(4,\)"),
        (np.zeros((2, 5)), np.zeros((5, 1)), r"\(5, 1\)"),
    ],
)
def test_what_does_not_fit_is_refused(table, clusters, message):
    with pytest.raises(ValueError, match=message):
        compare(table, clusters)


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
