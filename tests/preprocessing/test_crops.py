"""Crops hold the pixels they should: checked against slicing, slow averages and drawn faces."""

from __future__ import annotations

import math
import tracemalloc

import cv2
import numpy as np
import pytest

from preprocessing.faces.crops import CropSettings, crop, eye_angle, fit, has_eyes, whole


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def smooth(height, width):
    """A picture without detail, so that interpolations may differ a little."""
    y, x = np.mgrid[:height, :width]
    return np.uint8(128 + 60 * np.sin(x / 9) + 60 * np.cos(y / 7))


def eyes(left, right):
    points = np.full((5, 2), np.nan, np.float32)
    points[:2] = left, right
    return points


def test_the_default_is_the_published_crop():
    photo = noise(300, 400, 3)
    face = cv2.cvtColor(photo[40:200, 100:220], cv2.COLOR_RGB2GRAY)
    expected = cv2.resize(face, (48, 48), interpolation=cv2.INTER_AREA)
    assert np.array_equal(crop(photo, (100, 40, 120, 160), None, CropSettings()), expected)


def area_average(image, size):
    """Mean over each output pixel's rectangle, pixels on its edge by the part inside."""

    def weights(length):
        edges = np.arange(size + 1) * length / size
        starts = np.arange(length)
        overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
        return overlap.clip(0) * size / length

    return weights(image.shape[0]) @ image.astype(float) @ weights(image.shape[1]).T


@pytest.mark.parametrize(("width", "height"), [(37, 53), (40, 8), (8, 33), (16, 16)])
def test_shrinking_averages_every_pixel_by_its_area(width, height):
    photo = noise(90, 80)
    found = crop(photo, (11, 20, width, height), None, CropSettings(size=8))
    expected = area_average(photo[20 : 20 + height, 11 : 11 + width], 8)
    assert np.abs(found - expected).max() <= 0.51


def test_enlarging_is_linear():
    photo = noise(30, 30)
    found = crop(photo, (5, 6, 10, 10), None, CropSettings(size=37)).astype(float)
    places = ((np.arange(37) + 0.5) * 10 / 37 - 0.5).clip(0, 9)
    lines = photo[6:16, 5:15].astype(float)
    lines = np.stack([np.interp(places, np.arange(10), line) for line in lines])
    expected = np.stack([np.interp(places, np.arange(10), line) for line in lines.T], axis=1)
    assert np.abs(found - expected).max() <= 1


def test_an_axis_that_shrinks_does_not_alias_when_the_other_grows():
    stripes = np.zeros((64, 10), np.uint8)
    stripes[::2] = 254
    found = crop(stripes, (0, 0, 10, 64), None, CropSettings(size=16))
    assert np.array_equal(found, np.full((16, 16), 127))


@pytest.mark.parametrize(
    ("box", "region"),
    [
        ((10.4, 20.4, 30.2, 40.2), (10, 20, 41, 61)),
        ((10.5, 20.5, 30, 40), (11, 21, 41, 61)),
        ((9.6, 19.7, 30.2, 40.2), (10, 20, 40, 60)),
        ((-7.6, -3.2, 20, 10), (0, 0, 12, 7)),
        ((70.2, 85.4, 20, 30), (70, 85, 80, 90)),
        ((20.6, 30.2, 0.3, 0.3), (20, 30, 21, 31)),
        ((20.2, 30, 0.1, 5), (20, 30, 21, 35)),
        ((-9.7, 4, 10, 4), (0, 4, 1, 8)),
        ((79.7, 4, 10, 4), (79, 4, 80, 8)),
        ((4, -9.7, 4, 10), (4, 0, 8, 1)),
        ((4, 89.7, 4, 10), (4, 89, 8, 90)),
        ((-50, -50, 500, 500), (0, 0, 80, 90)),
    ],
)
def test_corners_go_to_the_nearest_border_and_the_plain_box_is_clipped(box, region):
    photo = noise(90, 80)
    left, top, right, bottom = region
    expected = crop(
        photo[top:bottom, left:right].copy(), (0, 0, 999, 999), None, CropSettings(size=24)
    )
    assert np.array_equal(crop(photo, box, None, CropSettings(size=24)), expected)


