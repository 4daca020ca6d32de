"""Samples become the rows they should, and one bad photograph costs no other."""

from __future__ import annotations

import json
import weakref
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from preprocessing.dataset.index import IndexRow
from preprocessing.detectors.base import Faces
from preprocessing.faces.cropper import FaceCropper
from preprocessing.faces.crops import CropSettings, crop
from preprocessing.sources import Rejected, Sample, UnreadableError


class BrightRectangles:
    """Finds rectangles of grey levels 100 to 200, whose score is the level less 100 in hundredths.

    A photograph with a pixel of level 255 it does not survive.
    """

    name, has_scores, has_landmarks = "bright", True, True

    def __init__(self, batch=4, landmarks=True, scores=True):
        self.batch, self.has_landmarks, self.has_scores = batch, landmarks, scores
        self.calls = []

    def __call__(self, images):
        self.calls.append(len(images))
        return [self.find(image) for image in images]

    def find(self, image):
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
        level = image.max(axis=2)
        if level.max() == 255:
            raise RuntimeError(f"blinded by {image.shape[1]}x{image.shape[0]} pixels")
        marks = cv2.connectedComponentsWithStats((level >= 100).astype(np.uint8))[2][1:]
        found = [tuple(map(int, mark[:4])) for mark in marks]
        boxes = np.array(found, np.float32).reshape(-1, 4)
        scores = [(int(level[y, x]) - 100) / 100 for x, y, _, _ in found]
        points = np.full((len(found), 5, 2), np.nan, np.float32)
        if self.has_landmarks:
            points[:, 0] = boxes[:, :2] + boxes[:, 2:] * (0.3, 0.4)
            points[:, 1] = boxes[:, :2] + boxes[:, 2:] * (0.7, 0.4)
        scores = np.array(scores if self.has_scores else [np.nan] * len(found), np.float32)
        return Faces(boxes, scores, points)

    def describe(self):
        return {"name": self.name, "batch": self.batch}


def photo(*rectangles, shape=(120, 160)):
    """Dark, with rectangles (x, y, width, height, level)."""
    image = np.random.default_rng(len(rectangles)).integers(0, 50, shape, dtype=np.uint8)
    for x, y, width, height, level in rectangles:
        image[y : y + height, x : x + width] = level
    return image


def sample(image, source="photo.png", **more):
    return Sample(lambda: image, "sad", "anna", "train", source, more)


FACE = photo((30, 20, 40, 50, 190), (90, 60, 20, 20, 199))


def test_a_face_becomes_a_row():
    ((row,),) = FaceCropper(BrightRectangles())([sample(FACE, frame=7)])
    assert isinstance(row, IndexRow)
    assert np.array_equal(row.image, crop(FACE, (30, 20, 40, 50), None, CropSettings()))
    assert (row.label, row.subject, row.split) == ("sad", "anna", "train")
    assert (row.source, row.more) == ("photo.png", {"frame": 7})
    assert row.box == (30.0, 20.0, 40.0, 50.0) and row.score == 0.9
    assert {type(value) for value in (*row.box, row.score)} == {float}


def test_the_settings_reach_the_crop():
    crooked = photo((40, 30, 40, 20, 190))
    cropper = FaceCropper(
        BrightRectangles(), margin=0.3, square=True, align=True, size=31, colour="rgb"
    )
    ((row,),) = cropper([sample(crooked)])
    landmarks = np.array([(52, 38), (68, 38), *[(0, 0)] * 3], np.float32)
    expected = crop(crooked, (40, 30, 40, 20), landmarks, CropSettings(0.3, True, True, 31, "rgb"))
    assert np.array_equal(row.image, expected)


def test_what_the_index_says_is_what_was_cut_out():
    class Fractions(BrightRectangles):
        def find(self, image):
            boxes = np.array([[10.4999, 20.123456, 30.3333, 40.0049]], np.float32)
            return Faces(boxes, np.array([0.8765432], np.float32), np.zeros((1, 5, 2), np.float32))

    ((row,),) = FaceCropper(Fractions())([sample(FACE)])
    assert row.box == (10.5, 20.12, 30.33, 40.0) and row.score == 0.8765
    assert np.array_equal(row.image, crop(FACE, row.box, None, CropSettings()))


