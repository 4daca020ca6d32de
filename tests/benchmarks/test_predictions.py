"""Predictions as a file: what is written comes back, sorted by row; what is not whole does not."""

import numpy as np
import pytest

from benchmarks.results.predictions import PREDICTIONS, read_predictions, write_predictions

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


def test_subject_and_duplicate_may_be_absent(tmp_path):
    write_predictions(tmp_path, PROBABILITIES, LABELS, SAMPLE)
    found = read_predictions(tmp_path / PREDICTIONS)
    assert found.subject is None and found.duplicate is None


def test_subjects_that_are_objects_are_stored_without_pickle(tmp_path):
    subjects = np.array(["a", "b", "c"], dtype=object)
    write_predictions(tmp_path, PROBABILITIES, LABELS, SAMPLE, subject=subjects)
    assert read_predictions(tmp_path / PREDICTIONS).subject.tolist() == ["b", "c", "a"]


def test_arrays_of_several_lengths_are_refused(tmp_path):
    with pytest.raises(ValueError, match="one length"):
        write_predictions(tmp_path, PROBABILITIES, LABELS, SAMPLE, subject=["a"])
    assert not (tmp_path / PREDICTIONS).exists()


def test_a_truncated_or_altered_or_foreign_file_is_refused(tmp_path):
    write_predictions(tmp_path, PROBABILITIES, LABELS, SAMPLE)
    path = tmp_path / PREDICTIONS
    whole = path.read_bytes()
    altered = bytearray(whole)
    altered[80] ^= 0xFF
    for content in (b"", whole[:-5], whole[: len(whole) // 2], bytes(altered), b"words"):
        path.write_bytes(content)
        with pytest.raises(ValueError):
            read_predictions(path)
    for arrays in ({"other": LABELS}, {"labels": LABELS, "sample": SAMPLE}):
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
