"""What the pictures show, read from their pixels."""

import numpy as np
import pytest

from attention_fer.common.cards import GAP, page
from benchmarks.train.tensorboard import pictures
from benchmarks.train.tensorboard.pictures import CARD, COLUMNS, FACE, FULL, LABEL, LINE, WIDTH

TOP = page([], WIDTH, "title").height  # of the first face

# True classes 0, 0, 0, 0, 1; class 2 has no image.
LABELS = np.array([0, 0, 0, 0, 1])
PREDICTED = np.array([0, 2, 2, 2, 1])


def corner(picture, row, column, side):
    """Colour of a field beside its figures."""
    return picture[LABEL + row * side + 3, LABEL + column * side + 3]


def test_rows_of_the_confusion_are_true_and_colours_shares_of_the_row():
    picture = pictures.confusion(LABELS, PREDICTED, ["a", "b", "c"])
    shares = [[0.25, 0, 0.75], [0, 1, 0], [0, 0, 0]]
    for row, column in np.ndindex(3, 3):
        expected = np.rint(255 + shares[row][column] * (FULL - 255))
        np.testing.assert_array_equal(corner(picture, row, column, 64), expected)


def test_figures_are_counts_above_percentages_where_the_row_has_images():
    picture = pictures.confusion(LABELS, PREDICTED, ["a", "b", "c"])
    doubled = pictures.confusion(np.tile(LABELS, 2), np.tile(PREDICTED, 2), ["a", "b", "c"])
    field = (slice(LABEL, LABEL + 64), slice(LABEL + 128, LABEL + 192))
    # Twice the images: other counts in the upper part of a field, the same shares below.
    assert (picture[field][:34] != doubled[field][:34]).any()
    np.testing.assert_array_equal(picture[field][36:], doubled[field][36:])
    absent = picture[LABEL + 128 : LABEL + 192, LABEL : LABEL + 64]
    assert (absent[12:36] < 100).any() and not (absent[36:60] < 100).any()


def test_a_field_shows_its_own_count():
    picture = pictures.confusion(np.zeros(5, int), np.array([0, 1, 1, 2, 2]), ["a", "b", "c"])
    fields = np.split(picture[LABEL + 2 : LABEL + 34, LABEL : LABEL + 192, 0] / 255, 3, axis=1)
    # Relative to the field's colour, so that one glyph has one shape on every colour.
    one, two, again = (field[:, 2:-2] / field[1, 3] < 0.5 for field in fields)
    assert (one != two).sum() > 10
    np.testing.assert_array_equal(two, again)