def test_all_faces_of_a_photograph_the_largest_first():
    (rows,) = FaceCropper(BrightRectangles(), select="all")([sample(FACE)])
    assert [(row.box[:2], row.score, row.source) for row in rows] == [
        ((30, 20), 0.9, "photo.png"),
        ((90, 60), 0.99, "photo.png"),
    ]
    assert not np.array_equal(rows[0].image, rows[1].image)


def test_another_choice():
    ((row,),) = FaceCropper(BrightRectangles(), select="most-confident")([sample(FACE)])
    assert row.box == (90, 60, 20, 20)
    ((row,),) = FaceCropper(BrightRectangles(), min_confidence=0.95)([sample(FACE)])
    assert row.box == (90, 60, 20, 20)


FACELESS = [
    (photo(), {}, "nothing detected"),
    (photo((5, 5, 9, 9, 143)), {}, "best score 0.43, below 0.6"),
    (FACE, {"min_confidence": 1}, "best score 0.99, below 1"),
]


@pytest.mark.parametrize(("image", "settings", "why"), FACELESS)
def test_a_photograph_without_a_face(image, settings, why):
    detector = BrightRectangles()
    (found,) = FaceCropper(detector, **settings)([sample(image)])
    assert found == [Rejected("photo.png", "no face found", why, "sad")]
    ((row,),) = FaceCropper(detector, missing="whole", **settings)([sample(image)])
    assert row.box is None and row.score is None and row.source == "photo.png"
    assert np.array_equal(row.image, crop(image, (0, 0, 160, 120), None, CropSettings()))
    stop = FaceCropper(detector, missing="error", **settings)
    with pytest.raises(ValueError, match=f"No face found in photo.png .{why}."):
        stop([sample(FACE), sample(image)])


def test_a_whole_photograph_is_squared_like_a_face_and_not_turned():
    cropper = FaceCropper(
        BrightRectangles(), margin=1, square=True, align=True, size=160, missing="whole"
    )
    ((row,),) = cropper([sample(photo())])
    assert np.array_equal(row.image, np.pad(photo(), ((20, 20), (0, 0)), mode="edge"))


def test_a_face_without_eyes_is_not_aligned_and_not_taken_upright():
    class OneEyed(BrightRectangles):
        def find(self, image):
            faces = super().find(image)
            faces.landmarks[0, 1] = np.nan
            return faces

    (found,) = FaceCropper(OneEyed(), align=True, select="all")([sample(FACE)])
    assert found[0] == Rejected(
        "photo.png", "no eye landmarks", "face at [30.0, 20.0, 40.0, 50.0]", "sad"
    )
    assert isinstance(found[1], IndexRow) and found[1].box == (90, 60, 20, 20)


def unreadable(error):
    def load():
        raise error

    return Sample(load, "sad", "", "", "torn.png")


def test_a_photograph_that_cannot_be_read_is_rejected_with_its_reason():
    torn = unreadable(UnreadableError("undecodable image", "broken data stream"))
    odd = unreadable(KeyError("palette"))
    for cropper in (FaceCropper(BrightRectangles()), FaceCropper()):
        before, first, second, after = cropper([sample(FACE), torn, odd, sample(FACE)])
        assert first == [Rejected("torn.png", "undecodable image", "broken data stream", "sad")]
        assert second == [Rejected("torn.png", "loading failed", "KeyError: 'palette'", "sad")]
        assert isinstance(before[0], IndexRow) and isinstance(after[0], IndexRow)


BLINDING = photo((30, 20, 40, 50, 255))


@pytest.mark.parametrize("batch", [1, 2, 3, 9])
def test_only_the_photograph_at_which_the_detector_fails_is_rejected(batch):
    made = FaceCropper(BrightRectangles(batch))(
        [sample(image, str(n)) for n, image in enumerate([FACE, FACE, BLINDING, FACE, photo()])]
    )
    reasons = [one.reason if isinstance(one, Rejected) else one.box[:2] for (one,) in made]
    assert reasons == [(30, 20), (30, 20), "detector failed", (30, 20), "no face found"]
    failure = Rejected("2", "detector failed", "RuntimeError: blinded by 160x120 pixels", "sad")
    assert made[2] == [failure]


