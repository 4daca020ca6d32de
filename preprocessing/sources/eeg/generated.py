"""Generated EEG: for trying everything out where no recording is at hand.

Two classes under the names of the published experiment, happy and not happy, two to one. Background
activity is pink noise from places all over the scalp. Four rhythms, left and right frontal alpha,
midline theta and temporal beta, are a little stronger or weaker with the class; they vary more from
trial to trial and from person to person than that, so that the classes overlap. It is no model of
emotion: a number measured here says nothing about brains.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from preprocessing.sources.base import Notice, Raw, Source, register
from preprocessing.sources.eeg.deap import ELECTRODES, info_of
from preprocessing.sources.eeg.features import features as features_of
from preprocessing.sources.eeg.images import SIZE, Look, raw_of
from preprocessing.sources.eeg.plan import Plan, marked, plan
from preprocessing.sources.eeg.recording import Mark, Read, Recording
from preprocessing.sources.eeg.windows import SECONDS, Cut

SUBJECTS, TRIALS, LENGTH = 15, 20, 10.0
RATE = 128.0
CLASSES = ("happy", "not happy")
HAPPY = 2 / 3
"""Share of the trials of each subject."""


@dataclass(frozen=True)
class Rhythm:
    """Band-limited noise below some electrodes.

    Attributes:
        low, high: its band in hertz.
        near: the electrodes.
        amplitude: usual strength in microvolts.
        effect: by how much the logarithm of the strength differs between the classes.
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
_SPREAD = 0.04  # metres over which a source is seen


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
    """Describe the dataset, subject by subject; a trial is generated when a window of it is loaded.

    Args:
        path: ignored.
        subjects: number of people.
        trials: of each, of 10 s; two thirds are happy.
        window, step: see `windows.Cut`.
        features, slices, value_range: see `features.features`.
        size: side of the images in pixels.
        seed: another seed gives other people.
        notice: never called.

    Returns:
        Samples of (size, size, channels) images; 1,500 of them unless asked otherwise.

    Raises:
        ValueError: a number out of range.
        ImportError: MNE is missing.
    """
    if subjects < 1 or trials < 1 or seed < 0:
        raise ValueError(
            f"got subjects={subjects}, trials={trials}, seed={seed}: expected at least 1, 1 and 0"
        )
    look, cut = Look(features_of(features, slices, value_range), size), Cut(window, step)
    info = info_of(RATE)
    plans = [_plan(recording(seed, number, trials, info), cut) for number in range(subjects)]
    words = f"{subjects:,} generated subjects of {trials:,} trials at {RATE:g} Hz"
    return raw_of(plans, look, f"{words}, windows of {window:g} s")


def _plan(made: Recording, cut: Cut) -> Plan:
    return plan(made, marked(made, cut, None), cut, made.name.rsplit("/", 1)[-1], alone=False)


def recording(seed: int, subject: int, trials: int, info: object) -> Recording:
    """One subject; each block is a trial, a function of the seed, the subject and its number."""
    length = round(LENGTH * RATE)
    labels = _labels(seed, subject, trials)
    marks = tuple(Mark(block, 0, 0, length, label) for block, label in enumerate(labels))
    opened = partial(_open, seed, subject, labels)
    name = f"eeg-generated:seed{seed}/s{subject:03d}"
    return Recording(name, info, RATE, (length,) * trials, marks, (), opened, False)


def _labels(seed: int, subject: int, trials: int) -> list[str]:
    happy = round(HAPPY * trials)
    order = np.random.default_rng([seed, subject, 0, 0]).permutation(trials)
    return [CLASSES[int(place >= happy)] for place in order]


def _open(seed: int, subject: int, labels: Sequence[str]) -> Read:
    held: dict[int, np.ndarray] = {}  # the trial read last: its windows come one after the other

    def read(block: int, start: int, stop: int) -> np.ndarray:
        if block not in held:
            held.clear()
            held[block] = trial(seed, subject, block, labels[block])
        return held[block][:, start:stop]

    return read


def trial(seed: int, subject: int, number: int, label: str) -> np.ndarray:
    """The signal of one trial in volts, float64 (32, samples)."""
    # The third number keeps the streams of the person and of the trials apart.
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
    """Noise of deviation 1 whose power falls as 1 / f**slope in a band, (number, length)."""
    frequencies = np.fft.rfftfreq(length, 1 / RATE)
    inside = (frequencies >= low) & (frequencies < high)
    shape = np.where(inside, np.maximum(frequencies, low) ** (-slope / 2), 0.0)
    wave = np.fft.irfft(shape * np.fft.rfft(rng.standard_normal((number, length))), length)
    return wave / wave.std(axis=1, keepdims=True)


def _seen(sources: Sequence[int] | np.ndarray) -> np.ndarray:
    """How much each electrode sees of a source below another, (electrodes, sources)."""
    distance = np.linalg.norm(_positions()[:, None] - _positions()[sources], axis=-1)
    return np.exp(-((distance / _SPREAD) ** 2) / 2)


@cache
def _positions() -> np.ndarray:
    """Metres, (32, 3)."""
    return np.array([channel["loc"][:3] for channel in info_of(RATE)["chs"]])


SOURCE = register(
    Source(
        name="eeg-generated",
        open=open_generated,
        options=frozenset(
            {
                *("subjects", "trials", "window", "step", "features", "slices", "value_range"),
                *("size", "seed"),
            }
        ),
        faces=True,
        maps=True,
        synthetic=True,
    )
)
