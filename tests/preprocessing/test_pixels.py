"""Crops with NumPy alone equal those with OpenCV."""

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from preprocessing.faces.crops import CropSettings, crop, fit
from preprocessing.faces.pixels import NUMPY, OPENCV

PORTRAIT = Path(__file__).parents[1] / "fixtures" / "astronaut.jpg"


@pytest.fixture(scope="module")
def portrait():
    with Image.open(PORTRAIT) as image:
        return np.asarray(image.convert("RGB"))


def gap(first, second):
    assert first.shape == second.shape and first.dtype == second.dtype == np.uint8
    return np.abs(first.astype(int) - second).max()


def test_grey_is_that_of_opencv_to_the_bit():
    colours = np.random.default_rng(0).integers(0, 256, (200, 300, 3), "uint8")
    grey = NUMPY.coloured(colours, "grey")
    assert np.array_equal(grey, cv2.cvtColor(colours, cv2.COLOR_RGB2GRAY))
    assert np.array_equal(NUMPY.coloured(grey, "rgb"), cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB))
    assert NUMPY.coloured(grey, "grey") is grey and NUMPY.coloured(colours, "rgb") is colours


# Shrunk by a whole number and not, enlarged, one axis each way, one pixel, unchanged.
SIZES = [(64, 64), (48, 48), (300, 400), (300, 31), (31, 300), (1, 1), (256, 256)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("colour", ["grey", "rgb"])
def test_a_size_is_reached_as_with_opencv(portrait, size, colour):
    image = NUMPY.coloured(portrait, colour)
    found = NUMPY.resized(image, size)
    assert found is not image and found.shape[:2] == size
    assert gap(found, OPENCV.resized(image, size)) <= 1


def test_shrinking_is_the_mean_of_what_a_pixel_covers():
    image = np.array([[0, 100, 200]], np.uint8)
    # Each half covers one pixel and half of the middle one.
    assert NUMPY.resized(image, (1, 2)).tolist() == [[33, 167]]


@pytest.mark.parametrize("degrees", [-35, 10, 90, 180])
def test_a_turned_face_is_that_of_opencv(portrait, degrees):
    angle = math.radians(degrees)
    eyes = [[100, 60], [100 + 30 * math.cos(angle), 60 + 30 * math.sin(angle)]]
    landmarks = np.array([*eyes, *[[0, 0]] * 3], "float32")
    settings = CropSettings(margin=0.2, square=True, align=True, size=48)
    box = (80, 20, 61.5, 80.2)
    found = crop(portrait, box, landmarks, settings, NUMPY)
    # OpenCV knows only thirty-two places between two pixels.
    assert gap(found, crop(portrait, box, landmarks, settings)) <= 3


@pytest.mark.parametrize("box", [(88, 30, 46, 56), (-20, -10, 90, 80), (200, 220, 90, 80)])
@pytest.mark.parametrize("square", [False, True])
def test_a_face_is_cut_as_with_opencv(portrait, box, square):
    settings = CropSettings(square=square, size=48)
    assert gap(crop(portrait, box, None, settings, NUMPY), crop(portrait, box, None, settings)) <= 1
    assert gap(fit(portrait, 48, "grey", NUMPY), fit(portrait, 48, "grey")) <= 1