def test_a_detector_that_answers_too_little_fails():
    class Forgetful(BrightRectangles):
        def __call__(self, images):
            return super().__call__(images)[:1]

    made = FaceCropper(Forgetful())([sample(FACE), sample(FACE), sample(FACE)])
    assert [type(one) for (one,) in made] == [IndexRow, IndexRow, IndexRow]

    class Silent(BrightRectangles):
        def __call__(self, images):
            return []

    (found,) = FaceCropper(Silent())([sample(FACE)])
    assert found == [
        Rejected("photo.png", "detector failed", "ValueError: 0 results for 1 images", "sad")
    ]


def test_what_goes_wrong_while_cropping_is_rejected_too():
    deep = np.zeros((9, 9, 4), np.uint8)
    assert FaceCropper(size=5)([sample(deep)])[0][0].reason == "cropping failed"

    class Short(BrightRectangles):
        def find(self, image):
            return Faces(np.zeros((1, 3), np.float32), np.ones(1, np.float32), np.zeros((1, 5, 2)))

    (found,) = FaceCropper(Short())([sample(FACE)])
    assert found[0].reason == "cropping failed" and found[0].label == "sad"


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt])
def test_some_errors_are_not_the_photographs_fault(error):
    class Exhausted(BrightRectangles):
        def find(self, image):
            raise error

    with pytest.raises(error):
        FaceCropper(Exhausted())([sample(FACE)])
    with pytest.raises(error):
        FaceCropper()([unreadable(error())])


@pytest.mark.parametrize("batch", [1, 3, 4, 20])
def test_batches_hold_no_more_photographs_than_the_detector_takes(batch):
    alive, most = weakref.WeakSet(), []

    class Watched(np.ndarray):
        __hash__ = object.__hash__

    def one(n):
        def load():
            image = photo((n, 20, 40, 50, 190)).view(Watched)
            alive.add(image)
            most.append(len(alive))
            return image

        return Sample(load, "sad", "", "", str(n))

    detector = BrightRectangles(batch)
    made = FaceCropper(detector)([one(n) for n in range(10)])
    assert [row.box[0] for (row,) in made] == list(range(10))
    assert [row.source for (row,) in made] == [str(n) for n in range(10)]
    assert max(most) == min(batch, 10)
    assert max(detector.calls) == min(batch, 10) and sum(detector.calls) == 10


