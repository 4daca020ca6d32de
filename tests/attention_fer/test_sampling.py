import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.utils.class_weight import compute_class_weight

from attention_fer.training import sampling

COUNTS = np.array([40, 7, 0, 100, 33])
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(5), COUNTS))


def drawn(kind, seed=0, **options):
    return sampling.draw(LABELS, kind, np.random.default_rng(seed), **options)


def class_counts(rows):
    return np.bincount(LABELS[rows], minlength=len(COUNTS))


# Weights of an image by definition: the inverse of its class's count, and of its effective number.
WEIGHTS = {
    "inverse-frequency": lambda n: 1 / n,
    "class-balanced": lambda n: (1 - 0.98) / (1 - 0.98**n),
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weighted_draws_follow_the_weights_of_the_images(kind):
    weights = WEIGHTS[kind](COUNTS[LABELS].astype(float))
    expected = 180 * np.bincount(LABELS, weights, 5) / weights.sum()
    total = sum(class_counts(drawn(kind, seed, beta=0.98)) for seed in range(200))
    present = COUNTS > 0
    assert total.sum() == 200 * len(LABELS) and total[2] == 0
    assert stats.chisquare(total[present], 200 * expected[present]).pvalue > 0.001


def test_weighted_draws_take_the_images_of_a_class_alike():
    total = sum(np.bincount(drawn("inverse-frequency", s), minlength=180) for s in range(400))
    for label in np.unique(LABELS):
        assert stats.chisquare(total[label == LABELS]).pvalue > 0.001


@pytest.mark.parametrize(("kind", "size"), [("over", 100), ("under", 7), ("median", 36)])
def test_resampling_brings_every_class_to_one_size(kind, size):
    found = class_counts(drawn(kind))
    assert found.tolist() == [size, size, 0, size, size]


@pytest.mark.parametrize(("kind", "size"), [("over", 100), ("under", 7), ("median", 36)])
def test_resampling_repeats_no_image_before_all_of_its_class_were_taken(kind, size):
    often = np.bincount(drawn(kind), minlength=len(LABELS))
    for label, count in enumerate(COUNTS):
        if count:
            mine = often[label == LABELS]
            assert mine.min() == size // count and mine.max() == -(-size // count)


@pytest.mark.parametrize("kind", sampling.KINDS)
def test_rows_are_shuffled_and_a_function_of_the_generator(kind):
    rows = drawn(kind)
    np.testing.assert_array_equal(rows, drawn(kind))
    assert not np.array_equal(rows, drawn(kind, seed=1))
    labels = LABELS[rows]
    # Rows sorted by class would change class at most three times.
    assert (labels[1:] != labels[:-1]).sum() > 10


@pytest.mark.parametrize(("beta", "shares"), [(0.0, COUNTS), (1 - 1e-9, COUNTS > 0)])
def test_beta_leads_from_the_images_as_they_are_to_the_inverse_frequency(beta, shares):
    total = sum(class_counts(drawn("class-balanced", seed, beta=beta)) for seed in range(200))
    present = COUNTS > 0
    expected = shares / shares.sum() * total.sum()
    assert stats.chisquare(total[present], expected[present]).pvalue > 0.001


def test_balanced_weights_are_those_of_scikit_learn():
    present = np.unique(LABELS)
    found = sampling.class_weights(LABELS, 5)
    np.testing.assert_allclose(
        found[present], compute_class_weight("balanced", classes=present, y=LABELS)
    )
    assert found[2] == 0


def test_effective_weights_are_those_of_the_paper():
    found = sampling.class_weights(LABELS, 5, "effective", 0.99)
    raw = (1 - 0.99) / (1 - 0.99 ** COUNTS[COUNTS > 0].astype(float))
    np.testing.assert_allclose(found[COUNTS > 0], raw * 4 / raw.sum())
    assert found[2] == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: drawn("inverse"), "Did you mean 'inverse-frequency'"),
        (lambda: sampling.class_weights(LABELS, 5, "balance"), "Did you mean 'balanced'"),
        (lambda: drawn("class-balanced", beta=1.0), "beta must be .* 1.0"),
        (lambda: sampling.class_weights(LABELS, 4), "4 classes, got 4"),
        (lambda: sampling.draw(np.array([0.5]), "over", None), "labels must be .*shape .* float64"),
        (lambda: sampling.draw(np.array([-1]), "over", None), "from -1"),
        (lambda: sampling.draw(np.array([], int), "over", None), "non-empty 1-D array"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_sampling_and_the_check_of_augmentations_load_no_keras():
    code = "import sys; from attention_fer.training import sampling"
    code += "\nfrom attention_fer.training.augmentation import specification; print(*sys.modules)"
    project = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (
        "attention_fer.training.augmentation.specification" in done.stdout
        and "keras" not in done.stdout
    )