@pytest.mark.parametrize("n", [1, 2, 30, 100])
def test_any_number_of_classes_fits(n):
    labels = np.arange(n)
    picture = pictures.confusion(labels, labels, [f"a long name of class {i}" for i in range(n)])
    side = max(8, min(64, 1200 // n))
    assert picture.dtype == np.uint8 and picture.shape[0] == picture.shape[1] < 2000
    for row in (0, n - 1):
        np.testing.assert_array_equal(corner(picture, row, row, side), FULL)


def test_the_worst_are_wrong_and_in_order_of_their_probability():
    labels = np.array([0, 1, 0, 1, 1])
    of_one = np.array([0.9, 0.8, 0.6, 0.1, 0.4])
    probabilities = np.stack([1 - of_one, of_one], axis=1)
    # Wrong: 0 (0.9), 2 (0.6), 3 (0.9), 4 (0.6).
    assert pictures.worst(labels, probabilities, 9).tolist() == [0, 3, 2, 4]
    assert pictures.worst(labels, probabilities, 2).tolist() == [0, 3]
    alike = np.tile([[0.2, 0.8], [0.3, 0.7]], (100, 1))
    expected = [*range(0, 200, 2), *range(1, 200, 2)]
    assert pictures.worst(np.zeros(200, int), alike, 200).tolist() == expected


def faces(n, height, width, channels):
    """Images of one colour each."""
    levels = 10 + 5 * np.arange(n, dtype="uint8")
    return np.broadcast_to(levels[:, None, None, None], (n, height, width, channels)).copy()


def middle(picture, place):
    column, line = place % COLUMNS, place // COLUMNS
    x, y = GAP + column * (FACE + GAP), TOP + line * (CARD + GAP)
    return picture[y + FACE // 2, x + FACE // 2]


@pytest.mark.parametrize("shape", [(48, 48, 1), (300, 200, 3), (1, 9, 3)])
def test_faces_stand_in_order_whatever_their_size(shape):
    n = 8
    labels = np.zeros(n, int)
    of_one = np.linspace(0.55, 0.95, n)  # all wrong, the last most of all
    probabilities = np.stack([1 - of_one, of_one], axis=1)
    images = faces(n, *shape)
    picture = pictures.errors(images, labels, probabilities, ["no", "yes"], at_most=7)
    for place in range(7):
        expected = np.broadcast_to(images[n - 1 - place, 0, 0], 3)
        np.testing.assert_array_equal(middle(picture, place), expected)
    second = TOP + CARD + GAP
    assert (picture[second:, GAP + FACE + GAP :] == 255).all()  # no eighth face


def test_a_face_keeps_its_proportions():
    images = np.zeros((1, 60, 30, 1), "uint8")
    picture = pictures.errors(images, np.array([1]), np.array([[0.7, 0.3]]), ["a", "b"])
    square = picture[TOP : TOP + FACE, GAP : GAP + FACE, 0]
    assert (square == 0).all(axis=0).sum() == FACE / 2 and (square == 0).any(axis=1).all()


def test_colours_of_a_face_are_kept():
    images = np.broadcast_to(np.array([200, 30, 60], "uint8"), (1, 8, 8, 3)).copy()
    picture = pictures.errors(images, np.array([1]), np.array([[0.7, 0.3]]), ["a", "b"])
    assert middle(picture, 0).tolist() == [200, 30, 60]


def test_other_numbers_of_channels_stand_beside_each_other_row_by_row():
    levels = np.array([10, 60, 110, 160, 210], "uint8")
    images = np.broadcast_to(levels, (1, 8, 8, 5)).copy()
    picture = pictures.errors(images, np.array([1]), np.array([[0.7, 0.3]]), ["a", "b"])
    # Three columns and two rows fill two thirds of the square, in the middle.
    x = GAP + np.array([1, 3, 5]) * FACE // 6
    y = TOP + FACE // 2 + np.array([-1, 1]) * FACE // 6
    assert picture[y[0], x, 0].tolist() == [10, 60, 110]
    assert picture[y[1], x, 0].tolist() == [160, 210, 255]


def test_a_caption_tells_the_true_class_from_the_predicted_one():
    images, odds = faces(1, 8, 8, 1), np.array([[0.2, 0.7, 0.1]])
    drawn = [
        pictures.errors(images, np.array([label]), odds, classes)
        for label, classes in ((0, ["a", "b", "c"]), (2, ["a", "b", "c"]), (0, ["a", "x", "c"]))
    ]
    top, bottom = TOP + FACE + 2, TOP + FACE + 2 + LINE
    first, other_truth, other_prediction = drawn
    assert (first[top:bottom] != other_truth[top:bottom]).any()
    np.testing.assert_array_equal(first[bottom + 4 :], other_truth[bottom + 4 :])
    np.testing.assert_array_equal(first[top:bottom], other_prediction[top:bottom])
    assert (first[bottom:] != other_prediction[bottom:]).any()


def test_no_mistake_leaves_an_empty_sheet():
    picture = pictures.errors(faces(1, 8, 8, 1), np.array([0]), np.array([[0.7, 0.3]]), ["a", "b"])
    assert picture.shape[0] < FACE


@pytest.mark.parametrize("images", [np.zeros((1, 8, 8, 1)), np.zeros((1, 8, 8), "uint8")])
def test_other_images_are_refused(images):
    with pytest.raises(ValueError, match=r"uint8 of shape \(n, height, width, channels\)"):
        pictures.errors(images, np.array([0]), np.array([[0.7, 0.3]]), ["a", "b"])