@pytest.mark.parametrize(
    "box",
    [
        (80, 0, 10, 10),
        (0, 90, 10, 10),
        (-10, 0, 10, 10),
        (0, -10, 10, 10),
        (10, 10, 0, 10),
        (10, 10, 10, -1),
        (math.nan, 1, 5, 5),
        (1, 1, math.inf, 5),
    ],
)
@pytest.mark.parametrize("settings", [CropSettings(), CropSettings(square=True, margin=1)])
def test_a_box_without_pixels_is_refused(box, settings):
    with pytest.raises(ValueError, match="box must overlap .*80x90"):
        crop(noise(90, 80), box, None, settings)


def test_margin_is_a_fraction_of_each_side():
    photo = noise(200, 200)
    found = crop(photo, (60, 80, 40, 60), None, CropSettings(margin=0.25, size=30))
    assert np.array_equal(found, crop(photo, (50, 65, 60, 90), None, CropSettings(size=30)))
    clipped = crop(photo, (0, 150, 40, 50), None, CropSettings(margin=0.5, size=30))
    assert np.array_equal(clipped, crop(photo, (0, 125, 60, 75), None, CropSettings(size=30)))


@pytest.mark.parametrize(
    ("box", "margin", "region"),
    [
        ((40, 50, 20, 40), 0.0, (30, 50, 70, 90)),
        ((40, 50, 40, 20), 0.0, (40, 40, 80, 80)),
        ((40.3, 50.2, 19.8, 39.6), 0.0, (30, 50, 70, 90)),
        ((50, 50, 20, 20), 0.5, (40, 40, 80, 80)),
        ((-5, -5, 20, 40), 0.0, (-15, -5, 25, 35)),
        ((90, 70, 10, 40), 0.0, (75, 70, 115, 110)),
        ((40.3, 50.45, 20, 40.3), 0.0, (30, 51, 70, 91)),
        ((-39.7, 20, 40, 40), 0.0, (-40, 20, 0, 60)),
    ],
)
@pytest.mark.parametrize("colours", [(), (3,)])
def test_square_grows_the_shorter_side_and_repeats_the_border(box, margin, region, colours):
    photo = noise(100, 100, *colours)
    settings = CropSettings(margin, square=True, size=40, colour="rgb" if colours else "grey")
    padded = [np.pad(plane, 400, mode="edge") for plane in np.atleast_3d(photo).transpose(2, 0, 1)]
    left, top, right, bottom = np.array(region) + 400
    expected = np.dstack(padded)[top:bottom, left:right].squeeze()
    assert expected.shape[:2] == (40, 40)
    assert np.array_equal(crop(photo, box, None, settings), expected)


def face(angle, size=400, centre=(200.3, 190.6), spread=60):
    """A light disc with dark eyes whose line is turned clockwise by so many degrees."""
    photo = np.full((size, size), 90, np.uint8)
    turn = math.radians(angle)
    along = np.array([math.cos(turn), math.sin(turn)])
    above = np.array([math.sin(turn), -math.cos(turn)])
    middle = np.array(centre) + 25 * above
    points = middle - spread / 2 * along, middle + spread / 2 * along

    def disc(centre, radius, tone):
        # Drawn in sixteenths of a pixel; boxes count from a pixel's border, drawing from its middle
        at = np.round((np.array(centre) - 0.5) * 16).astype(int)
        cv2.circle(photo, at.tolist(), radius * 16, tone, -1, cv2.LINE_AA, 4)

    disc(centre, 90, 220)
    for point in points:
        disc(point, 10, 0)
    return photo, (centre[0] - 100, centre[1] - 100, 200, 200), eyes(*points)


def found_eyes(picture):
    """Middles of the two dark spots, from pixel borders, the left one first."""
    weight = (90.0 - picture).clip(0) * (picture < 60)
    _, marks = cv2.connectedComponents((weight > 0).astype(np.uint8))
    spots = []
    for mark in range(1, marks.max() + 1):
        part = weight * (marks == mark)
        y, x = np.mgrid[: picture.shape[0], : picture.shape[1]] + 0.5
        spots.append(((x * part).sum() / part.sum(), (y * part).sum() / part.sum()))
    assert len(spots) == 2
    return np.array(sorted(spots))


