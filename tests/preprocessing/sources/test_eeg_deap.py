"""DEAP's preprocessed files for MATLAB, made after their documented layout."""

from __future__ import annotations

import pickle
import zipfile

import numpy as np
import pytest
from scipy.io import savemat

from preprocessing.sources import get
from preprocessing.sources.eeg.deap import ELECTRODES, info_of
from preprocessing.sources.eeg.electrodes import Topography
from preprocessing.sources.eeg.images import bands

VIDEOS, SAMPLES = 4, 128 * 8


def subject(seed=0):
    """Return four videos of 5 s after 3 s of rest, in microvolts, and their ratings."""
    rng = np.random.default_rng(seed)
    data = 10 * rng.standard_normal((VIDEOS, 40, SAMPLES))
    ratings = np.array([[9, 1, 5, 5.01], [5, 9, 1, 1], [5.1, 1, 9, 9], [1, 5, 5, 5]], float)
    return {"data": data, "labels": ratings}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Skip drawing the maps, which takes time: these tests do not look at them."""
    head = Topography(np.zeros((64, 32)), np.ones((8, 8), bool))
    monkeypatch.setattr("preprocessing.sources.eeg.images.topography", lambda *given: head)
    monkeypatch.setattr("preprocessing.sources.eeg.images.frame", lambda info: 0.095)


@pytest.fixture
def folder(tmp_path):
    for number in (1, 2):
        savemat(tmp_path / f"s{number:02d}.mat", subject(number), do_compression=number == 1)
    return tmp_path


def test_every_video_is_cut_after_its_baseline(read, folder):
    found = read("deap", folder, size=8)
    assert len(found.samples) == 2 * VIDEOS * 2
    assert [sample.source for sample in found.samples[:3]] == [
        "s01.mat/trial 0/3.000-5.000 s",
        "s01.mat/trial 0/5.000-7.000 s",
        "s01.mat/trial 1/3.000-5.000 s",
    ]
    assert {sample.subject for sample in found.samples} == {"s01", "s02"}
    assert found.raw.classes == ("high", "low")


@pytest.mark.parametrize(
    ("dimension", "labels"),
    [
        ("valence", ["high", "low", "high", "low"]),
        ("arousal", ["low", "high", "low", "low"]),
        ("dominance", ["low", "low", "high", "low"]),
        ("liking", ["high", "low", "high", "low"]),
    ],
)
def test_a_rating_above_five_is_high(read, folder, dimension, labels):
    found = read("deap", folder / "s01.mat", dimension=dimension, size=8, window=5.0)
    assert [sample.label for sample in found.samples] == labels


def test_an_image_shows_the_first_32_channels_at_their_places(read, folder, monkeypatch):
    seen = []

    def keep(self, values):
        seen.append(values)
        return np.zeros((len(values), 8, 8))

    monkeypatch.setattr(Topography, "maps", keep)
    read("deap", folder, size=8).samples[1].load()
    expected = bands(1e-6 * subject(1)["data"][0, :32, 5 * 128 : 7 * 128], 128.0)
    np.testing.assert_allclose(seen[0], expected)


def test_the_electrodes_have_their_places_and_are_in_the_order_of_the_files():
    assert len(set(ELECTRODES)) == 32
    places = {channel["ch_name"]: channel["loc"][:3] for channel in info_of(128.0)["chs"]}
    # The order goes up the left side and the midline from behind, then the right side.
    assert all(places[name][0] < 0 for name in ELECTRODES[:14])
    assert all(places[name][0] > 0 for name in ("Fp2", *ELECTRODES[19:23], *ELECTRODES[24:]))
    assert [ELECTRODES[place] for place in (14, 15, 18, 23)] == ["Oz", "Pz", "Fz", "Cz"]
    # The channels that others took out of DEAP's files for a headset of 14.
    headset = {1: "AF3", 2: "F3", 3: "F7", 4: "FC5", 7: "T7", 11: "P7", 13: "O1", 17: "AF4"}
    headset |= {19: "F4", 20: "F8", 21: "FC6", 25: "T8", 29: "P8", 31: "O2"}
    assert {place: ELECTRODES[place] for place in headset} == headset


def test_a_zip_is_read_as_published(read, folder):
    with zipfile.ZipFile(folder / "data_preprocessed_matlab.zip", "w") as archive:
        archive.write(folder / "s01.mat", "data_preprocessed_matlab/s01.mat")
    found = read("deap", folder / "data_preprocessed_matlab.zip", size=8)
    assert {sample.subject for sample in found.samples} == {"s01"} and len(found.samples) == 8


def test_a_directory_may_hold_the_zip_and_no_subject_counts_twice(read, folder):
    with zipfile.ZipFile(folder / "data_preprocessed_matlab.zip", "w") as archive:
        archive.write(folder / "s01.mat", "s01.mat")
        archive.write(folder / "s02.mat", "s02.mat")
    (folder / "s02.mat").unlink()
    found = read("deap", folder, size=8)
    assert len(found.samples) == 2 * VIDEOS * 2
    assert {sample.source.split("/trial")[0] for sample in found.samples} == {
        "s01.mat",
        "data_preprocessed_matlab.zip/s02.mat",
    }
    assert found.reasons == {"data_preprocessed_matlab.zip/s01.mat": "second file of one subject"}


def test_pickles_are_not_opened_and_the_error_names_the_other_files(read, folder, tmp_path):
    class Command:
        def __reduce__(self):
            return exec, (f"open({str(tmp_path / 'run')!r}, 'w')",)

    (folder / "s03.dat").write_bytes(pickle.dumps({"data": Command(), "labels": 1}, 2))
    found = read("deap", folder, size=8)
    assert found.reasons == {"s03.dat": "pickle, not opened"}
    for name in ("s01.mat", "s02.mat"):
        (folder / name).unlink()
    with pytest.raises(ValueError, match=r"s03\.dat.*data_preprocessed_matlab\.zip"):
        get("deap").open(folder)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"data": np.zeros((VIDEOS, 32, SAMPLES))},
        {"data": np.zeros((VIDEOS, 40, 384))},
        {"data": np.full((VIDEOS, 40, SAMPLES), "x", object)},
        {"labels": np.full((VIDEOS + 1, 4), 5.0)},
        {"labels": np.full((VIDEOS, 4), 0.5)},
        {"labels": np.full((VIDEOS, 4), np.nan)},
    ],
)
def test_another_layout_is_rejected(read, folder, change):
    savemat(folder / "s03.mat", {**subject(), **change}, do_compression=True)
    savemat(folder / "s04.mat", dict(reversed(subject().items())))
    (folder / "s04.mat").write_bytes((folder / "s04.mat").read_bytes()[:-5000])
    (folder / "readme.txt").write_text("x", encoding="utf-8")
    assert read("deap", folder, size=8).reasons == {
        "readme.txt": "not a file of DEAP",
        "s03.mat": "not a file of DEAP",
        "s04.mat": "not a MATLAB file",
    }


@pytest.mark.parametrize(
    ("most", "reason"), [(1000, "too large"), (8 * VIDEOS * 40 * SAMPLES - 1, "not a file")]
)
def test_a_file_that_is_or_unpacks_too_large_is_not_read(most, reason, folder, monkeypatch):
    """The second limit is above the size of the file, whose zeros are compressed."""
    (folder / "s02.mat").unlink()
    data = np.zeros((VIDEOS, 40, SAMPLES))
    savemat(folder / "s01.mat", {**subject(), "data": data}, do_compression=True)
    monkeypatch.setattr("preprocessing.sources.eeg.deap.MOST_BYTES", most)
    with pytest.raises(ValueError, match=f"s01.mat: .*{reason}"):
        get("deap").open(folder)


def test_a_folder_without_deap_is_refused(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"x")
    with pytest.raises(ValueError, match="s01.mat to s32.mat.*a.mat"):
        get("deap").open(tmp_path)
    with pytest.raises(ValueError, match="dimension.*'joy'.*valence"):
        get("deap").open(tmp_path, dimension="joy")


def test_missing_subjects_and_videos_are_reported(read, folder):
    first, second = read("deap", folder, size=8).notices
    assert "30 are missing: s03, s04" in first
    assert "not 40" in second and second.endswith("s02.mat")
