"""Predictions of folds put together, and which of their images belong together."""

import numpy as np
import pytest

from benchmarks.results.folds import Measured, clusters, together
from benchmarks.results.predictions import Predictions


def fold(sample, **known):
    sample = np.array(sample)
    probabilities = np.eye(3, dtype="float32")[sample % 3]
    return Predictions(probabilities, sample % 2, sample, **known)


def test_images_stand_in_the_order_of_the_dataset_whatever_fold_they_are_of():
    names = [np.array(["a", "b"]), np.array(["c", "d", "e"])]
    both = together([fold([3, 1], subject=names[0]), fold([4, 0, 2], subject=names[1])])
    assert both.sample.tolist() == [0, 1, 2, 3, 4]
    assert both.labels.tolist() == [0, 1, 0, 1, 0]
    assert both.probabilities.argmax(axis=1).tolist() == [0, 1, 2, 0, 1]
    assert both.subject.tolist() == ["d", "b", "e", "a", "c"]


def test_what_a_fold_does_not_know_is_unknown():
    both = together([fold([0], duplicate=np.array([True])), fold([1])])
    assert both.duplicate is None and both.subject is None
    with pytest.raises(ValueError, match="No fold"):
        together([])


def test_images_of_a_subject_belong_together_and_unknown_ones_stand_alone():
    found = clusters(fold(range(6), subject=np.array(["b", "", "a", "b", "", "a"])))
    assert found[0] == found[3] and found[2] == found[5] and len(set(found)) == 4
    assert clusters(fold([0, 1], subject=np.array(["", ""]))) is None
    assert clusters(fold([0, 1])) is None


def test_seeds_must_have_the_same_images():
    whole = Measured.of({0: fold([0, 1, 2]), 3: fold([0, 1, 2])}, "vgg16")
    assert whole.right[3].tolist() == [True, True, False] and whole.clusters is None
    with pytest.raises(ValueError, match="The seeds of vgg16 were not measured"):
        Measured.of({0: fold([0, 1, 2]), 1: fold([0, 1, 3])}, "vgg16")
