"""Photographs stored on their side or upside down: where their faces are, and how they lie."""

import math

import numpy as np
import pytest

from attention_fer.predict.cutting import roll
from attention_fer.predict.faces import FaceFinder
from attention_fer.predict.region import Region
from attention_fer.predict.turning import any_way_up
from preprocessing.detectors import Faces

POINTS = np.array([[40, 30], [62, 30], [51, 41], [43, 52], [59, 52]])  # of an upright face
GREY = (50, 100, 150, 200, 250)  # of these points


def dotted():
    """A picture with a dot of its own grey for each landmark."""
    image = np.zeros((80, 120), np.uint8)
    for (x, y), grey in zip(POINTS, GREY, strict=True):
        image[y, x] = grey
    return image


class Dots:
    """Finds the dots as YuNet finds a face: surely if upright, else with eyes in wrong places."""

    name = "yunet"
    batch = 1

    def __init__(self, otherwise):
        self.otherwise, self.searched = otherwise, 0

    def __call__(self, images):
        self.searched += len(images)
        return [self._found(image[..., 0]) for image in images]

    def _found(self, image):
        places = [np.argwhere(image == grey)[0] for grey in GREY]
        points = np.array([[x + 0.5, y + 0.5] for y, x in places])  # centres of pixels
        upright = points[:2, 1].max() < points[2, 1] and points[0, 0] < points[1, 0]
        box = np.hstack([points.min(0), np.ptp(points, axis=0)])
        if not upright and self.otherwise == 0:
            return Faces.ordered(np.empty((0, 4)), np.empty(0), np.empty((0, 5, 2)))
        score, found = (0.95, points) if upright else (self.otherwise, points[::-1])
        return Faces.ordered(box[None], np.array([score]), found[None])


@pytest.mark.parametrize("otherwise", [0, 0.6, 0.88])
@pytest.mark.parametrize("turns", range(4))
def test_a_turned_face_is_found_where_it_is_and_as_it_lies(turns, otherwise):
    image, detector = np.ascontiguousarray(np.rot90(dotted(), turns)), Dots(otherwise)
    found = any_way_up(detector, image, *detector([image[..., None]]))
    places = np.array([np.argwhere(image == grey)[0][::-1] for grey in GREY]) + 0.5
    np.testing.assert_allclose(found.landmarks[0], places)
    low, high = places.min(0), places.max(0)
    np.testing.assert_allclose(found.boxes[0], [*low, *(high - low)])
    assert found.scores[0] == pytest.approx(0.95)
    assert math.isclose((roll(found.landmarks[0]) + 90 * turns) % 360, 0, abs_tol=1e-4)


def test_a_sure_face_is_not_searched_again():
    detector = Dots(0.91)
    image = np.ascontiguousarray(np.rot90(dotted(), 2))
    found = any_way_up(detector, image, *detector([image[..., None]]))
    assert detector.searched == 1 and found.scores[0] == pytest.approx(0.91)


@pytest.mark.parametrize(("score", "again"), [(0.7, 0.73), (0.0, 0.79), (0.85, 0.88)])
def test_a_score_that_is_hardly_higher_changes_nothing(score, again):
    class Doubtful(Dots):
        def _found(self, image):
            found = super()._found(image)
            upright = found.scores[0] > 0.9
            return Faces(found.boxes, np.float32([again if upright else score]), found.landmarks)

    detector = Doubtful(0.5)
    image = np.ascontiguousarray(np.rot90(dotted(), 1))
    (before,) = detector([image[..., None]])
    assert any_way_up(detector, image, before) is before
    assert detector.searched == 6  # as stored, four looks, and once more turned


def test_what_may_lie_is_decided_for_each_image():
    finder = FaceFinder("none")
    finder._detector, finder._least = Dots(0.6), 0.5
    image = np.repeat(np.rot90(dotted())[..., None], 3, axis=2)
    for region in (None, Region(0, 0, 200, 200)):
        finder._region = region
        found = finder([image] * 4, stored_turned=[True, False, False, True])
        assert [face.score for (face,) in found] == pytest.approx([0.95, 0.6, 0.6, 0.95])
        ((unsaid,),) = finder([image])
        assert unsaid.score == pytest.approx(0.6)


def test_an_image_on_which_the_detector_failed_stays_so():
    error = ValueError("broken")
    assert any_way_up(Dots(0.5), dotted(), error) is error
