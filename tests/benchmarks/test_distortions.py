"""Each distortion against what it does to pictures whose result is known."""

import cv2
import numpy as np
import pytest

from benchmarks.release import distortions as d


@pytest.fixture
def image():
    return cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (48, 48), "uint8"), (0, 0), 2)


def test_all_of_them_keep_the_shape_and_change_something(image):
    images = np.stack([image, image.T])[..., None]
    found = {(one.name, one.strength): one(images) for one in d.all_distortions()}
    kinds = ["brightness", "contrast", "size", "rotation", "shift", "blur", "JPEG"]
    assert all(any(name.startswith(kind) for name, _ in found) for kind in kinds)
    assert len(found) == len(list(d.all_distortions())) > 30
    for changed in found.values():
        assert changed.shape == images.shape and changed.dtype == np.uint8
        assert all((changed[i] != images[i]).any() for i in (0, 1))


def test_brightness_multiplies_and_clips(image):
    expected = [[min(255, round(float(p) * 1.5)) for p in row] for row in image + 80]
    np.testing.assert_array_equal(d.brightness(image + 80, 1.5), expected)


def test_contrast_multiplies_around_the_mean(image):
    found = d.contrast(image, 0.5)
    expected = image.mean() + 0.5 * (image - image.mean())
    assert np.abs(found - expected).max() <= 0.5
    np.testing.assert_array_equal(d.contrast(image, 1.0), image)


def test_size_takes_means_of_areas():
    blocks = np.kron(np.random.default_rng(0).integers(0, 256, (12, 12)), np.ones((4, 4)))
    small = np.random.default_rng(1).integers(-2, 3, (12, 2, 12, 2))
    noise = np.zeros((12, 4, 12, 4))
    noise[:, :2, :, :2], noise[:, 2:, :, :2] = small, -small  # of mean 0 in each area
    noisy = np.clip(blocks, 4, 250) + noise.reshape(48, 48)
    plain = np.clip(blocks, 4, 250).astype("uint8")
    np.testing.assert_array_equal(d.resize(noisy.astype("uint8"), 12), d.resize(plain, 12))
    # The middle of an area is interpolated from its own value most.
    flat = np.full((48, 48), 77, "uint8")
    np.testing.assert_array_equal(d.resize(flat, 16), flat)


def test_rotation_is_counterclockwise_about_the_centre(image):
    np.testing.assert_array_equal(d.rotate(image, 90), np.rot90(image))
    np.testing.assert_array_equal(d.rotate(image, -180), image[::-1, ::-1])
    assert np.abs(d.rotate(d.rotate(image, 10), -10)[12:36, 12:36].astype(int)
                  - image[12:36, 12:36]).mean() < 5  # fmt: skip


def test_shift_repeats_the_border(image):
    found = d.shift(image, right=2)
    np.testing.assert_array_equal(found[:, 2:], image[:, :-2])
    np.testing.assert_array_equal(found[:, :2], np.repeat(image[:, :1], 2, 1))
    np.testing.assert_array_equal(d.shift(image, down=-3)[:-3], image[3:])


def test_blur_is_a_gaussian():
    point = np.zeros((49, 49), "uint8")
    point[24, 24] = 255
    found = d.blur(point, 1.0).astype(float)
    weights = np.exp(-(np.arange(-24, 25) ** 2) / 2)
    expected = 255 * np.outer(weights, weights) / weights.sum() ** 2
    assert np.abs(found - expected).max() < 1


def test_jpeg_loses_more_with_less_quality(image):
    errors = [np.abs(d.jpeg(image, q).astype(int) - image).mean() for q in (100, 50, 10)]
    assert errors[0] < 1 < errors[1] < errors[2]
