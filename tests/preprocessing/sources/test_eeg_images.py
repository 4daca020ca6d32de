"""Images of windows, from the recording to the grey levels, and which windows are dropped."""

from __future__ import annotations

import numpy as np
import pytest
from eeg_recordings import NAMES, RATE, raw, save

from preprocessing.sources import UnreadableError, get
from preprocessing.sources.eeg.electrodes import topography
from preprocessing.sources.eeg.images import bands, features_of, levels

MARKED = [(1, 4, "happy"), (6, 4, "sad")]
SIZE = 12


def spoilt(path, change):
    inst = raw(annotations=MARKED)
    change(inst._data)
    return save(inst, path / "a_raw.fif")


def samples(path, **options):
    found = get("eeg").open(path, size=SIZE, notice=lambda text: None, **options)
    return list(found.items)


def test_an_image_is_the_map_of_its_windows_power_in_levels(tmp_path):
    inst = raw(annotations=MARKED)
    one = samples(save(inst, tmp_path / "a_raw.fif"))[1]
    head = topography(inst.info, SIZE)
    values = bands(inst.get_data(start=300, stop=500), RATE)
    expected = levels(head.maps(values), head.inside, features_of())
    image = one.load()
    assert image.shape == (SIZE, SIZE, 5) and image.dtype == np.uint8
    # A file of single precision may be a level off.
    assert np.abs(image.astype(int) - expected).max() <= 1
    assert (image != expected).mean() < 0.01
    assert (image[~head.inside] == 0).all() and (image[head.inside] > 0).all()


def test_an_image_does_not_depend_on_other_windows_or_recordings(tmp_path):
    save(raw(annotations=MARKED), tmp_path / "one" / "a_raw.fif")
    alone = [sample.load() for sample in samples(tmp_path / "one")]
    save(raw(annotations=MARKED), tmp_path / "two" / "a_raw.fif")
    loud = raw(annotations=MARKED, seed=1)
    loud._data *= 5
    save(loud, tmp_path / "two" / "b_raw.fif")
    both = [sample.load() for sample in samples(tmp_path / "two")]
    np.testing.assert_array_equal(both[:4], alone)
    assert np.mean(both[4:]) > np.mean(alone) + 20


def test_slices_are_channels_and_their_range_is_what_was_asked_for(tmp_path):
    def steps(data):
        data[:, 100:200], data[:, 200:300] = 5e-6, -5e-6
        data[:, 100:300:2] += 1e-7 * np.arange(1, len(NAMES) + 1)[:, None]

    path = spoilt(tmp_path, steps)
    image = samples(path, features="slices", slices=2, value_range=[-10, 10])[0].load()
    middle = image[SIZE // 2, SIZE // 2]
    assert image.shape == (SIZE, SIZE, 2)
    assert middle.tolist() == pytest.approx([1 + 254 * 15 / 20, 1 + 254 * 5 / 20], abs=8)


def refuse(name, value):
    def change(data):
        data[NAMES.index(name), 100:300] = value

    return change


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        (refuse("T7", 3e-6), "flat electrode", "T7"),
        (refuse("Cz", np.nan), "not a number", "Cz"),
        (lambda data: data.__imul__(1e6), "values out of range", "100% of .* --range"),
    ],
)
def test_a_window_that_measures_nothing_is_dropped_with_its_reason(
    change, reason, detail, tmp_path
):
    first, second, *_ = samples(spoilt(tmp_path, change))
    with pytest.raises(UnreadableError, match=detail) as caught:
        first.load()
    assert caught.value.reason == reason
    if reason != "values out of range":
        assert second.load().any()


def test_a_window_without_any_signal_is_flat_everywhere(tmp_path):
    def silence(data):
        data[:, 100:300] = 0

    with pytest.raises(UnreadableError, match=", ".join(NAMES)):
        samples(spoilt(tmp_path, silence))[0].load()


def test_over_the_place_of_a_bad_electrode_the_others_are_interpolated(tmp_path):
    inst = raw(annotations=MARKED)
    inst._data[NAMES.index("Cz")] *= 100
    wild = samples(save(inst, tmp_path / "a" / "a_raw.fif"))[0].load()
    inst.info["bads"] = ["Cz"]
    mended = samples(save(inst, tmp_path / "b" / "a_raw.fif"))[0].load()
    middle = np.s_[SIZE // 2, SIZE // 2]
    assert (wild[middle].astype(int) > mended[middle] + 60).all()
    assert ((mended > 0) == (wild > 0)).all()


def test_electrodes_that_differ_share_a_frame(tmp_path):
    """The second head is larger, so that the first is drawn smaller beside it."""
    save(raw(annotations=MARKED), tmp_path / "a_raw.fif")
    small = samples(tmp_path)[0].load()
    inst = raw(annotations=MARKED)
    for channel in inst.info["chs"]:
        channel["loc"][:3] *= 1.5
    save(inst, tmp_path / "b_raw.fif")
    beside = samples(tmp_path)[0].load()
    assert beside.shape == small.shape and (beside != small).mean() > 0.2


def test_each_recording_is_drawn_with_its_own_electrodes(tmp_path):
    """An electrode keeps its place on the head in any order of channels."""
    inst = raw(annotations=MARKED)
    save(inst, tmp_path / "a_raw.fif")
    save(inst.reorder_channels(NAMES[::-1]), tmp_path / "b_raw.fif")
    found = [sample.load() for sample in samples(tmp_path)]
    np.testing.assert_array_equal(found[0], found[4])


@pytest.mark.parametrize("size", [7, 513, 48.0])
def test_a_size_out_of_range_is_refused(size, tmp_path):
    with pytest.raises(ValueError, match="size.*from 8 to 512"):
        get("eeg").open(tmp_path, size=size)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"step": 1.0}, "--window"),
        ({"window": 0.0}, "window.*above 0.*0.0"),
        ({"window": 1.0, "step": -1.0}, "step.*above 0.*-1.0"),
        ({"tmin": 1.0, "tmax": 1.0}, "tmin.*below tmax"),
    ],
)
def test_cuts_out_of_range_are_refused(options, told, tmp_path):
    with pytest.raises(ValueError, match=told):
        get("eeg").open(tmp_path, **options)
