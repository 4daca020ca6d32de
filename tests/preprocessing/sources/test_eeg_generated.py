"""Generated EEG: reproducible, unbalanced, and of the class that its label says."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import pytest

from preprocessing.sources import get
from preprocessing.sources.eeg.deap import ELECTRODES, info_of
from preprocessing.sources.eeg.electrodes import topography
from preprocessing.sources.eeg.generated import CLASSES, RATE, trial
from preprocessing.sources.eeg.images import bands


@pytest.fixture(autouse=True)
def drawn_once(monkeypatch):
    """Draw the head once for all of these tests."""
    monkeypatch.setattr("preprocessing.sources.eeg.images.topography", lambda *given: head())


@cache
def head():
    return topography(info_of(RATE), 8)


def read(**options):
    return get("eeg-generated").open(None, size=8, **options)


def images(raw):
    return {sample.source: sample.load().tobytes() for sample in raw.items}


def test_an_image_depends_on_seed_subject_and_number_alone():
    one = images(read(subjects=1, trials=3))
    assert one == images(read(subjects=1, trials=3)) and len(one) == 15
    assert one.items() <= images(read(subjects=2, trials=3)).items()
    other = images(read(subjects=1, trials=3, seed=1))
    assert not set(one.values()) & set(other.values())


def test_it_has_the_size_the_classes_and_the_subjects_it_announces():
    raw = read()
    found = list(raw.items)
    assert raw.length == len(found) == 1500 and raw.classes == CLASSES
    counts = Counter((sample.subject, sample.label) for sample in found)
    assert len(counts) == 30
    assert set(counts.values()) == {65, 35}
    labels = [sample.label for sample in found[:100:5]]
    assert labels != sorted(labels)
    sequences = Counter(sample.more["sequence"] for sample in found)
    assert len(sequences) == 300 and set(sequences.values()) == {5}
    assert get("eeg-generated").synthetic


def test_alpha_leans_to_the_other_side_with_the_class():
    """Over many trials of one person, the classes differ, but by less than their spread."""
    sides = [ELECTRODES.index(name) for name in ("F3", "F4")]
    lean = {}
    for label in CLASSES:
        power = [bands(trial(0, 0, number, label), RATE)[2, sides] for number in range(40)]
        lean[label] = np.diff(power).ravel()
    spread = np.sqrt(sum(values.var(ddof=1) for values in lean.values()) / 2)
    apart = lean["happy"].mean() - lean["not happy"].mean()
    assert apart > 4 * spread * np.sqrt(2 / 40)  # four standard errors
    assert apart < 4 * spread


def test_its_spectrum_falls_as_that_of_eeg_does():
    power = np.median([bands(trial(0, s, 0, "happy"), RATE) for s in range(3)], axis=(0, 2))
    assert (np.diff(power) < 0).all() and 10 < power[0] < 30


@pytest.mark.parametrize("option", [{"subjects": 0}, {"trials": 0}, {"seed": -1}])
def test_numbers_out_of_range_are_refused_at_the_call(option):
    with pytest.raises(ValueError, match="at least 1, 1 and 0"):
        read(**option)
