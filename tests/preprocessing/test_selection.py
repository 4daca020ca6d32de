"""The face that is wanted is chosen, and the same one every time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from preprocessing.detectors.base import Faces
from preprocessing.faces.selection import check, choose, names, shortfall

SHAPE = (200, 400, 3)  # twice as wide as high


def faces(*found):
    """Faces of (x, y, width, height, score)."""
    table = np.array(found, np.float32).reshape(-1, 5)
    return Faces(table[:, :4], table[:, 4], np.full((len(table), 5, 2), np.nan, np.float32))


CROWD = faces(
    (10, 10, 30, 30, 0.95),  # the surest
    (150, 75, 40, 40, 0.7),  # 30 beside the middle
    (300, 20, 60, 50, 0.8),  # the largest
    (180, 50, 40, 40, 0.65),  # 30 above the middle: twice as far for a photograph of this shape
    (100, 120, 90, 70, 0.5),  # larger still, but doubtful
)


@pytest.mark.parametrize(
    ("select", "chosen"),
    [("largest", [2]), ("most-confident", [0]), ("central", [1]), ("all", [2, 1, 3, 0])],
)
def test_each_way_of_selecting(select, chosen):
    assert choose(CROWD, SHAPE, select, 0.6) == chosen
    assert select in names()


def test_the_least_confidence_is_included_and_none_looks_at_no_scores():
    assert choose(CROWD, SHAPE, "all", 0.5) == [4, 2, 1, 3, 0]
    assert choose(CROWD, SHAPE, "largest", 0.96) == []
    unscored = faces((0, 0, 10, 10, np.nan), (20, 20, 11, 10, np.nan))
    assert choose(unscored, SHAPE, "largest", None) == [1]
    assert choose(unscored, SHAPE, "largest", 0.0) == []


@pytest.mark.parametrize("select", names())
def test_equals_come_in_an_order_that_the_detector_does_not_decide(select):
    # All as large, as sure and as central; then by score where it does not decide.
    twins = [(90, 90, 20, 20, 0.7), (290, 90, 20, 20, 0.7), (90, 70, 20, 20, 0.7)]
    twins.append((290, 110, 20, 20, 0.7))
    first = {
        tuple(faces(*order).boxes[choose(faces(*order), SHAPE, select, 0.6)[0]])
        for order in itertools.permutations(twins)
    }
    assert first == {(90, 90, 20, 20) if select == "central" else (90, 70, 20, 20)}


def test_of_equally_large_faces_the_surer_one():
    pair = faces((0, 0, 20, 20, 0.7), (50, 50, 20, 20, 0.9), (99, 99, 10, 40, 0.8))
    assert choose(pair, SHAPE, "all", 0.6) == [1, 2, 0]


def test_of_equally_sure_faces_the_larger_one():
    pair = faces((0, 0, 20, 20, 0.7), (50, 50, 30, 20, 0.7))
    assert choose(pair, SHAPE, "most-confident", 0.6) == [1]


def test_boxes_without_pixels_in_the_photograph_never_count():
    nowhere = [(400, 0, 90, 90), (0, 200, 90, 90), (-90, 0, 90, 90), (0, -90, 90, 90)]
    nowhere += [(5, 5, 0, 90), (5, 5, 90, -1), (np.nan, 5, 90, 90), (5, 5, np.inf, 90)]
    found = faces(*(box + (0.9,) for box in nowhere), (399, 199, 9, 9, 0.7))
    for select in names():
        assert choose(found, SHAPE, select, 0.6) == [len(nowhere)]


def test_nothing_is_chosen_from_nothing():
    for select in names():
        assert choose(faces(), SHAPE, select, 0.6) == []


@pytest.mark.parametrize(
    ("found", "least", "why"),
    [
        (faces(), 0.6, "nothing detected"),
        (faces((0, 0, 9, 9, 0.43), (0, 0, 9, 9, 0.2)), 0.6, "best score 0.43, below 0.6"),
        (faces((0, 0, 9, 9, 0.5999)), 0.6, "best score 0.59, below 0.6"),
        (faces((0, 0, 9, 9, np.nan)), 0.6, "best score none, below 0.6"),
        (faces((900, 0, 9, 9, 0.9)), 0.6, "nothing detected inside the photograph"),
        (faces((900, 0, 9, 9, np.nan)), None, "nothing detected inside the photograph"),
    ],
)
def test_why_there_is_no_face(found, least, why):
    assert choose(found, SHAPE, "largest", least) == []
    assert shortfall(found, least) == why


def test_the_least_confidence_in_effect():
    assert check("largest", None, has_scores=True) == 0.6
    assert check("largest", 0, has_scores=True) == 0
    assert check("largest", None, has_scores=False) is None


@pytest.mark.parametrize(
    ("select", "least", "has_scores", "message"),
    [
        ("bigest", None, True, "selection: 'bigest'.*Did you mean 'largest'"),
        ("largest", 60, True, "min_confidence must be .*got 60"),
        ("largest", -0.1, True, "min_confidence must be .*got -0.1"),
        ("largest", float("nan"), True, "min_confidence must be .*got nan"),
        ("largest", 0.6, False, "min_confidence .*without scores, got 0.6"),
        ("most-confident", None, False, "'most-confident' .*without scores"),
    ],
)
def test_settings_that_cannot_be_met_are_refused(select, least, has_scores, message):
    with pytest.raises(ValueError, match=message):
        check(select, least, has_scores=has_scores)
