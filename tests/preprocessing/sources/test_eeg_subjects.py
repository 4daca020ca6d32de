"""Whose a window is, and what no split divides where that is not known."""

from __future__ import annotations

import pytest
from eeg_recordings import raw, save

from preprocessing.sources.eeg.epochs import Segment, overlapping

MARKED = [(0, 4, "happy"), (4, 4, "sad"), (7.5, 4, "sad")]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr("preprocessing.sources.eeg.images.topography", lambda *given: None)
    monkeypatch.setattr("preprocessing.sources.eeg.images.frame", lambda info: 0.095)


def recordings(folder, *names):
    for name in names:
        save(raw(annotations=MARKED), folder / name)
    return folder


def belonging(found):
    return {(sample.subject, sample.more["sequence"]) for sample in found.samples}


def test_one_recording_of_nobody_is_divided_by_trials_that_share_no_sample(read, tmp_path):
    found = read("eeg", recordings(tmp_path, "a_raw.fif") / "a_raw.fif")
    assert belonging(found) == {("", "a_raw.fif/trial 0"), ("", "a_raw.fif/trial 1")}
    assert any("says nothing about other people" in text for text in found.notices)


def test_trials_overlap_through_a_longer_one():
    spans = [(0, 0, 100), (0, 20, 40), (0, 60, 80), (0, 100, 120), (1, 110, 130)]
    trials = [
        Segment(number, start, stop, 1000, "x", offset=1000 * block)
        for number, (block, start, stop) in enumerate(spans)
    ]
    found = [[trial.number for trial in group] for group in overlapping(trials[::-1])]
    assert found == [[0, 1, 2], [3], [4]]


def test_several_recordings_of_nobody_stay_whole(read, tmp_path):
    found = read("eeg", recordings(tmp_path, "a_raw.fif", "b_raw.fif"))
    assert belonging(found) == {("", "a_raw.fif"), ("", "b_raw.fif")}
    assert any("--subject-pattern" in text for text in found.notices)


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        (None, ("sub-p1/eeg/sub-p1_task-x_raw.fif", "sub-p2/eeg/sub-p2_task-x_raw.fif")),
        ("^(p\\d)_", ("p1_x_raw.fif", "p2_x_raw.fif")),
        ("^([^/]+)/", ("p1/x_raw.fif", "p2/x_raw.fif")),
    ],
)
def test_subjects_are_found_in_paths(read, pattern, names, tmp_path):
    found = read("eeg", recordings(tmp_path, *names), subject_pattern=pattern)
    assert {sample.subject for sample in found.samples} == {"p1", "p2"}
    assert not found.notices


def test_names_of_bids_count_only_where_all_recordings_have_them(read, tmp_path):
    found = read("eeg", recordings(tmp_path, "sub-p1_raw.fif", "other_raw.fif"))
    assert {sample.subject for sample in found.samples} == {""}


def test_a_pattern_that_does_not_fit_every_recording_is_refused(read, tmp_path):
    path = recordings(tmp_path, "p1_raw.fif", "other_raw.fif")
    with pytest.raises(ValueError, match="subject_pattern.*other_raw.fif"):
        read("eeg", path, subject_pattern="p\\d")


def test_a_subject_of_the_table_goes_before_the_path(read, tmp_path):
    path = recordings(tmp_path / "d", "sub-x_raw.fif")
    table = tmp_path / "labels.csv"
    table.write_text("start,end,label,subject\n0,2,a,p1\n4,6,b,\n", encoding="utf-8")
    found = read("eeg", path, labels=table)
    assert [sample.subject for sample in found.samples] == ["p1", "x"]