@pytest.mark.parametrize("angle", [-75, -30, -3, 0, 8, 45, 100, 180])
@pytest.mark.parametrize("size", [200, 96])
def test_an_aligned_face_is_upright(angle, size):
    photo, box, landmarks = face(angle)
    left, right = found_eyes(crop(photo, box, landmarks, CropSettings(align=True, size=size)))
    scale = size / 200
    assert abs(math.degrees(math.atan2(*(right - left)[::-1]))) < 0.5
    # The eyes keep their distance and lie where they do in an upright face.
    assert left == pytest.approx([(100 - 30) * scale, (100 - 25) * scale], abs=0.3)
    assert right == pytest.approx([(100 + 30) * scale, (100 - 25) * scale], abs=0.3)


def test_aligning_a_face_that_is_upright_changes_nothing():
    photo = noise(120, 130, 3)
    landmarks = eyes((50, 45), (70, 45))
    for margin, square in ((0, False), (0.5, False), (0.25, True)):
        plain = CropSettings(margin, square, False, 60, "rgb")
        aligned = CropSettings(margin, square, True, 60, "rgb")
        box = (40, 30, 40, 60)
        assert np.array_equal(crop(photo, box, landmarks, aligned), crop(photo, box, None, plain))


def bilinear(image, x, y):
    """Values between pixel middles, the border repeated."""
    x, y = (x - 0.5).clip(0, image.shape[1] - 1), (y - 0.5).clip(0, image.shape[0] - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = (left + 1).clip(max=image.shape[1] - 1), (top + 1).clip(max=image.shape[0] - 1)
    across, down = x - left, y - top
    upper = image[top, left] * (1 - across) + image[top, right] * across
    lower = image[bottom, left] * (1 - across) + image[bottom, right] * across
    return upper * (1 - down) + lower * down


@pytest.mark.parametrize("box", [(60.3, 50.6, 50, 70), (-8, -20, 50, 70), (140, 95.5, 50, 70)])
@pytest.mark.parametrize("angle", [-35, 20, 90])
def test_turned_pixels_are_those_of_the_photograph(box, angle):
    photo = smooth(150, 180)
    turn = math.radians(angle)
    landmarks = eyes((0, 0), (30 * math.cos(turn), 30 * math.sin(turn)))
    found = crop(photo, box, landmarks, CropSettings(align=True, square=True, size=70))
    v, u = np.mgrid[:70, :70] + 0.5 - 35
    x = box[0] + 25 + u * math.cos(turn) - v * math.sin(turn)
    y = box[1] + 35 + u * math.sin(turn) + v * math.cos(turn)
    assert np.abs(found - bilinear(photo.astype(float), x, y)).max() <= 1.5


def test_aligning_does_not_alias():
    y, x = np.mgrid[:600, :600]
    board = np.uint8(255 * ((x + y) % 2))
    landmarks = eyes((200, 200), (200 + 100 * math.cos(0.5), 200 + 100 * math.sin(0.5)))
    found = crop(board, (100, 100, 400, 400), landmarks, CropSettings(align=True, size=16))
    assert np.abs(found.astype(float) - 127.5).max() < 3


@pytest.mark.parametrize(
    "landmarks",
    [None, np.full((5, 2), np.nan), eyes((3, 4), (3, 4)), eyes((3, 4), (3.5, 4.5))],
)
def test_without_two_eyes_nothing_is_aligned(landmarks):
    assert not has_eyes(landmarks)
    with pytest.raises(ValueError, match="No eye landmarks"):
        crop(noise(9, 9), (0, 0, 9, 9), landmarks, CropSettings(align=True))
    assert crop(noise(9, 9), (0, 0, 9, 9), landmarks, CropSettings()).shape == (48, 48)


def test_the_direction_of_the_eyes_is_clockwise():
    assert has_eyes(eyes((1, 1), (2, 1)))
    assert eye_angle(eyes((10, 10), (20, 20))) == pytest.approx(math.pi / 4)
    assert eye_angle(eyes((10, 10), (20, 0))) == pytest.approx(-math.pi / 4)


def test_grey_is_luma_of_red_green_and_blue():
    for colour, luma in (((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29)):
        photo = np.full((20, 20, 3), colour, np.uint8)
        assert np.array_equal(
            crop(photo, (2, 2, 9, 9), None, CropSettings(size=5)), np.full((5, 5), luma)
        )
    photo = noise(20, 20, 3)
    found = crop(photo, (0, 0, 20, 20), None, CropSettings(size=20))
    assert np.abs(found - photo @ [0.299, 0.587, 0.114]).max() <= 0.51


def test_colour_stays_and_grey_is_repeated():
    photo = noise(20, 20, 3)
    settings = CropSettings(size=9, colour="rgb")
    assert np.array_equal(crop(photo, (3, 4, 9, 9), None, settings), photo[4:13, 3:12])
    grey = noise(20, 20)
    expected = np.repeat(grey[4:13, 3:12, None], 3, axis=2)
    assert np.array_equal(crop(grey, (3, 4, 9, 9), None, settings), expected)


@pytest.mark.parametrize("settings", [{}, {"square": True, "margin": 2.0}, {"align": True}])
@pytest.mark.parametrize("photo", [np.full((1, 1), 7, np.uint8), np.full((1, 9), 7, np.uint8)])
def test_the_smallest_photographs(settings, photo):
    landmarks = eyes((0, 0), (2, 1))
    found = crop(photo, (0.2, 0.1, 0.7, 0.9), landmarks, CropSettings(size=3, **settings))
    assert np.array_equal(found, np.full((3, 3), 7))


def test_a_crop_shares_no_memory_with_the_photograph():
    photo = noise(60, 60)
    for found in (
        crop(photo, (3, 4, 48, 48), None, CropSettings()),
        fit(photo[:48, :48], 48, "grey"),
    ):
        assert not np.shares_memory(found, photo)


@pytest.mark.parametrize("align", [False, True])
def test_a_small_face_costs_little_in_a_large_photograph(align):
    photo = np.zeros((4000, 4000, 3), np.uint8)
    tracemalloc.start()
    crop(photo, (1800, 1800, 80, 90), eyes((0, 0), (5, 5)), CropSettings(0.3, True, align))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000


def test_the_whole_photograph_keeps_its_aspect_only_if_square():
    photo = noise(40, 60)
    stretched = whole(photo, CropSettings(margin=0.3, align=True, size=60))
    assert np.array_equal(stretched, crop(photo, (0, 0, 60, 40), None, CropSettings(size=60)))
    padded = np.pad(photo, ((10, 10), (0, 0)), mode="edge")
    assert np.array_equal(whole(photo, CropSettings(margin=0.3, square=True, size=60)), padded)


def test_fitting_changes_what_is_asked_for_and_nothing_else():
    odd = noise(5, 7, 2)
    assert fit(odd, None, None) is odd
    photo = noise(30, 20, 3)
    expected = cv2.resize(photo, (10, 10), interpolation=cv2.INTER_AREA)
    assert np.array_equal(fit(photo, 10, None), expected)
    assert np.array_equal(fit(photo, None, "grey"), cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY))
    assert np.array_equal(fit(photo[..., 0], None, "rgb"), photo[..., [0, 0, 0]])
    with pytest.raises(ValueError, match=r"must be uint8 .*got uint8 \(5, 7, 2\)"):
        fit(odd, 10, None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"margin": -0.1}, "margin must be .*0 to 10, got -0.1"),
        ({"margin": math.nan}, "margin must be .*nan"),
        ({"size": 0}, "size must be an integer from 1 .*got 0"),
        ({"colour": "bgr"}, "colour: 'bgr'.*'grey', 'rgb'"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        CropSettings(**settings)


def test_other_arrays_are_refused():
    for image in (np.zeros((9, 9)), noise(9, 9, 4), noise(9)):
        with pytest.raises(ValueError, match="must be uint8"):
            crop(image, (0, 0, 5, 5), None, CropSettings())
