"""Faces keep their numbers by a stated rule, and smoothing never mixes two of them."""

import math

import pytest

from attention_fer.predict import FaceRow
from attention_fer.predict.video import Follower
from attention_fer.predict.video.tracking import Tracker, overlap

RATE = 30.0
STILL, OTHER = (100.0, 50.0, 60.0, 80.0), (300.0, 50.0, 60.0, 80.0)


def row(number, box, happy=0.7):
    x, y, width, height = box
    shares = {"happy": happy, "sad": 0.6 * (1 - happy), "neutral": 0.4 * (1 - happy)}
    return FaceRow(
        "clip.mp4",
        number,
        number / RATE,
        success=True,
        x=x,
        y=y,
        width=width,
        height=height,
        label=max(shares, key=shares.get),
        probabilities=shares,
    )


def nothing(number):
    return FaceRow("clip.mp4", number, number / RATE, reason="no face found")


def ids(follow, frames):
    return [[one.face_id for one in follow(rows)] for rows in frames]


def test_overlap_is_intersection_over_union():
    assert overlap((0, 0, 10, 10), (5, 0, 10, 10)) == pytest.approx(50 / 150)
    assert overlap((0, 0, 10, 10), (2, 3, 4, 5)) == pytest.approx(20 / 100)
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (10, 0, 10, 10)) == overlap((0, 0, 0, 0), (0, 0, 0, 0)) == 0


@pytest.mark.parametrize("apart", [0.0, 20.0])
def test_faces_that_swap_places_keep_their_numbers(apart):
    """Also if their boxes coincide in the middle: their movement tells."""
    frames = []
    for number in range(60):
        left = row(number, (100 + 5 * number, 50, 60, 80))
        right = row(number, (396 - 5 * number, 50 + apart, 60, 80))
        frames.append([left, right] if number % 3 else [right, left])
    found = ids(Follower(), frames)
    assert found[0] == [0, 1]  # right, left
    assert found == [[1, 0] if number % 3 else [0, 1] for number in range(60)]


def test_a_face_that_returns_to_its_place_in_time_keeps_its_number():
    def back_after(frames, box=STILL):
        gap = [[row(number, OTHER)] for number in range(30, 30 + frames)]
        before = [[row(number, STILL), row(number, OTHER)] for number in range(30)]
        return ids(Follower(), [*before, *gap, [row(30 + frames, box)]])[-1]

    assert back_after(10) == [0]
    assert back_after(58) == [0]  # 59 steps of 1/30 s since it was seen
    assert back_after(61) == [2]
    assert back_after(10, (120.0, 50.0, 60.0, 80.0)) == [0]
    assert back_after(10, (150.0, 50.0, 60.0, 80.0)) == [2]  # elsewhere: a new face


def test_frames_without_a_face_count_as_time():
    frames = [[row(0, STILL)], *([nothing(n)] for n in range(1, 20)), [row(20, STILL)]]
    follow = Follower()
    found = [follow(rows) for rows in frames]
    assert found[0][0].face_id == found[-1][0].face_id == 0
    assert found[5] == [nothing(5)]


def test_faces_that_are_there_come_before_those_that_were_lost():
    """One who walks in front of another does not become the other."""
    frames = []
    for number in range(30):
        walking = row(number, (40 + 6 * number, 50, 60, 80))
        hidden = 5 <= number <= 15
        frames.append([walking] if hidden else [walking, row(number, STILL)])
    found = ids(Follower(), frames)
    assert {rows[0] for rows in found} == {0}
    assert {rows[1] for rows in found if len(rows) == 2} == {1}


def test_numbers_are_not_used_again():
    tracker = Tracker()
    assert tracker([STILL], 0.0) == [0]
    assert tracker([OTHER], 10.0) == [1]
    assert tracker([STILL, OTHER], 20.0) == [2, 1]
    assert tracker.numbers == {1, 2}


def test_a_step_is_smoothed_exponentially_in_time():
    times = [0.0, 0.1, 0.15, 0.6, 0.61]
    follow = Follower(smooth=0.5)
    boxed = {"x": 1.0, "y": 1.0, "width": 9.0, "height": 9.0}
    for time in times:
        happy = 1.0 if time else 0.0
        shares = {"happy": happy, "sad": 1 - happy}
        (found,) = follow(
            [FaceRow("a", 0, time, success=True, probabilities=shares, label="raw", **boxed)]
        )
        assert found.smoothed["happy"] == pytest.approx(1 - math.exp(-time / 0.5))
        assert found.smoothed["sad"] == pytest.approx(math.exp(-time / 0.5))
        assert found.probabilities == shares and found.label == "raw"


def test_two_faces_are_smoothed_as_if_alone():
    together, one, two = Follower(0.4), Follower(0.4), Follower(0.4)
    for number in range(60):
        # They swap places and have opposite expressions.
        first = row(number, (100 + 5 * number, 50, 60, 80), 0.9 - 0.01 * (number % 7))
        second = row(number, (396 - 5 * number, 50, 60, 80), 0.1 + 0.01 * (number % 5))
        found = together([first, second])
        assert [r.smoothed for r in found] == [one([first])[0].smoothed, two([second])[0].smoothed]
        assert found[0].smoothed["happy"] > 0.8 and found[1].smoothed["happy"] < 0.2


def test_a_flicker_of_one_frame_stays_in_the_raw_values_alone():
    follow = Follower(smooth=0.3)
    rows = [follow([row(n, STILL, 0.05 if n == 30 else 0.9)])[0] for n in range(60)]
    assert [r.frame for r in rows if r.label != "happy"] == [30]
    assert rows[30].probabilities["happy"] == 0.05
    for found in rows:
        assert max(found.smoothed, key=found.smoothed.get) == "happy"
        assert sum(found.smoothed.values()) == pytest.approx(1)


def test_only_what_was_predicted_is_smoothed():
    small = FaceRow("a", 1, 0.1, reason="face too small", x=1.0, y=1.0, width=9.0, height=9.0)
    (found,) = Follower(0.5)([small])
    assert found.face_id == 0 and found.smoothed is None
    (raw,) = Follower()([row(0, STILL)])
    assert raw.smoothed is None


def test_what_was_followed_may_be_followed_again():
    """That is how an interrupted run goes on: from the rows that it has written."""
    follow = Follower(0.4)
    classes = ("happy", "sad", "neutral")
    frames = [[row(n, STILL, n / 60), row(n, OTHER)] if n % 9 else [nothing(n)] for n in range(60)]
    first = [follow(rows) for rows in frames]
    stored = [[FaceRow.of(r.values(classes, True), classes) for r in rows] for rows in first]
    again = Follower(0.4)
    assert [again(rows) for rows in stored] == first


@pytest.mark.parametrize("smooth", [0.0, -1.0, float("nan"), float("inf")])
def test_wrong_time_constants_are_refused(smooth):
    with pytest.raises(ValueError, match="smooth must be a number of seconds above 0"):
        Follower(smooth)
