"""Scores against numbers worked out by hand and independent computations."""

import json

import numpy as np
import pytest
from sklearn import metrics

from benchmarks.statistics.scores import calibration_error, mean_and_sd, score

# Four images of three classes, the last class without any.
PROBABILITIES = np.array(
    [[0.7, 0.2, 0.1], [0.4, 0.5, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]], "float32"
)
LABELS = np.array([0, 0, 1, 1])


@pytest.fixture(scope="module")
def predictions():
    """500 images of seven classes, one of them absent, predicted with middling success."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 6, 500)
    logits = rng.normal(size=(500, 7)) + 1.5 * np.eye(7)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities.astype("float32"), labels


def test_numbers_worked_out_by_hand():
    found = score(PROBABILITIES, LABELS, duplicate=[False, True, False, False])
    assert found.n_test == 4
    assert found.accuracy == 0.5
    assert found.recall == (0.5, 0.5, None)
    assert found.balanced_accuracy == 0.5
    assert found.confusion == ((1, 1, 0), (0, 1, 1), (0, 0, 0))
    # F1 is 2/3 of class 0, 1/2 of class 1, 0 of class 2.
    assert found.macro_f1 == pytest.approx((2 / 3 + 1 / 2) / 3)
    assert found.loss == pytest.approx(-np.mean(np.log([0.7, 0.4, 0.8, 0.2])))
    # Each image in a bin of its own: distances 0.3, 0.5, 0.2, 0.6.
    assert found.calibration == pytest.approx(0.4)
    assert found.n_without_duplicates == 3
    assert found.accuracy_without_duplicates == pytest.approx(2 / 3)


def test_a_class_neither_there_nor_predicted_counts_in_macro_f1():
    padded = np.hstack([PROBABILITIES, np.zeros((4, 1), "float32")])
    assert score(padded, LABELS).macro_f1 == pytest.approx((2 / 3 + 1 / 2) / 4)


def test_scores_are_those_of_scikit_learn(predictions):
    probabilities, labels = predictions
    found, predicted = score(probabilities, labels), probabilities.argmax(axis=1)
    present = range(6)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert found.recall[6] is None
    recall = metrics.recall_score(labels, predicted, labels=present, average=None)
    np.testing.assert_allclose(found.recall[:6], recall)
    assert found.balanced_accuracy == pytest.approx(recall.mean())
    f1 = metrics.f1_score(labels, predicted, labels=range(7), average="macro", zero_division=0)
    assert found.macro_f1 == pytest.approx(f1)
    np.testing.assert_array_equal(
        found.confusion, metrics.confusion_matrix(labels, predicted, labels=range(7))
    )
    assert found.loss == pytest.approx(-np.log(probabilities[range(500), labels]).mean(), rel=1e-5)


def test_calibration_error_follows_its_definition_bin_by_bin(predictions):
    probabilities, labels = predictions
    expected = 0.0
    for i in range(15):
        inside = [
            (max(row), int(np.argmax(row)) == label)
            for row, label in zip(probabilities.astype(float), labels, strict=True)
            if i / 15 < max(row) <= (i + 1) / 15
        ]
        if inside:
            confidence, right = np.array(inside, float).T
            expected += len(inside) / 500 * abs(right.mean() - confidence.mean())
    assert score(probabilities, labels).calibration == pytest.approx(expected)
    assert expected > 0.02


def test_calibration_by_hand_with_confidences_on_the_edges():
    # 0.2 = 3/15 belongs to the bin below it, 0.25 to the one above: 0.8 / 2 + 0.25 / 2.
    assert calibration_error(np.array([0.2, 0.25]), np.array([1, 0])) == pytest.approx(0.525)
    # Both in (0.2, 4/15]: the errors of 0.79 and 0.25 offset each other.
    assert calibration_error(np.array([0.21, 0.25]), np.array([1, 0])) == pytest.approx(0.27)
    # Rounded above 1, in one bin with 0.95: the errors of 0.05 and 1 offset each other.
    assert calibration_error(np.array([0.95, 1.0000001]), np.array([1, 0])) == pytest.approx(0.475)


def test_a_network_as_sure_as_it_is_right_is_calibrated():
    rng = np.random.default_rng(1)
    confidence = rng.uniform(0.2, 1, 200_000)
    assert calibration_error(confidence, rng.random(200_000) < confidence) < 0.005


def test_without_marks_or_with_nothing_left_there_is_no_score_of_distinct_images():
    unknown = score(PROBABILITIES, LABELS)
    assert (unknown.n_without_duplicates, unknown.accuracy_without_duplicates) == (None, None)
    all_copies = score(PROBABILITIES, LABELS, duplicate=np.ones(4, bool))
    assert (all_copies.n_without_duplicates, all_copies.accuracy_without_duplicates) == (0, None)
    none = score(PROBABILITIES, LABELS, duplicate=np.zeros(4, bool))
    assert (none.n_without_duplicates, none.accuracy_without_duplicates) == (4, 0.5)


def test_scores_can_be_written_as_json(predictions):
    found = json.loads(json.dumps(score(*predictions).as_dict(), allow_nan=False))
    assert {"n_test", "accuracy", "macro_f1", "recall", "loss"} < set(found)
    assert np.sum(found["confusion"]) == found["n_test"] == 500


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (PROBABILITIES, LABELS[:3], r"got \(4, 3\) and \(3,\)"),
        (PROBABILITIES[0], LABELS, r"got \(3,\) and \(4,\)"),
        (PROBABILITIES[:0], LABELS[:0], "n at least 1"),
        (PROBABILITIES, np.array([0, 1, 2, 3]), "classes from 0 to 2, got 0 to 3"),
        (PROBABILITIES, np.array([-1, 0, 1, 2]), "got -1 to 2"),
        (PROBABILITIES * 2, LABELS, "sum to 1"),
        (PROBABILITIES + [0.3, -0.3, 0], LABELS, "at least 0"),
        (PROBABILITIES * np.nan, LABELS, "at least 0"),
    ],
)
def test_what_are_no_predictions_is_refused(probabilities, labels, message):
    with pytest.raises(ValueError, match=message):
        score(probabilities, labels)


def test_marks_of_other_images_are_refused():
    with pytest.raises(ValueError, match=r"duplicate.*\(4,\).*got \(3,\)"):
        score(PROBABILITIES, LABELS, duplicate=[True, False, False])


def test_the_spread_of_seeds_is_the_sample_standard_deviation():
    assert mean_and_sd([1.0, 3.0]) == (2.0, pytest.approx(2**0.5))
    assert mean_and_sd([5.0]) == (5.0, None)


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [[1.0, 2.0]]])
def test_what_has_no_mean_is_refused(values):
    with pytest.raises(ValueError, match="finite"):
        mean_and_sd(values)
