"""Schematic faces: reproducible, balanced, disjoint in subjects, and showing what they say."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter

import numpy as np
import pytest

from preprocessing.sources import fer2013, get, schematic_face
from preprocessing.sources.schematic_face import Expression, draw, identity, shot


def read(path, **options):
    return get("schematic").open(path, **options).items


def digests(samples):
    return {s.source: hashlib.sha256(s.load().tobytes()).hexdigest() for s in samples}


def test_an_image_depends_on_seed_subject_and_index_alone():
    small = digests(read(None, subjects=3, per_subject=7))
    large = digests(read("ignored", subjects=6, per_subject=14))
    assert small.items() <= large.items()
    assert small == digests(read(None, subjects=3, per_subject=7))
    assert len(set(large.values())) == 6 * 14
    assert not set(small.values()) & set(
        digests(read(None, subjects=3, per_subject=7, seed=1)).values()
    )


def test_a_subject_keeps_its_identity_in_all_its_images(monkeypatch):
    drawn = []

    def record(who, *rest):
        drawn.append(who)
        return draw(who, *rest)

    monkeypatch.setattr(schematic_face, "draw", record)
    for sample in read(None, subjects=3, per_subject=7):
        sample.load()
    assert drawn == [who for who in drawn[::7] for _ in range(7)] and len(set(drawn)) == 3


def test_classes_are_balanced_and_splits_share_no_subject():
    samples = list(read(None, subjects=10, per_subject=14))
    counts = Counter((s.split, s.label) for s in samples)
    classes = get("schematic").open(None).classes
    assert counts == {
        (split, label): 2 * subjects
        for split, subjects in (("train", 6), ("validation", 2), ("test", 2))
        for label in classes
    }
    homes = {(s.subject, s.split) for s in samples}
    assert len(homes) == len({subject for subject, _ in homes}) == 10


def test_the_full_set_has_the_length_it_announces():
    raw = get("schematic").open(None)
    assert raw.length == 3430 == 70 * 49 == len(list(raw.items))
    assert raw.classes == fer2013.CLASSES


def test_nothing_is_drawn_before_it_is_loaded(monkeypatch):
    drawn = []
    monkeypatch.setattr(schematic_face, "draw", lambda *given: drawn.append(given))
    samples = list(read(None, subjects=3, per_subject=7))
    assert len(samples) == 21 and drawn == []
    samples[0].load()
    assert len(drawn) == 1


def _portrait(**movements):
    """One upright face of a fixed subject in flat light, for comparing movements."""
    who = dataclasses.replace(identity(np.random.default_rng(3)), glasses=False)
    still = dataclasses.replace(
        shot(np.random.default_rng(1)),
        angle=0.0,
        shift=(0.0, 0.0),
        scale=1.0,
        turn=0.0,
        light=(0.0, 0.0),
        gain=1.0,
        blur=0.0,
        noise=0.0,
        patch=None,
    )
    return draw(who, Expression(**movements), still, np.random.default_rng(0)).astype(int)


@pytest.mark.parametrize(
    ("movement", "rows"),
    [
        ("inner_brow", (5, 20)),
        ("outer_brow", (5, 20)),
        ("upper_lid", (14, 26)),
        ("lower_lid", (14, 26)),
        ("corners", (24, 46)),
        ("mouth_open", (30, 46)),
        ("mouth_width", (30, 46)),
        ("wrinkle", (14, 34)),
    ],
)
def test_a_movement_shows_in_its_own_part_of_the_face(movement, rows):
    changed = np.abs(_portrait(**{movement: 1.0}) - _portrait()) > 2
    where = np.flatnonzero(changed.any(axis=1))
    assert changed.sum() >= 8
    assert rows[0] <= where.min() and where.max() < rows[1]


def test_corners_go_up_in_a_smile_and_down_in_sadness():
    columns = np.r_[14:19, 29:34]  # beside the middle of the mouth, on both sides

    def height(corners):
        darkness = 255 - _portrait(corners=corners)[30:44, columns]
        darkness = np.clip(darkness - np.median(darkness), 0, None).sum(axis=1)
        return np.average(np.arange(14), weights=darkness)

    assert height(1.0) + 1 < height(-1.0)  # rows count downwards


def test_an_open_mouth_is_dark():
    mouth = np.s_[30:42, 19:29]
    both = {label: [] for label in ("surprise", "neutral")}
    for s in read(None, subjects=30, per_subject=7):
        if s.label in both:
            image = s.load()
            both[s.label].append(image[mouth].min() / np.median(image))
    assert np.median(both["surprise"]) < 0.8 * np.median(both["neutral"])


@pytest.mark.parametrize(
    "options", [{"subjects": 0}, {"seed": -1}, {"per_subject": 10}, {"per_subject": 0}]
)
def test_numbers_out_of_range_are_refused_at_the_call(options):
    with pytest.raises(ValueError, match="must be"):
        read(None, **options)
