"""Squares like those of a dataset: by value, and against the dataset itself."""

from __future__ import annotations

import math
import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from preprocessing import detectors
from preprocessing.faces.crops import CropSettings, crop, whole
from preprocessing.faces.squares import fer2013


@pytest.mark.parametrize("box", [(100, 60, 90, 112), (-8.5, -3, 40, 40), (3, 900, 20, 5)])
def test_fer2013_shows_a_little_more_than_the_box_and_a_little_above_it(box):
    x, y, width, height = box
    left, top, side = fer2013(box)
    assert side == pytest.approx(1.11 * math.sqrt(width * height))
    assert left + side / 2 == pytest.approx(x + width / 2)
    assert top + side / 2 == pytest.approx(y + height / 2 - 0.02 * side)


def test_a_face_is_cut_out_as_its_square():
    photo = np.random.default_rng(0).integers(0, 256, (200, 300), np.uint8)
    left, top, side = fer2013((100, 60, 90, 112))
    settings = CropSettings(like="fer2013", size=round(side))
    found = crop(photo, (100, 60, 90, 112), None, settings)
    across, down = math.floor(left + (side - round(side)) / 2 + 0.5), math.floor(top + 0.5)
    near = photo[down - 1 : down + 2 + round(side), across - 1 : across + 2 + round(side)]
    places = cv2.matchTemplate(near, found, cv2.TM_SQDIFF)
    assert places.min() == 0  # these very pixels, within a pixel of the place


def test_beyond_the_photograph_the_border_is_repeated_and_the_shape_is_kept():
    photo = np.random.default_rng(0).integers(0, 256, (100, 100), np.uint8)
    wide = np.pad(photo, 60, mode="edge")
    settings = CropSettings(like="fer2013", size=40)
    for box in ((-10, 20, 40, 50), (70, -5, 25, 40), (60, 70, 50, 60)):
        moved = (box[0] + 60, box[1] + 60, *box[2:])
        expected = crop(wide, moved, None, settings)
        np.testing.assert_array_equal(crop(photo, box, None, settings), expected)


def test_it_is_turned_upright_and_a_whole_photograph_is_squared():
    photo = np.random.default_rng(0).integers(0, 256, (90, 160), np.uint8)
    points = np.full((5, 2), np.nan)
    points[:2] = (60, 40), (90, 40)
    plain, turned = (CropSettings(like="fer2013", align=align) for align in (False, True))
    box = (50, 20, 40, 50)
    np.testing.assert_array_equal(crop(photo, box, points, plain), crop(photo, box, points, turned))
    points[1] = 90, 60
    assert (crop(photo, box, points, plain) != crop(photo, box, points, turned)).any()
    np.testing.assert_array_equal(whole(photo, plain), whole(photo, CropSettings(square=True)))


@pytest.mark.parametrize("other", [{"margin": 0.1}, {"square": True}])
def test_it_makes_a_square_of_its_own(other):
    with pytest.raises(ValueError, match="like must be None with margin or square"):
        CropSettings(like="fer2013", **other)
    with pytest.raises(ValueError, match="like: 'fer2012'.*Did you mean 'fer2013'"):
        CropSettings(like="fer2012")


@pytest.mark.data
def test_the_squares_around_the_faces_of_fer2013_are_its_images(data):
    path = data / "yunet" / "yunet_n_dynamic.onnx"
    if not path.is_file():
        pytest.skip(f"no {path}: set FER_DATA to the folder that has it")
    finder, squares = detectors.make("yunet", weights=path, threshold=0.7), []
    for image in training_images(data / "fer2013" / "archive.zip", 150):
        around = np.full((320, 320, 3), 114, np.uint8)
        around[64:-64, 64:-64] = cv2.resize(image, (192, 192))[..., None]
        (faces,) = finder([around])
        squares += [fer2013(box) for box in faces.boxes[:1]]
    left, top, side = np.array(squares).T
    assert len(squares) > 130
    centre = np.median([left + side / 2, top + side / 2], axis=1)
    np.testing.assert_allclose(centre, 160, atol=0.015 * 192)
    assert np.median(side) == pytest.approx(192, rel=0.04)


def training_images(path, number):
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if "/Training_" in name)
        for name in names[:: len(names) // number]:
            with archive.open(name) as stream:
                yield np.asarray(Image.open(stream))
