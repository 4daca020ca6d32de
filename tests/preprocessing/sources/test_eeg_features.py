"""Numbers of a window: power in bands, means of slices, and the grey levels of both."""

from __future__ import annotations

import mne
import numpy as np
import pytest

from preprocessing.sources.eeg.images import BANDS, bands, features_of, levels, slices

RATE = 128.0
TIME = np.arange(512) / RATE


@pytest.mark.parametrize(("hertz", "place"), [(2, 0), (6, 1), (10, 2), (20, 3), (37, 4)])
def test_a_tone_has_the_power_of_its_amplitude_in_its_band(hertz, place):
    low, high = BANDS[list(BANDS)[place]]
    tone = 1e-6 * 20 * np.sin(2 * np.pi * hertz * TIME)
    found = bands(tone[None], RATE)[:, 0]
    # Of 20 uV the mean square is 200 uV², over the width of the band.
    assert found[place] == pytest.approx(10 * np.log10(200 / (high - low)), abs=0.02)
    assert found.argmax() == place


def test_bands_are_those_that_mne_measures():
    noise = 1e-5 * np.random.default_rng(0).standard_normal((4, 300))
    power, frequencies = mne.time_frequency.psd_array_welch(
        noise, RATE, n_fft=128, n_overlap=64, window="hann", verbose="error"
    )
    for row, (low, high) in zip(bands(noise, RATE), BANDS.values(), strict=True):
        chosen = (frequencies >= low) & (frequencies < high)
        np.testing.assert_allclose(row, 10 * np.log10(1e12 * power[:, chosen].mean(axis=1)))


@pytest.mark.parametrize(("samples", "rate", "band"), [(25, 128, "delta"), (256, 64, "gamma")])
def test_a_window_without_a_bands_frequencies_is_refused(samples, rate, band):
    with pytest.raises(ValueError, match=f"{band}.*{samples} samples.*{rate} Hz"):
        bands(1e-5 * np.random.default_rng(0).standard_normal((4, samples)), rate)


def test_slices_are_means_of_consecutive_parts_in_microvolts():
    ramp = 1e-6 * np.arange(10.0)
    assert slices(np.stack([ramp, -ramp]), RATE, 2) == pytest.approx(np.array([[2, -2], [7, -7]]))
    assert slices(ramp[None, :7], RATE, 3)[:, 0] == pytest.approx([1, 3.5, 5.5])
    with pytest.raises(ValueError, match="slices.*2 samples.*3"):
        slices(ramp[None, :2], RATE, 3)


def test_features_are_chosen_by_name_number_and_range():
    assert features_of().channels == tuple(BANDS)
    found = features_of("slices", 3, [-20, 30])
    assert found.channels == ("slice 1", "slice 2", "slice 3")
    assert (found.low, found.high) == (-20, 30)
    assert found.compute(np.zeros((4, 9)), RATE).shape == (3, 4)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("power",), "features.*bands.*slices"),
        (("bands", 3), "--features slices"),
        (("slices", 0), "from 1 to 64"),
        (("bands", None, [3, 3]), "lower one first"),
        (("bands", None, [0, np.nan]), "lower one first"),
    ],
)
def test_what_cannot_be_computed_is_refused(given, told):
    with pytest.raises(ValueError, match=told):
        features_of(*given)


def test_levels_are_linear_clipped_and_apart_from_the_outside():
    inside = np.ones((1, 6), bool)
    inside[0, 0] = False
    maps = np.array([[[0, -9, -2, 0.5, 3, 9.0]], [[0, 0, 0, 0, 0, 0.0]]])
    found = levels(maps, inside, features_of("slices", 2, [-2, 3]))
    assert found.shape == (1, 6, 2) and found.dtype == np.uint8
    assert found[0, :, 0].tolist() == [0, 1, 1, 128, 255, 255]
    assert found[0, :, 1].tolist() == [0, *[1 + round(254 * 2 / 5)] * 5]
