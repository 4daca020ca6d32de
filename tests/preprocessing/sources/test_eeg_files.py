"""Recordings of every kind of file: which windows they give, and what is in them."""

from __future__ import annotations

import mne
import numpy as np
import pytest
from eeg_recordings import NAMES, RATE, info, raw, save, signal, write_brainvision, write_edf

from preprocessing.sources import get
from preprocessing.sources.eeg.epochs import Cut, Reader
from preprocessing.sources.eeg.source import open_file

MARKED = [(1, 4, "happy"), (6, 4, "sad")]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Skip drawing the maps, which takes time: these tests do not look at them."""
    monkeypatch.setattr("preprocessing.sources.eeg.images.topography", lambda *given: None)
    monkeypatch.setattr("preprocessing.sources.eeg.images.frame", lambda info: 0.095)


def shown(reading):
    """Return label and source of every sample."""
    return [(sample.label, sample.source) for sample in reading.samples]


def opened(path, montage=None, without=()):
    return open_file(path, path.name, Cut(), montage, without)


def test_annotations_are_cut_into_windows(read, tmp_path):
    found = read("eeg", save(raw(annotations=MARKED), tmp_path / "a_raw.fif"))
    assert shown(found) == [
        ("happy", "a_raw.fif/trial 0/1.000-3.000 s"),
        ("happy", "a_raw.fif/trial 0/3.000-5.000 s"),
        ("sad", "a_raw.fif/trial 1/6.000-8.000 s"),
        ("sad", "a_raw.fif/trial 1/8.000-10.000 s"),
    ]
    assert found.raw.classes == ("happy", "sad")


def test_windows_may_overlap_and_none_reaches_over_its_trial(read, tmp_path):
    path = save(raw(annotations=MARKED), tmp_path / "a_raw.fif")
    found = read("eeg", path, window=1.5, step=1.0)
    times = [sample.source.split("/")[-1] for sample in found.samples]
    assert times[:3] == ["1.000-2.500 s", "2.000-3.500 s", "3.000-4.500 s"] and len(times) == 6


def test_a_window_holds_the_signal_of_its_time_in_volts(tmp_path):
    path = save(raw(annotations=MARKED), tmp_path / "a_raw.fif")
    piece = Reader(opened(path))(0, 100, 300)
    np.testing.assert_allclose(piece, signal()[:, 100:300], rtol=1e-5)


@pytest.mark.parametrize("first", [0, 250])
def test_the_place_of_an_annotation_is_that_of_mne_where_a_file_begins_late(first, tmp_path):
    path = save(raw(annotations=MARKED, first=first).crop(0.5), tmp_path / "a_raw.fif")
    again = mne.io.read_raw(path, verbose="error")
    events, _ = mne.events_from_annotations(again, verbose="error")
    trials = opened(path).trials
    assert (
        [trial.start for trial in trials] == (events[:, 0] - again.first_samp).tolist() == [50, 550]
    )
    piece = Reader(opened(path))(0, 50, 60)
    np.testing.assert_allclose(piece, signal()[:, 100:110], rtol=1e-5)


def test_what_is_marked_bad_labels_nothing_and_its_windows_are_dropped(read, tmp_path):
    marks = [*MARKED, (2.5, 0.2, "BAD_blink"), (9, 0.5, "edge boundary")]
    found = read("eeg", save(raw(annotations=marks), tmp_path / "a_raw.fif"))
    assert found.raw.classes == ("happy", "sad")
    assert found.reasons == {
        "a_raw.fif/trial 0/1.000-3.000 s": "in a stretch marked bad",
        "a_raw.fif/trial 1/8.000-10.000 s": "in a stretch marked bad",
    }


def test_the_windows_dropped_are_those_that_mne_drops(read, tmp_path):
    bad = [(1.7, 0.31, "BAD_a"), (4, 0, "BAD boundary"), (7, 0.5, "bad"), (9.01, 0.005, "BAD")]
    inst = raw(annotations=[(0, 12, "happy"), *bad])
    found = read("eeg", save(inst, tmp_path / "a_raw.fif"), window=0.5, step=0.25)
    events = np.array([[25 * place, 0, 1] for place in range(47)])
    options = {"tmin": 0, "tmax": 0.49, "baseline": None, "verbose": "error"}
    epochs = mne.Epochs(inst, events, reject_by_annotation=True, preload=True, **options)
    kept = [float(sample.source.split("/")[-1].split("-")[0]) for sample in found.samples]
    assert kept == (epochs.events[:, 0] / RATE).tolist() and 0 < len(kept) < 47


@pytest.mark.parametrize("name", ["boundary", "New Segment/"])
def test_where_signal_was_joined_no_window_lies_across(name, read, tmp_path):
    marks = [*MARKED, (2.5, 0, name), (6, 4, name)]
    found = read("eeg", save(raw(annotations=marks), tmp_path / "a_raw.fif"))
    assert found.raw.classes == ("happy", "sad") and len(found.samples) == 3
    assert found.reasons == {"a_raw.fif/trial 0/1.000-3.000 s": "in a stretch marked bad"}


def epochs_of(count, every, seconds=2.0):
    """Return epochs of a recording that begin every so many samples."""
    inst = raw((every * (count - 1)) / RATE + seconds + 1)
    events = np.c_[np.arange(count) * every, np.zeros(count, int), np.arange(count) % 2 + 1]
    kinds = {"happy": 1, "sad": 2}
    end = seconds - 1 / RATE
    options = {"tmin": 0, "tmax": end, "baseline": None, "preload": True, "verbose": "error"}
    return mne.Epochs(inst, events, kinds, **options)


def test_epochs_in_several_files_are_read_once(read, tmp_path):
    made = epochs_of(400, 200)
    made.save(tmp_path / "a-epo.fif", split_size="2MB", verbose="error")
    assert len(list(tmp_path.iterdir())) > 2
    found = read("eeg", tmp_path)
    assert not found.rejected and len(found.samples) == 400
    assert {sample.source.split("/")[0] for sample in found.samples} == {"a-epo.fif"}


def test_epochs_that_share_samples_belong_together(read, tmp_path):
    apart, together = tmp_path / "apart-epo.fif", tmp_path / "together-epo.fif"
    epochs_of(6, 200).save(apart, verbose="error")
    epochs_of(6, 50).save(together, verbose="error")
    for path, number in ((apart, 6), (together, 1)):
        found = read("eeg", path)
        assert len({sample.more["sequence"] for sample in found.samples}) == number


@pytest.mark.parametrize("options", [{"tmin": 5.0}, {"tmax": -1.0}])
def test_epochs_that_end_before_they_begin_are_dropped(options, read, tmp_path):
    epochs_of(2, 200).save(tmp_path / "a-epo.fif", verbose="error")
    found = read("eeg", tmp_path / "a-epo.fif", **options)
    assert not found.samples
    assert set(found.reasons.values()) <= {"shorter than a window", "outside the recording"}


def test_events_without_length_get_a_window_or_what_tmin_and_tmax_say(read, tmp_path):
    path = save(raw(annotations=[(1, 0, "a"), (11, 0, "b")]), tmp_path / "a_raw.fif")
    found = read("eeg", path)
    assert shown(found) == [("a", "a_raw.fif/trial 0/1.000-3.000 s")]
    assert found.reasons == {"a_raw.fif/trial 1": "outside the recording"}
    assert read("eeg", path, tmin=-1.1).reasons["a_raw.fif/trial 0"] == "outside the recording"
    found = read("eeg", path, tmin=-0.5, tmax=0.5, window=0.5)
    assert [source.split("/")[-1] for _, source in shown(found)] == [
        *("0.500-1.000 s", "1.000-1.500 s", "10.500-11.000 s", "11.000-11.500 s")
    ]


def test_a_trial_shorter_than_a_window_is_dropped(read, tmp_path):
    path = save(raw(annotations=[(1, 4, "a"), (6, 1.99, "b")]), tmp_path / "a_raw.fif")
    found = read("eeg", path)
    assert len(found.samples) == 2
    assert found.reasons == {"a_raw.fif/trial 1": "shorter than a window"}


def test_events_that_are_named_alone_count(read, tmp_path):
    path = save(raw(annotations=[*MARKED, (2, 1, "button")]), tmp_path / "a_raw.fif")
    assert read("eeg", path, events=["happy", "sad"]).raw.classes == ("happy", "sad")
    with pytest.raises(ValueError, match="'angry'.*button.*happy.*sad"):
        read("eeg", path, events=["angry"])


def test_one_stretch_with_two_names_is_refused(read, tmp_path):
    path = save(raw(annotations=[(1, 4, "happy"), (1, 4, "sad")]), tmp_path / "a_raw.fif")
    with pytest.raises(ValueError, match=r"1\.000-5\.000 s.*'happy'.*'sad'"):
        read("eeg", path)


def test_a_trigger_channel_labels_what_has_no_annotations(read, tmp_path):
    data = np.vstack([signal(), np.zeros((1, 1200))])
    data[-1, 100:103], data[-1, 700] = 1, 2
    inst = mne.io.RawArray(data, info(extra=[("STI", "stim")]), 30, verbose="error")
    found = read("eeg", save(inst, tmp_path / "a_raw.fif"))
    assert shown(found) == [
        ("1", "a_raw.fif/trial 0/1.000-3.000 s"),
        ("2", "a_raw.fif/trial 1/7.000-9.000 s"),
    ]


@pytest.fixture
def epochs():
    events = np.array([[200, 0, 1], [500, 0, 2], [800, 0, 1]])
    ids = {"happy": 1, "sad": 2}
    return mne.Epochs(
        raw(), events, ids, tmin=-0.2, tmax=1.0, baseline=None, preload=True, verbose="error"
    )


def test_each_epoch_is_a_window(read, epochs, tmp_path):
    path = save(epochs, tmp_path / "a-epo.fif")
    found = read("eeg", path)
    assert shown(found) == [
        ("happy", "a-epo.fif/trial 0/0.000-1.210 s"),
        ("sad", "a-epo.fif/trial 1/0.000-1.210 s"),
        ("happy", "a-epo.fif/trial 2/0.000-1.210 s"),
    ]
    piece = Reader(opened(path))(1, 20, 30)  # from the event on
    np.testing.assert_allclose(piece, signal()[:, 500:510], rtol=1e-5)


def test_epochs_can_be_cut(read, epochs, tmp_path):
    found = read("eeg", save(epochs, tmp_path / "a-epo.fif"), tmin=0, tmax=1, window=0.5)
    assert [s.source.split("/", 1)[1] for s in found.samples][:3] == [
        *("trial 0/0.200-0.700 s", "trial 0/0.700-1.200 s", "trial 1/0.200-0.700 s")
    ]
    found = read("eeg", tmp_path / "a-epo.fif", tmin=0, tmax=1.2)
    assert set(found.reasons.values()) == {"outside the recording"}


def test_each_evoked_response_is_a_window_and_its_comment_the_label(read, epochs, tmp_path):
    evoked = [epochs[name].average() for name in ("happy", "sad")]
    for one, name in zip(evoked, ("happy", "sad"), strict=True):
        one.comment = name
    path = tmp_path / "a-ave.fif"
    mne.write_evokeds(path, evoked, verbose="error")
    assert [label for label, _ in shown(read("eeg", path))] == ["happy", "sad"]
    mean = (signal()[:, 200:210] + signal()[:, 800:810]) / 2
    np.testing.assert_allclose(Reader(opened(path))(0, 20, 30), mean, rtol=1e-4)


def test_edf_is_read_with_a_montage_and_a_table(read, tmp_path):
    path = write_edf(tmp_path / "a.edf", signal())
    table = tmp_path / "labels.csv"
    table.write_text("start,end,label\n1,3,happy\n5,9,sad\n", encoding="utf-8")
    found = read("eeg", path, montage="biosemi64", labels=table)
    assert [label for label, _ in shown(found)] == ["happy", "sad", "sad"]
    piece = Reader(opened(path, "biosemi64"))(0, 500, 700)
    np.testing.assert_allclose(piece, signal()[:, 500:700], atol=1.01e-8)


def test_a_montage_fits_names_of_other_case(tmp_path):
    names = [name.upper() for name in NAMES]
    path = write_edf(tmp_path / "a.edf", signal(), names)
    assert opened(path, "biosemi64").info["ch_names"] == names


def test_brainvision_is_read_with_its_markers(read, tmp_path):
    path = write_brainvision(tmp_path / "a.vhdr", signal(), [("S  1", 100), ("S  2", 600)])
    found = read("eeg", tmp_path, montage="biosemi64")
    assert shown(found) == [
        ("Stimulus/S  1", "a.vhdr/trial 0/1.000-3.000 s"),
        ("Stimulus/S  2", "a.vhdr/trial 1/6.000-8.000 s"),
    ]
    assert not found.rejected  # .vmrk and .eeg are parts of it
    piece = Reader(opened(path, "biosemi64"))(0, 100, 300)
    np.testing.assert_allclose(piece, signal()[:, 100:300], rtol=1e-5)


def test_a_recording_in_several_files_is_read_once(read, tmp_path):
    inst = raw(400, annotations=[(1, 398, "happy")])
    inst.save(tmp_path / "a_raw.fif", split_size="2MB", buffer_size_sec=1, verbose="error")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a_raw-1.fif", "a_raw.fif"]
    found = read("eeg", tmp_path)
    assert not found.rejected
    assert [sample.source.split("/")[0] for sample in found.samples] == ["a_raw.fif"] * 199
    piece = Reader(opened(tmp_path / "a_raw.fif"))(0, 39900, 40000)  # in the second file
    np.testing.assert_allclose(piece, signal(400)[:, 39900:], rtol=1e-5)


def test_what_is_no_recording_is_rejected(read, tmp_path):
    save(raw(annotations=MARKED), tmp_path / "a_raw.fif")
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    (tmp_path / "b_raw.fif").write_bytes(b"no fif")
    found = read("eeg", tmp_path)
    assert len(found.samples) == 4
    assert found.reasons == {"notes.txt": "not a recording", "b_raw.fif": "unreadable recording"}


@pytest.mark.parametrize("name", ["a_raw.fif", "a.txt"])
def test_a_path_without_any_recording_is_refused(name, tmp_path):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ValueError, match=f"no recording.*{name}"):
        get("eeg").open(tmp_path)


def test_channels_without_position_are_named(tmp_path):
    path = save(raw(annotations=MARKED, montage=None), tmp_path / "a_raw.fif")
    with pytest.raises(ValueError, match="9 of 9.*Fp1.*--montage standard_1020"):
        opened(path)
    assert opened(path, "biosemi64").info["ch_names"] == NAMES
    assert opened(path, "standard_1020").info["ch_names"] == NAMES
    with pytest.raises(ValueError, match="no position.*biosemi16: F7, F8.*--montage"):
        opened(path, "biosemi16")
    with pytest.raises(ValueError, match="montage.*biosemi16.*got 'biosemi'"):
        opened(path, "biosemi")


def test_electrodes_at_one_place_are_refused(tmp_path):
    inst = raw(annotations=MARKED)
    inst.info["chs"][3]["loc"][:3] = inst.info["chs"][0]["loc"][:3] + 1e-5
    path = save(inst, tmp_path / "a_raw.fif")
    with pytest.raises(ValueError, match="same position: Fp1, F8"):
        opened(path)
    assert "F8" not in opened(path, without=["F8"]).info["ch_names"]


def test_only_eeg_is_drawn_and_what_is_left_out_must_be_there(read, tmp_path):
    inst = raw(annotations=MARKED)
    inst.set_channel_types({"T8": "ecg"}, verbose="error")
    path = save(inst, tmp_path / "a_raw.fif")
    found = opened(path, without=["Cz"])
    assert found.info["ch_names"] == [name for name in NAMES if name not in ("T8", "Cz")]
    assert len(Reader(found)(0, 0, 10)) == 7
    with pytest.raises(ValueError, match="drop_channels.*'Pz'"):
        read("eeg", path, drop_channels=["Pz"])
    with pytest.raises(ValueError, match="at least 4 EEG channels, got 3"):
        opened(path, without=NAMES[:5])


def test_bad_electrodes_are_left_out_and_told_of(read, tmp_path):
    inst = raw(annotations=MARKED)
    inst.info["bads"] = ["T7"]
    path = save(inst, tmp_path / "a_raw.fif")
    assert any("left out" in text and text.endswith("T7") for text in read("eeg", path).notices)
    expected = np.delete(signal(), NAMES.index("T7"), axis=0)
    np.testing.assert_allclose(Reader(opened(path))(0, 0, 1200), expected, rtol=1e-5)


def test_every_file_counts_for_the_identity(read, tmp_path):
    path = write_brainvision(tmp_path / "a.vhdr", signal(), [("S  1", 100), ("S  2", 600)])
    table = tmp_path / "t" / "labels.csv"
    table.parent.mkdir()
    table.write_text("event,label\n0,happy\n1,sad\n", encoding="utf-8")
    options = {"montage": "biosemi64", "labels": table}
    known = {read("eeg", path, **options).raw.identity}
    write_brainvision(path, signal()[:, :1100], [("S  1", 100), ("S  2", 600)])
    known.add(read("eeg", path, **options).raw.identity)
    table.write_text("event,label\n0,happy\n1,angry\n", encoding="utf-8")
    known.add(read("eeg", path, **options).raw.identity)
    assert len(known) == 3


def test_recordings_of_sampling_rates_that_differ_are_cut_by_seconds(read, tmp_path):
    save(raw(annotations=MARKED), tmp_path / "a_raw.fif")
    other = raw(annotations=MARKED).resample(2 * RATE, verbose="error")
    save(other, tmp_path / "b_raw.fif")
    found = read("eeg", tmp_path)
    times = [sample.source.split("/", 1)[1] for sample in found.samples]
    assert times[:4] == times[4:]
    assert "100 Hz, 200 Hz" in found.raw.distribution
