"""Generated EEG, to try everything without a recording.

Two classes named as in the published experiment, happy and not happy, two to one. Background
activity is pink noise from all over the scalp. Four rhythms, left and right frontal alpha, midline
theta and temporal beta, are slightly stronger or weaker by class; they vary more between trials and
between people, so that the classes overlap. This is not a model of emotion: a result on it says
nothing about brains.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache, lru_cache, partial
from typing import NamedTuple

import numpy as np

from preprocessing.sources.base import Notice, Raw, register
from preprocessing.sources.eeg.deap import ELECTRODES, info_of
from preprocessing.sources.eeg.electrodes import positions
from preprocessing.sources.eeg.epochs import SECONDS, Cut, Read, Recording, Segment, plan
from preprocessing.sources.eeg.images import SIZE, features_of, raw_of

SUBJECTS, TRIALS, LENGTH = 15, 20, 10.0
RATE = 128.0
CLASSES = ("happy", "not happy")
HAPPY = 2 / 3
"""Share of the trials of each subject."""


class Rhythm(NamedTuple):
    """Noise in a band (hertz) under some electrodes, and its typical strength (microvolts).

    `effect` is the difference of the logarithm of the strength between the classes.
    """

    low: float
    high: float
    near: tuple[str, ...]
    amplitude: float
    effect: float


RHYTHMS = (
    Rhythm(8, 13, ("F3", "F7", "FC5", "AF3"), 5.0, -0.8),
    Rhythm(8, 13, ("F4", "F8", "FC6", "AF4"), 5.0, 0.8),
    Rhythm(4, 8, ("Fz", "FC1", "FC2"), 5.0, 0.5),
    Rhythm(13, 30, ("T7", "T8"), 3.0, 0.45),
)
_TRIAL, _PERSON = 0.35, 0.35  # standard deviations of the logarithm of a rhythm's strength
_SOURCES, _BACKGROUND, _NOISE = 24, 10.0, 1.0  # microvolts
_SPREAD = 0.04  # metres; reach of a source


@register("eeg-generated", kind="maps", synthetic=True)
def open_generated(
    path: object = None,
    *,
    subjects: int = SUBJECTS,
    trials: int = TRIALS,
    window: float = SECONDS,
    step: float | None = None,
    features: str = "bands",
    slices: int | None = None,
    value_range: Sequence[float] | None = None,
    size: int = SIZE,
    seed: int = 0,
    notice: Notice = warnings.warn,
) -> Raw:
    """Plan the dataset, subject by subject; a trial is generated when its first window is loaded.

    Args:
        path: ignored.
        subjects: number of people.
        trials: number of trials of each, of 10 s; two thirds are happy.
        window, step: see `epochs.Cut`.
        features, slices, value_range, size: see `images.features_of`.
        seed: a different seed gives different people.
        notice: never called.

    Returns:
        Samples of (size, size, channels) images, 1,500 by default.

    Raises:
        ValueError: A number is out of range.
        ImportError: MNE is missing.
    """
    if subjects < 1 or trials < 1 or seed < 0:
        raise ValueError(
            "subjects, trials and seed must be at least 1, 1 and 0, got "
            f"{subjects}, {trials} and {seed}."
        )
    look, cut = features_of(features, slices, value_range, size), Cut(window, step)
    info = info_of(RATE)
    found = [plan(recording(seed, number, trials, info), cut) for number in range(subjects)]
    words = f"{subjects:,} generated subjects of {trials:,} trials at {RATE:g} Hz"
    return raw_of(found, look, f"{words}, windows of {window:g} s")


def recording(seed: int, subject: int, trials: int, info: object) -> Recording:
    """Return one subject, whose trials are functions of seed, subject and number."""
    length, happy = round(LENGTH * RATE), round(HAPPY * trials)
    order = np.random.default_rng([seed, subject, 0, 0]).permutation(trials)
    labels = [CLASSES[int(place >= happy)] for place in order]
    who = f"s{subject:03d}"
    made = [
        Segment(number, 0, length, length, label, who, offset=number * length)
        for number, label in enumerate(labels)
    ]
    opened = partial(_open, seed, subject, labels)
    return Recording(f"eeg-generated:seed{seed}/{who}", info, made, opened)


def _open(seed: int, subject: int, labels: Sequence[str]) -> Read:
    @lru_cache(maxsize=1)  # the windows of a trial come one after the other
    def signal(number: int) -> np.ndarray:
        return trial(seed, subject, number, labels[number])

    return lambda number, start, stop: signal(number)[:, start:stop]


def trial(seed: int, subject: int, number: int, label: str) -> np.ndarray:
    """Return the signal of one trial in volts, float64 (32, samples)."""
    # The third number separates the random streams of the person and of the trials.
    person, rng = (np.random.default_rng([seed, subject, *end]) for end in ((1, 0), (2, number)))
    length = round(LENGTH * RATE)
    places = person.choice(len(ELECTRODES), _SOURCES, replace=False)
    signal = _BACKGROUND * _seen(places) @ _noise(rng, _SOURCES, length, 1.0, RATE / 2, slope=1.0)
    signal += _NOISE * rng.standard_normal(signal.shape)
    for rhythm in RHYTHMS:
        towards = 0.5 if label == CLASSES[0] else -0.5
        log = person.normal(0, _PERSON) + rng.normal(0, _TRIAL) + towards * rhythm.effect
        wave = _noise(rng, 1, length, rhythm.low, rhythm.high, slope=0.0)
        near = [ELECTRODES.index(name) for name in rhythm.near]
        signal += rhythm.amplitude * np.exp(log) * _seen(near).max(axis=1)[:, None] * wave
    return 1e-6 * signal


def _noise(
    rng: np.random.Generator, number: int, length: int, low: float, high: float, slope: float
) -> np.ndarray:
    """Return noise of deviation 1 whose power falls as 1 / f**slope in a band, (number, length)."""
    frequencies = np.fft.rfftfreq(length, 1 / RATE)
    inside = (frequencies >= low) & (frequencies < high)
    shape = np.where(inside, np.maximum(frequencies, low) ** (-slope / 2), 0.0)
    wave = np.fft.irfft(shape * np.fft.rfft(rng.standard_normal((number, length))), length)
    return wave / wave.std(axis=1, keepdims=True)


def _seen(sources: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return how much each electrode sees of a source under another, (electrodes, sources)."""
    places = _positions()
    distance = np.linalg.norm(places[:, None] - places[sources], axis=-1)
    return np.exp(-((distance / _SPREAD) ** 2) / 2)


@cache
def _positions() -> np.ndarray:
    """Return metres, (32, 3)."""
    return positions(info_of(RATE))
