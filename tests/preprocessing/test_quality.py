"""Flat images and copies are found in one pass of little memory, and dropped only on request."""

from __future__ import annotations

import tracemalloc
from itertools import combinations

import cv2
import numpy as np
import pytest
from made_up import index

from preprocessing.dataset.index import IndexRow
from preprocessing.quality.survey import Filter, Survey, same
from preprocessing.sources import Rejected


@pytest.fixture
def images(raw):
    """a, a, b, c, c, c and two flat ones that differ from each other."""
    level = np.full((48, 48), 80, np.uint8)
    nearly = level.copy()
    nearly[0, :5] = 90
    order = [raw.face(n) for n in (0, 0, 1, 2, 2, 2)]
    return np.stack([*order, level, nearly])[..., None]


LABELS = [0, 0, 0, 1, 2, 1, 0, 0]
SPLITS = ["train", "train", "train", "validation", "test", "test", "train", "test"]
SOURCES = list("stuvwxyz")


def report(images, labels, names, sources=None):
    return Survey(images).report(index(labels, names, sources=sources))


def test_findings(images):
    found = report(images, LABELS, SPLITS, SOURCES)
    assert found["flat"] == {"images": 2, "examples": ["y", "z"]}
    assert found["duplicates"] == {
        "groups": 2,
        "surplus": 3,
        "examples": [["s (a)", "t (a)"], ["v (b)", "w (c)", "x (b)"]],
    }
    assert found["conflicting_labels"]["groups"] == 1
    assert found["conflicting_labels"]["examples"] == [["v (b)", "w (c)", "x (b)"]]
    spanning = {border: found["groups"] for border, found in found["spanning_splits"].items()}
    assert spanning == {
        "train+validation": 0,
        "train+test": 0,
        "validation+test": 1,
        "train+(validation or test)": 0,
    }
    assert list(found["sharpness"]) == ["test", "train", "validation"]


def test_a_copy_across_train_and_test_counts_on_both_borders_it_crosses(images):
    found = report(images, LABELS, ["train", "test", *SPLITS[2:]], SOURCES)["spanning_splits"]
    assert found["train+test"]["examples"] == [["s (a)", "t (a)"]]
    assert found["train+(validation or test)"]["groups"] == 1
    assert found["train+validation"]["groups"] == 0


