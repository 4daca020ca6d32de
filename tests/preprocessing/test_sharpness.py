"""Parts of a dataset that differ in sharpness are noticed, and only those."""

import cv2
import numpy as np

from preprocessing.quality.survey import blur_warning, by_split, sharpness


def _noise(n: int, blur: float = 0.0) -> np.ndarray:
    images = np.random.default_rng(0).integers(0, 256, (n, 48, 48, 1), "uint8")
    if blur:
        images = np.stack([cv2.GaussianBlur(image, (0, 0), blur)[..., None] for image in images])
    return images


def _values(images: np.ndarray) -> np.ndarray:
    return np.array([sharpness(image) for image in images])


def test_sharpness_is_the_variance_of_the_four_neighbour_laplacian() -> None:
    image = _noise(1)[0]
    x = np.pad(image[..., 0].astype(float), 1, mode="reflect")
    laplacian = x[:-2, 1:-1] + x[2:, 1:-1] + x[1:-1, :-2] + x[1:-1, 2:] - 4 * x[1:-1, 1:-1]
    assert np.isclose(sharpness(image), laplacian.var())


def test_a_blurred_part_is_named_with_both_medians() -> None:
    images = np.concatenate([_noise(5, blur=2.0), _noise(5)])
    medians = by_split(_values(images), np.array(["train"] * 5 + ["test"] * 5))
    text = blur_warning(medians)
    assert text is not None
    assert text.startswith("train is much blurrier than test")
    assert f"{medians['train']:,.1f}" in text


def test_equally_sharp_parts_and_a_single_part_are_no_news() -> None:
    values, splits = _values(_noise(10)), np.array(["train"] * 5 + ["test"] * 5)
    assert blur_warning(by_split(values, splits)) is None
    assert blur_warning({"train": 3.0}) is None


def test_each_part_has_its_own_median_and_images_without_part_theirs() -> None:
    values = np.array([1.0, 2.0, 9.0, 5.0, 7.126])
    medians = by_split(values, np.array(["train", "train", "train", "", "test"]))
    assert medians == {"": 5.0, "test": 7.13, "train": 2.0}
    text = blur_warning({"": 1.0, "test": 20.0})
    assert text is not None and text.startswith(
        "Images without a split are much blurrier than test"
    )
