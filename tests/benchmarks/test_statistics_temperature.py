"""Temperature scaling against the truth of a simulation, and against sums written out."""

import math

import numpy as np
import pytest

from benchmarks.statistics.temperature import LIMITS, brier_score, fitted, scaled


@pytest.fixture(scope="module")
def simulated():
    """Labels drawn from probabilities; returned are those with all logarithms times 1.7."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (40_000, 5))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (rng.random((len(true), 1)) > true.cumsum(1)).sum(1)
    sharp = np.exp(1.7 * logits)
    return sharp / sharp.sum(1, keepdims=True), true, labels


def mean_loss(probabilities, labels, temperature):
    total = 0.0
    for row, label in zip(probabilities, labels, strict=True):
        powers = [p ** (1 / temperature) for p in row]
        total -= math.log(powers[label] / sum(powers))
    return total / len(labels)


def test_the_true_temperature_is_found(simulated):
    sharp, true, labels = simulated
    found = fitted(sharp, labels)
    assert found == pytest.approx(1.7, rel=0.02)
    np.testing.assert_allclose(scaled(sharp, 1.7), true, rtol=1e-9)
    assert fitted(true, labels) == pytest.approx(1.0, rel=0.02)


def test_no_other_temperature_has_a_smaller_loss(simulated):
    sharp, _, labels = simulated[0][:500], None, simulated[2][:500]
    best = fitted(sharp, labels)
    # Ternary search on the loss as written above.
    low, high = LIMITS
    for _ in range(60):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        if mean_loss(sharp, labels, a) < mean_loss(sharp, labels, b):
            high = b
        else:
            low = a
    assert best == pytest.approx((low + high) / 2, rel=1e-4)


def test_a_temperature_keeps_predictions_and_sums(simulated):
    sharp = simulated[0][:1000]
    for temperature in (0.3, 1.0, 4.0):
        found = scaled(sharp.astype("float32"), temperature)
        np.testing.assert_array_equal(found.argmax(1), sharp.argmax(1))
        np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_allclose(scaled(sharp, 1.0), sharp, rtol=1e-9)


def test_zero_probabilities_are_allowed():
    certain = np.eye(3, dtype="float32")[[0, 1, 2, 0]]
    assert np.isfinite(scaled(certain, 0.5)).all()
    assert fitted(certain, np.array([0, 1, 2, 0])) == pytest.approx(LIMITS[0], rel=1e-3)
    assert fitted(certain, np.array([1, 2, 0, 1])) == pytest.approx(LIMITS[1], rel=1e-3)


@pytest.mark.parametrize(("rows", "labels"), [(3, 2), (0, 0)])
def test_shapes_are_checked(rows, labels):
    with pytest.raises(ValueError, match=rf"must be \(n, classes\).*\({rows}, 4\)"):
        fitted(np.full((rows, 4), 0.25), np.zeros(labels, int))


def test_labels_are_classes_and_rows_are_distributions():
    with pytest.raises(ValueError, match="labels must be classes from 0 to 3, got -1 to 4"):
        fitted(np.full((2, 4), 0.25), np.array([-1, 4]))
    with pytest.raises(ValueError, match="sum to 1"):
        fitted(np.full((2, 4), 2.0), np.array([0, 1]))


def test_the_brier_score_written_out(simulated):
    probabilities, labels = simulated[0][:50], simulated[2][:50]
    total = 0.0
    for row, label in zip(probabilities, labels, strict=True):
        total += sum((p - (k == label)) ** 2 for k, p in enumerate(row))
    assert brier_score(probabilities, labels) == pytest.approx(total / 50)
    assert brier_score(np.eye(3), np.array([0, 1, 2])) == 0
    assert brier_score(np.eye(3), np.array([1, 2, 0])) == 2
