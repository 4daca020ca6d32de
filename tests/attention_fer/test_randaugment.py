import keras
import numpy as np
import pytest
from scipy import stats

from attention_fer.training.augmentation import photometric
from attention_fer.training.augmentation.geometric import resampled, sampling_matrix
from attention_fer.training.augmentation.pipeline import build

cv2 = pytest.importorskip("cv2")
Image, ImageEnhance, ImageOps = (
    pytest.importorskip(f"PIL.{name}") for name in ("Image", "ImageEnhance", "ImageOps")
)
RNG = np.random.default_rng(0)
GREY = RNG.integers(20, 200, (12, 10), np.uint8)
COLOUR = RNG.integers(20, 200, (12, 10, 3), np.uint8)


def tensor(image):
    image = image if image.ndim == 3 else image[..., None]
    return keras.ops.convert_to_tensor(image[None] / 255, "float32")


def array(x):
    return np.array(keras.ops.convert_to_numpy(x))


def ours(operation, image, value=None):
    if value is not None:
        value = keras.ops.full((1, 1, 1, 1), value, "float32")
    found = array(operation(tensor(image), value))[0]
    return np.clip(found, 0, 1).reshape(image.shape) * 255


@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
@pytest.mark.parametrize(
    ("operation", "theirs"),
    [
        (photometric.brightness, ImageEnhance.Brightness),
        (photometric.contrast, ImageEnhance.Contrast),
        (photometric.sharpness, ImageEnhance.Sharpness),
        (photometric.colour, ImageEnhance.Color),
    ],
)
def test_blends_are_those_of_pillow(operation, theirs, factor, image):
    expected = np.asarray(theirs(Image.fromarray(image)).enhance(factor), "float32")
    # Theirs rounds the grey, the mean or the smoothed image, and then once more.
    np.testing.assert_allclose(ours(operation, image, factor), expected, atol=2.01)


@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
def test_curves_are_those_of_pillow_and_opencv(image):
    picture = Image.fromarray(image)
    expected = {
        photometric.posterize: (np.asarray(ImageOps.posterize(picture, 3)), 3),
        photometric.solarize: (np.asarray(ImageOps.solarize(picture, 102)), 0.4),
        photometric.autocontrast: (np.asarray(ImageOps.autocontrast(picture)), None),
    }
    for operation, (theirs, value) in expected.items():
        np.testing.assert_allclose(ours(operation, image, value), theirs, atol=1.01)
    planes = [cv2.equalizeHist(plane) for plane in np.moveaxis(np.atleast_3d(image), -1, 0)]
    theirs = np.stack(planes, -1).reshape(image.shape)
    np.testing.assert_allclose(ours(photometric.equalize, image), theirs, atol=0.51)


@pytest.mark.parametrize("operation", [photometric.autocontrast, photometric.equalize])
def test_an_image_of_one_level_stays_as_it_is(operation):
    flat = np.full((12, 10), 90, np.uint8)
    np.testing.assert_allclose(ours(operation, flat), flat, atol=1e-3)


def test_each_image_of_a_batch_is_equalised_by_itself():
    both = keras.ops.concatenate([tensor(GREY), tensor(GREY // 4)])
    found = array(photometric.equalize(both, None))
    np.testing.assert_allclose(found[0, ..., 0] * 255, ours(photometric.equalize, GREY), atol=1e-3)


def expected_results(image):
    """Each result of one operation at magnitude 9, and how often: the operations are as likely."""
    x, grey = tensor(image), image.ndim == 2
    curves = [
        photometric.posterize(x, 4.0),
        photometric.solarize(x, 0.1),
        photometric.autocontrast(x, None),
        photometric.equalize(x, None),
    ]
    found = [(array(x), 2), *((array(curve), 2) for curve in curves)]
    blends = [photometric.brightness, photometric.contrast, photometric.sharpness]
    for operation in blends if grey else [*blends, photometric.colour]:
        found += [(np.clip(array(operation(x, 1 + f)), 0, 1), 1) for f in (-0.81, 0.81)]
    moves = {"angle": np.radians(27), "shear_x": 0.27, "shear_y": 0.27, "right": 0.405}
    for name, most in (moves | {"down": 0.405}).items():
        for sign in (-1, 1):
            matrix = sampling_matrix((12, 10), **{name: np.array([sign * most], "float32")})
            found.append((array(resampled(x, matrix, "constant")), 1))
    return found


@pytest.mark.parametrize("image", [GREY, COLOUR], ids=["grey", "colour"])
def test_one_operation_is_drawn_for_each_image(image):
    (layer,) = build((("randaugment", (("operations", 1), ("magnitude", 9.0))),), 5)
    found = array(layer(keras.ops.repeat(tensor(image), 600, axis=0), training=True))
    often, likely = [], []
    for result, share in expected_results(image):
        often.append(int((np.abs(found - result).max(axis=(1, 2, 3)) < 1e-4).sum()))
        likely.append(share)
    assert sum(often) == 600
    assert stats.chisquare(often, 600 * np.array(likely) / sum(likely)).pvalue > 0.001


def test_operations_follow_each_other():
    (once,) = build((("randaugment", (("operations", 1),)),), 5)
    (twice,) = build((("randaugment", (("operations", 2),)),), 5)
    x = keras.ops.repeat(tensor(GREY), 50, axis=0)
    by_hand = once(once(x, training=True), training=True)
    np.testing.assert_allclose(array(twice(x, training=True)), array(by_hand), atol=1e-6)