def test_grey_photographs_are_shown_to_the_detector_in_colour_and_colour_as_it_is():
    colour = np.dstack([FACE // 2, FACE, FACE // 4])
    made = FaceCropper(BrightRectangles(), colour="rgb")([sample(FACE), sample(colour)])
    assert made[0][0].box == made[1][0].box
    assert np.array_equal(made[0][0].image, made[0][0].image[..., :1].repeat(3, axis=2))
    assert np.array_equal(
        made[1][0].image, crop(colour, made[1][0].box, None, CropSettings(colour="rgb"))
    )


def test_images_that_are_faces_already_stay_what_they_are():
    odd = np.arange(48 * 47 * 2, dtype=np.uint16).astype(np.uint8).reshape(48, 47, 2)
    ((row,),) = FaceCropper()([sample(odd, frame=1)])
    assert row.image is odd and row.box is None and row.score is None and row.more == {"frame": 1}


def test_images_that_are_faces_already_can_be_resized_and_converted():
    colour = np.random.default_rng(0).integers(0, 256, (60, 40, 3), dtype=np.uint8)
    ((row,),) = FaceCropper(size=20, colour="grey")([sample(colour)])
    expected = cv2.resize(
        cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY), (20, 20), interpolation=cv2.INTER_AREA
    )
    assert np.array_equal(row.image, expected)
    assert FaceCropper(size=20)([sample(colour)])[0][0].image.shape == (20, 20, 3)


def test_threads_get_what_one_thread_gets():
    cropper = FaceCropper(BrightRectangles(), select="all", margin=0.1, square=True, align=True)
    chunks = [[sample(photo((n, 9, 40, 50, 190)), str(n)) for n in range(k, 9)] for k in range(8)]
    with ThreadPoolExecutor(4) as pool:
        threaded = list(pool.map(cropper, chunks))
    for chunk, made in zip(chunks, threaded, strict=True):
        for (expected,), (row,) in zip(cropper(chunk), made, strict=True):
            assert row.source == expected.source and np.array_equal(row.image, expected.image)


def test_the_description_is_equal_for_equal_settings_and_only_for_these():
    detector = BrightRectangles
    plain = FaceCropper(detector()).describe()
    named = FaceCropper(detector(), "largest", 0.6, 0, False, False, 48, "grey", "skip").describe()
    assert plain == named == json.loads(json.dumps(plain))
    assert plain["detector"] == {"name": "bright", "batch": 4}
    others = [
        FaceCropper(),
        FaceCropper(size=48),
        FaceCropper(colour="grey"),
        FaceCropper(detector(9)),
        FaceCropper(detector(scores=False)),
        FaceCropper(detector(), select="central"),
        FaceCropper(detector(), min_confidence=0.5),
        FaceCropper(detector(), margin=0.1),
        FaceCropper(detector(), square=True),
        FaceCropper(detector(), align=True),
        FaceCropper(detector(), size=64),
        FaceCropper(detector(), colour="rgb"),
        FaceCropper(detector(), missing="whole"),
        FaceCropper(detector(), like="fer2013"),
    ]
    assert len({json.dumps(one.describe()) for one in others} | {json.dumps(plain)}) == 15


BAD = [
    ({"margin": -1}, "margin must be .*got -1"),
    ({"size": 0}, "size must be .*got 0"),
    ({"colour": "gray"}, "colour: 'gray'.*'grey', 'rgb'"),
    ({"select": "first"}, "selection: 'first'"),
    ({"min_confidence": 2}, "min_confidence must be .*got 2"),
    ({"like": "fer2012"}, "like: 'fer2012'.*'fer2013'"),
    ({"like": "fer2013", "margin": 0.1}, "like must be None"),
    ({"missing": "drop"}, "missing: 'drop'.*'skip', 'whole', 'error'"),
]


@pytest.mark.parametrize(("settings", "message"), BAD)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        FaceCropper(BrightRectangles(), **settings)


def test_a_face_needs_the_score_that_is_usual_for_its_detector():
    class Strict(BrightRectangles):
        confidence = 0.75

    image = photo((5, 5, 9, 9, 170))
    ((row,),) = FaceCropper(BrightRectangles())([sample(image)])
    assert row.score == 0.7
    ((rejected,),) = FaceCropper(Strict())([sample(image)])
    assert rejected.detail == "best score 0.69, below 0.75"
    ((row,),) = FaceCropper(Strict(), min_confidence=0.7)([sample(image)])
    assert FaceCropper(Strict()).describe()["min_confidence"] == 0.75


def test_settings_that_the_detector_cannot_serve_are_refused():
    with pytest.raises(ValueError, match="align must be False .*bright"):
        FaceCropper(BrightRectangles(landmarks=False), align=True)
    with pytest.raises(ValueError, match="min_confidence .*without scores, got 0.5"):
        FaceCropper(BrightRectangles(scores=False), min_confidence=0.5)
    ((row,),) = FaceCropper(BrightRectangles(scores=False))([sample(photo((5, 5, 9, 9, 110)))])
    assert row.box == (5, 5, 9, 9) and row.score is None


@pytest.mark.parametrize(
    "settings",
    [
        {"select": "all"},
        {"min_confidence": 0.6},
        {"margin": 0.1},
        {"square": True},
        {"align": True},
        {"missing": "whole"},
        {"like": "fer2013"},
    ],
)
def test_without_a_detector_its_settings_are_refused(settings):
    ((name, value),) = settings.items()
    with pytest.raises(ValueError, match=f"{name} has no effect without a detector, got {value!r}"):
        FaceCropper(**settings)
    with pytest.raises(ValueError, match="size must be"):
        FaceCropper(size=0)
