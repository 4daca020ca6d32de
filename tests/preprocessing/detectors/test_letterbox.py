"""A photograph of any shape goes into the network's input and its points come back."""

import cv2
import numpy as np
import pytest

from preprocessing.detectors.decode import GREY, into, planes

SIZES = [(1, 1), (1, 5000), (5000, 1), (480, 640), (641, 639), (97, 31), (640, 640), (1080, 1921)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("canvas", [(640, 640), (96, 64)])
def test_points_come_back_to_where_they_were(size, canvas):
    box = into(size, canvas)
    points = np.random.default_rng(0).uniform(0, 1, (50, 2)) * size[::-1]
    assert all(
        0 <= n - m < max(n / k, 1) for n, m, k in zip(size, box.image, box.inner, strict=True)
    )
    points *= np.divide(box.image, size)[::-1]  # less than a pixel of the canvas is left out
    scale = np.divide(box.inner[::-1], box.image[::-1])
    there = points * scale + box.corner[::-1]
    assert (there >= 0).all() and (there <= canvas[::-1]).all()
    np.testing.assert_allclose(box.restore(there.astype(np.float32)), points, rtol=1e-3, atol=0.01)


@pytest.mark.parametrize("size", SIZES)
def test_the_photograph_fills_its_place_and_the_rest_is_grey(size):
    canvas = into(size, (640, 640)).draw(np.full((*size, 3), 7, np.uint8))
    box = into(size, (640, 640))
    (top, left), (height, width) = box.corner, box.inner
    inside = np.zeros((640, 640), bool)
    inside[top : top + height, left : left + width] = True
    assert max(height, width) == 640
    assert (canvas[inside] == 7).all() and (canvas[~inside] == GREY).all()
    assert abs(2 * top + height - 640) <= 1 and abs(2 * left + width - 640) <= 1


def test_a_mark_in_the_photograph_is_found_where_its_coordinates_say():
    image = np.zeros((300, 200, 3), np.uint8)
    image[210:240, 50:80] = 255
    box = into(image.shape, (96, 96))
    row, column, _ = np.nonzero(box.draw(image) == 255)
    low = box.restore(np.array([column.min(), row.min()], np.float32))
    high = box.restore(np.array([column.max() + 1, row.max() + 1], np.float32))
    pixel = 300 / 96
    np.testing.assert_allclose(low, [50, 210], atol=pixel)
    np.testing.assert_allclose(high, [80, 240], atol=pixel)


def test_a_network_gets_planes_from_zero_to_one_in_the_order_of_the_channels():
    rng = np.random.default_rng(0)
    canvases = [rng.integers(0, 256, (5, 7, 3), dtype=np.uint8) for _ in range(2)]
    expected = np.stack(canvases).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(planes(canvases), expected, rtol=1e-6)


@pytest.mark.parametrize("size", [(3000, 4000), (3001, 4007), (1283, 1281), (2560, 700)])
def test_a_large_photograph_is_halved_first_and_looks_as_if_scaled_in_one_step(size):
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (size[0] // 25, size[1] // 25, 3), dtype=np.uint8)
    image = cv2.resize(small, size[::-1], interpolation=cv2.INTER_CUBIC)
    box = into(size, (640, 640))
    (top, left), (height, width) = box.corner, box.inner
    drawn = box.draw(image)[top : top + height, left : left + width]
    assert box.halvings == int(np.log2(max(size) / 640))
    assert all(
        0 <= whole - used < 2**box.halvings for whole, used in zip(size, box.image, strict=True)
    )
    part = image[: box.image[0], : box.image[1]]
    at_once = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    assert np.abs(drawn.astype(int) - at_once).mean() < 2