def test_examples_end_at_twenty_and_counts_do_not(raw):
    found = report([raw.face(n // 2) for n in range(60)], [0] * 60, [""] * 60)
    assert found["duplicates"]["groups"] == 30 and len(found["duplicates"]["examples"]) == 20
    assert found["duplicates"]["examples"][0] == ["0.png (a)", "1.png (a)"]
    assert found["spanning_splits"] == {}
    found = report([np.zeros((4, 4), np.uint8)] * 25, [0] * 25, [""] * 25)
    assert found["duplicates"]["groups"] == 1 and len(found["duplicates"]["examples"][0]) == 20
    assert found["flat"]["images"] == 25 and len(found["flat"]["examples"]) == 20


def naive(images, labels, names, sources):
    """The same report by comparing every image with every other."""
    count = len(images)
    groups, seen = [], set()
    for row in range(count):
        if row not in seen:
            group = [o for o in range(row, count) if np.array_equal(images[row], images[o])]
            seen |= set(group)
            groups += [group] if len(group) > 1 else []

    def told(chosen):
        texts = [[f"{sources[r]} ({'abcdefgh'[labels[r]]})" for r in rows[:20]] for rows in chosen]
        return {"groups": len(chosen), "examples": texts[:20]}

    def across(left, right):
        sides = [({names[row] for row in rows}, rows) for rows in groups]
        return told([rows for found, rows in sides if found & left and found & right])

    present = [part for part in ("train", "validation", "test") if part in names]
    spanning = {f"{a}+{b}": across({a}, {b}) for a, b in combinations(present, 2)}
    if len(present) == 3:
        spanning["train+(validation or test)"] = across({"train"}, {"validation", "test"})
    flat = [sources[row] for row in range(count) if np.std(images[row].astype(float)) < 1]
    sharp = [cv2.Laplacian(image, cv2.CV_64F).var() for image in images]
    return {
        "flat": {"images": len(flat), "examples": flat[:20]},
        "duplicates": {**told(groups), "surplus": sum(len(rows) - 1 for rows in groups)},
        "conflicting_labels": told([g for g in groups if len({labels[row] for row in g}) > 1]),
        "spanning_splits": spanning,
        "sharpness": {
            part: round(
                float(np.median([s for s, n in zip(sharp, names, strict=True) if n == part])), 2
            )
            for part in set(names)
        },
    }


@pytest.mark.parametrize("seed", range(8))
def test_a_survey_finds_what_comparing_all_with_all_finds(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(2, 160))
    # From few different images many copies; of two grey levels, some are flat.
    pool = rng.integers(0, 256, (int(rng.integers(1, 120)), 6, 5, 1), np.uint8)
    pool[::5] = 100 + (pool[::5] > 250)
    images = pool[rng.integers(0, len(pool), count)]
    labels = rng.integers(0, 3, count)
    parts = ["", "train", "validation", "test"][: int(rng.integers(1, 5))]
    names = [str(part) for part in rng.choice(parts, count)]
    sources = [f"{n}.jpg" for n in range(count)]
    found = Survey(images).report(index(labels, names, sources=sources))
    assert found == naive(images, labels, names, sources)


def test_copies_are_groups_of_rows_in_order(images):
    assert [rows.tolist() for rows in Survey(images).copies()] == [[0, 1], [3, 4, 5]]
    assert Survey(images[:0]).copies() == Survey(images[:1]).copies() == []


def test_keys_that_agree_in_one_half_are_not_the_same():
    keys = np.array([[1, 1], [1, 2], [2, 1], [1, 2], [2, 2], [1, 1]], np.uint64)
    assert [rows.tolist() for rows in same(keys)] == [[0, 5], [1, 3]]


def test_a_report_needs_all_images(images):
    with pytest.raises(ValueError, match="all 8 images, got 3"):
        Survey(images[:3]).report(index(LABELS, SPLITS))


@pytest.mark.slow
def test_memory_is_a_few_bytes_an_image():
    count = 50_000
    image = np.zeros((2, 2, 1), np.uint8)
    view = image.reshape(-1)[:].view()
    dataset = index(np.zeros(count), np.full(count, "train"))
    tracemalloc.start()
    survey = Survey()
    for number in range(count):
        view[:] = np.frombuffer(number.to_bytes(4, "little"), np.uint8)
        survey.add(image)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    found = survey.report(dataset)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found["duplicates"]["groups"] == 0
    assert held < 32 * count
    assert peak < 100 * count


def test_a_report_holds_no_sources_but_those_it_shows(images):
    """One of them is very long, and all would be at its width."""
    count = 5000
    sources = [f"{n:0300d}.png" for n in range(count - 1)] + ["x" * 30_000]
    dataset = index([0] * count, sources=sources)
    survey = Survey([images[0]] * count)
    tracemalloc.start()
    found = survey.report(dataset)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found["duplicates"]["examples"][0][:2] == [f"{n:0300d}.png (a)" for n in (0, 1)]
    assert peak < 10**6


def passed(rows, chosen):
    return [chosen.apply(row) for row in rows]


def rows(images):
    return [
        IndexRow(image, "abc"[label], "", split, source)
        for image, label, split, source in zip(images, LABELS, SPLITS, SOURCES, strict=True)
    ]


def summary(made):
    return [(one.source, one.reason) if isinstance(one, Rejected) else one.source for one in made]


COPY, FLAT = "duplicate of an earlier image", "flat image"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, list("stuvwxyz")),
        ({"duplicates": True}, ["s", ("t", COPY), "u", "v", ("w", COPY), ("x", COPY), "y", "z"]),
        ({"flat": True}, ["s", "t", "u", "v", "w", "x", ("y", FLAT), ("z", FLAT)]),
    ],
)
def test_dropping_on_request(options, expected, images):
    assert summary(passed(rows(images), Filter(**options))) == expected


def test_what_is_dropped_says_why_and_keeps_its_label(images):
    made = passed(rows(images), Filter(flat=True, duplicates=True))
    assert made[4] == Rejected("w", COPY, "v", "c")
    assert made[6] == Rejected("y", FLAT, "standard deviation 0.00", "a")
    assert made[7] == Rejected("z", FLAT, "standard deviation 0.47", "a")
    assert made[0].image is not None and made[0].label == "a"


def test_equal_faces_of_one_photograph_are_copies_too(images):
    twice = [IndexRow(images[0], "a", "", "", "one.jpg")] * 2
    assert summary(passed(twice, Filter(duplicates=True))) == ["one.jpg", ("one.jpg", COPY)]


def test_a_filter_that_learns_what_was_written_goes_on_as_if_never_stopped(images):
    for stop in range(len(images)):
        whole = passed(rows(images), Filter(flat=True, duplicates=True))
        first = passed(rows(images)[:stop], Filter(flat=True, duplicates=True))
        later = Filter(flat=True, duplicates=True)
        for one in first:
            if isinstance(one, IndexRow):
                later.known(one.image[..., None], one.source)  # as it is read from the disk
        rest = passed(rows(images)[stop:], later)
        assert summary(first + rest) == summary(whole)
        assert [o.detail for o in first + rest if isinstance(o, Rejected)] == [
            o.detail for o in whole if isinstance(o, Rejected)
        ]
