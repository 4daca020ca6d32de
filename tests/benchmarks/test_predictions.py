"""Predictions as a file, pooled over folds, and as the outcomes that a comparison needs."""

import numpy as np
import pytest

from benchmarks.results.predictions import (
    PREDICTIONS,
    Outcomes,
    Predictions,
    pooled,
    read_predictions,
    write_predictions,
)

SAMPLE = np.array([9, 2, 5])
LABELS = np.array([1, 0, 1])
PROBABILITIES = np.array([[0.25, 0.75], [0.5, 0.5], [0.75, 0.25]], "float32")
FURTHER = {"subject": ["b", "", "Ünal"], "duplicate": [False, True, False]}


def test_all_arrays_come_back_sorted_by_row(tmp_path):
    write_predictions(tmp_path, PROBABILITIES, LABELS, SAMPLE, **FURTHER)
    found = read_predictions(tmp_path / PREDICTIONS)
    assert found.sample.tolist() == [2, 5, 9]
    assert found.labels.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(found.probabilities, PROBABILITIES[[1, 2, 0]])
    assert found.subject.tolist() == ["", "Ünal", "b"]
    assert found.duplicate.tolist() == [True, False, False]
    assert found.correct.tolist() == [True, False, True]
    kinds = [found.probabilities.dtype, found.labels.dtype, found.sample.dtype]
    assert kinds == ["float32", "int64", "int64"]
    assert found.subject.dtype.kind == "U" and found.duplicate.dtype == bool


def test_subjects_that_are_objects_are_stored_without_pickle(tmp_path):
    subjects = np.array(["a", "b", "c"], dtype=object)
    write_predictions(tmp_path, PROBABILITIES, LABELS, SAMPLE, **{**FURTHER, "subject": subjects})
    assert read_predictions(tmp_path / PREDICTIONS).subject.tolist() == ["b", "c", "a"]


def test_arrays_of_several_lengths_are_refused(tmp_path):
    with pytest.raises(ValueError, match="equal length"):
        write_predictions(tmp_path, PROBABILITIES, LABELS, SAMPLE, **{**FURTHER, "subject": ["a"]})
    assert not (tmp_path / PREDICTIONS).exists()


def test_a_truncated_or_altered_or_foreign_file_is_refused(tmp_path):
    write_predictions(tmp_path, PROBABILITIES, LABELS, SAMPLE, **FURTHER)
    path = tmp_path / PREDICTIONS
    whole = path.read_bytes()
    altered = bytearray(whole)
    altered[80] ^= 0xFF
    for content in (b"", whole[:-5], whole[: len(whole) // 2], bytes(altered), b"words"):
        path.write_bytes(content)
        with pytest.raises(ValueError):
            read_predictions(path)
    parts = {"probabilities": PROBABILITIES, "labels": LABELS, "sample": SAMPLE}
    for arrays in ({"other": LABELS}, {"labels": LABELS, "sample": SAMPLE}, parts):
        np.savez(path, **arrays)
        with pytest.raises(ValueError, match="holds no predictions"):
            read_predictions(path)


def test_a_file_with_pickled_objects_is_refused(tmp_path):
    objects = {"subject": np.array(["a", "b", "c"], dtype=object)}
    np.savez(
        tmp_path / PREDICTIONS, probabilities=PROBABILITIES, labels=LABELS, sample=SAMPLE, **objects
    )
    with pytest.raises(ValueError, match="allow_pickle"):
        read_predictions(tmp_path / PREDICTIONS)


def fold(sample, subject=None):
    sample = np.array(sample)
    subject = np.full(len(sample), "") if subject is None else np.array(subject)
    probabilities = np.eye(3, dtype="float32")[sample % 3]
    return Predictions(probabilities, sample % 2, sample, subject, np.zeros(len(sample), bool))


def test_pooled_folds_are_in_the_order_of_the_dataset():
    both = pooled([fold([3, 1], ["a", "b"]), fold([4, 0, 2], ["c", "d", "e"])])
    assert both.sample.tolist() == [0, 1, 2, 3, 4]
    assert both.labels.tolist() == [0, 1, 0, 1, 0]
    assert both.probabilities.argmax(axis=1).tolist() == [0, 1, 2, 0, 1]
    assert both.subject.tolist() == ["d", "b", "e", "a", "c"]
    with pytest.raises(ValueError, match="folds.*empty"):
        pooled([])


def test_images_of_a_subject_are_a_cluster_and_unknown_ones_stand_alone():
    found = fold(range(6), ["b", "", "a", "b", "", "a"]).clusters
    assert found[0] == found[3] and found[2] == found[5] and len(set(found)) == 4
    assert fold([0, 1]).clusters is None


def test_seeds_must_have_the_same_images():
    whole = Outcomes.of({0: fold([0, 1, 2]), 3: fold([0, 1, 2])}, "vgg16")
    assert whole.correct[3].tolist() == [True, True, False] and whole.clusters is None
    with pytest.raises(ValueError, match="seeds of vgg16.*same images"):
        Outcomes.of({0: fold([0, 1, 2]), 1: fold([0, 1, 3])}, "vgg16")
