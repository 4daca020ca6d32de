import keras
import numpy as np
import pytest
from scipy import ndimage, stats

from attention_fer.recipes import Recipe
from attention_fer.training import augmentation
from attention_fer.training.augmentation.geometric import resampled, sampling_matrix
from attention_fer.training.augmentation.pipeline import apply, build
from attention_fer.training.augmentation.specification import (
    AUGMENTATIONS,
    check,
    complete,
    mixes,
)
from attention_fer.training.model import training_model

RNG = np.random.default_rng(0)
FACES = RNG.random((1, 12, 10, 1)).astype("float32")
MIXING = ("cutmix", "mixup")
OURS = ("affine", "crop", "cutmix", "cutout", "mixup", "randaugment", "solarize")


def array(x):
    return np.array(keras.ops.convert_to_numpy(x))


def layer_of(name, seed=1, **options):
    (layer,) = build(((name, tuple(options.items())),), seed)
    return layer


def result(layer, images, labels=None):
    """What a layer makes of images while training, and of labels where they are given."""
    images = keras.ops.convert_to_tensor(images, "float32")
    if labels is None:
        return array(layer(images, training=True))
    inputs = {"images": images, "labels": keras.ops.convert_to_tensor(labels, "float32")}
    changed = layer(inputs, training=True)
    return array(changed["images"]), array(changed["labels"])


def batch_of(layer, images):
    labels = np.eye(len(images)) if getattr(layer, "mixes_labels", False) else None
    found = result(layer, images, labels)
    return found if labels is None else found[0]


def boxes(inside):
    """Heights and widths of the boxes of True, and whether they are boxes: inside is (n, h, w)."""
    high, wide = inside.any(2), inside.any(1)
    whole = (inside == (high[:, :, None] & wide[:, None])).all()
    for side in (high, wide):
        whole &= (np.diff(side.astype(int), axis=1) == 1).sum(1).max() <= 1
    return high.sum(1), wide.sum(1), whole


def maps(layer, size=41):
    """Of 64 images: the matrix (2, 2) and the shift (2,) from a result's pixel to its source's.

    The coordinates are x and y from the centre; images of coordinates show where pixels came from.
    """
    axis = np.arange(size) - (size - 1) / 2
    y, x = np.meshgrid(axis, axis, indexing="ij")
    # Far enough from its ends that what lies outside the image does not reach the middle.
    image = np.stack([x, y, np.ones_like(x)], -1) / size
    found = result(layer, np.repeat(image[None], 64, 0)) * size
    middle = np.s_[size // 2 - 5 : size // 2 + 6]
    known = np.stack([x[middle, middle].ravel(), y[middle, middle].ravel(), np.ones(121)], 1)
    fits = [np.linalg.lstsq(known, f[middle, middle, :2].reshape(-1, 2))[0].T for f in found]
    return np.array([fit[:, :2] for fit in fits]), np.array([fit[:, 2] for fit in fits])


def spans(values, low, high):
    """Whether values lie between the limits and come near both, as uniform draws do."""
    reach = 0.15 * (high - low)
    return low - 1e-3 <= values.min() <= low + reach and high - reach <= values.max() <= high + 1e-3


# Every kind


def test_the_package_itself_builds_and_applies():
    layers = augmentation.build((("flip", ()), ("crop", (("padding", 2),))), seed=0)
    faces = np.repeat(FACES, 16, 0)
    images = keras.ops.convert_to_tensor(faces)
    np.testing.assert_array_equal(array(augmentation.apply(layers, images, training=False)), faces)
    for layer in layers:  # Without a model around them, ours would change nothing by default.
        assert not np.array_equal(array(augmentation.apply([layer], images, training=True)), faces)
    with pytest.raises(AttributeError, match="no attribute 'bild'"):
        augmentation.bild  # noqa: B018


def test_draws_follow_the_name_and_not_the_place():
    images = np.repeat(RNG.random((1, 12, 10, 1)), 8, 0).astype("float32")
    alone = result(layer_of("crop"), images)
    among = build((("flip", ()), ("noise", ()), ("crop", ())), 1)
    np.testing.assert_array_equal(result(among[2], images), alone)
    # The first of a repeated kind draws as if it were alone, the second does not.
    first, second = build((("crop", ()), ("crop", ())), 1)
    np.testing.assert_array_equal(result(first, images), alone)
    assert not np.array_equal(result(second, images), alone)


@pytest.mark.parametrize(("name", "seed"), [("flip", 11), ("zoom", 12)])
def test_flip_and_zoom_have_the_seeds_of_recorded_results(name, seed):
    assert layer_of(name, 5).seed == seed


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_draws_differ_between_images_and_steps_and_follow_from_the_seed(name, channels):
    options = {"rotate": 20.0} if name == "affine" else {}
    images = np.repeat(RNG.random((1, 12, 10, channels)), 8, 0).astype("float32")
    if name in MIXING:  # A mixture of equal images is that image.
        images = RNG.random((8, 12, 10, channels)).astype("float32")
    first, second = (layer_of(name, 1, **options) for _ in range(2))
    steps = [batch_of(first, images) for _ in range(2)]
    assert steps[0].shape == images.shape and np.isfinite(steps[0]).all()
    assert not np.array_equal(steps[0], steps[1])
    for step in steps:
        np.testing.assert_array_equal(batch_of(second, images), step)
    assert not np.array_equal(batch_of(layer_of(name, 2, **options), images), steps[0])
    changes = steps[0] - images
    assert not (changes == changes[:1]).all(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_nothing_changes_outside_training(name):
    images, labels = keras.Input(FACES.shape[1:]), keras.Input((4,))
    layers = [layer_of(name)]
    # Keras before 3.14 takes no input for an output.
    changed = [keras.layers.Identity()(x) for x in apply(layers, images, labels)]
    faces = keras.ops.convert_to_tensor(np.repeat(FACES, 4, 0))
    given = [faces, keras.ops.eye(4)]
    for before, after in zip(
        given, keras.Model([images, labels], changed)(given, training=False), strict=True
    ):
        np.testing.assert_array_equal(array(before), array(after))


def test_layers_of_one_kind_draw_differently():
    first, second = build((("noise", ()), ("noise", ())), 1)
    assert not np.array_equal(result(first, FACES), result(second, FACES))


@pytest.mark.parametrize("name", [n for n in AUGMENTATIONS if n not in ("flip", "erasing")])
def test_a_part_of_the_images_is_changed(name):
    options = {"affine": {"rotate": 20.0}, "solarize": {"threshold": 0.0}}.get(name, {})
    images = RNG.random((400, 4, 4, 1)).astype("float32")
    layer = layer_of(name, p=0.3, **options)
    if name in MIXING:
        found, labels = result(layer, images, np.eye(400))
        kept = (labels == np.eye(400)).all(1)
        # Rounding changes an image that was mixed with itself.
        np.testing.assert_allclose(found[kept], images[kept], rtol=0, atol=1e-6)
        assert np.abs(found - images)[~kept].max(axis=(1, 2, 3)).mean() > 0.1
        np.testing.assert_allclose(labels.sum(1), 1, rtol=1e-5)
    else:
        kept = (result(layer, images) == images).all(axis=(1, 2, 3))
    # Some are left as they are by what was drawn, but nothing else is.
    assert stats.binomtest(int((~kept).sum()), 400, 0.3, alternative="greater").pvalue > 0.001
    assert (~kept).mean() > 0.1


@pytest.mark.parametrize("name", OURS)
def test_a_layer_of_ours_survives_being_written_down(name):
    layer = layer_of(name, p=0.5)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    images = RNG.random((8, 12, 10, 1)).astype("float32")
    np.testing.assert_array_equal(batch_of(layer, images), batch_of(again, images))


@pytest.mark.slow
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_kind_trains_a_compiled_model(name):
    inputs = keras.Input((12, 10, 3))
    x = keras.layers.Flatten()(inputs)
    inner = keras.Model(inputs, keras.layers.Dense(4, activation="softmax")(x))
    augment = ((name, (("p", 0.5),) if "p" in AUGMENTATIONS[name].options else ()),)
    recipe = Recipe(optimizer="sgd", zoom=0.0, flip=False, augmentation=augment)
    made = training_model(inner, recipe, image_shape=(12, 10, 1))
    made.compile()
    model = made.model
    # Keras compiles what it can: everything, under JAX.
    assert keras.backend.backend() != "jax" or model.jit_compile
    pixels, labels = (FACES * 255).astype("uint8").repeat(8, 0), np.arange(8, dtype="int32") % 4
    data = {"pixels": pixels, "labels": labels} if made.takes_labels else pixels
    losses = model.fit(data, labels, batch_size=4, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all() and losses[0] != losses[1]


# Mixing


def test_mixup_blends_images_and_labels_by_one_factor():
    images = np.eye(256).reshape(256, 16, 16, 1)  # An image shows of whom it is made.
    found, labels = result(layer_of("mixup", alpha=0.4), images, np.eye(256))
    np.testing.assert_allclose(found.reshape(256, 256), labels, atol=1e-6)
    np.testing.assert_allclose(labels.sum(1), 1, rtol=1e-5)
    own = labels.diagonal()[labels.diagonal() < 1]
    assert ((labels > 0).sum(1) <= 2).all() and len(own) > 200
    assert stats.kstest(own, stats.beta(0.4, 0.4).cdf).pvalue > 0.001


def test_cutmix_pastes_a_box_and_gives_labels_its_area():
    values = np.arange(512) / 512
    images = np.broadcast_to(values[:, None, None, None], (512, 16, 12, 1))
    found, labels = result(layer_of("cutmix"), images, np.eye(512))
    area = np.stack([(found[:, :, :, 0] == v).mean(axis=(1, 2)) for v in values], 1)
    np.testing.assert_allclose(labels, area, atol=1e-6)
    foreign = found[:, :, :, 0] != values[:, None, None]
    assert boxes(foreign)[2]
    assert stats.ks_2samp(foreign.mean(axis=(1, 2)), areas_of_the_paper()).pvalue > 0.001


def areas_of_the_paper(height=16, width=12, count=20000):
    """Shares of CutMix's boxes with alpha 1, centred anywhere and cut off at the border."""
    share, rng = 1.0, np.random.default_rng(1)
    side = np.sqrt(1 - rng.beta(1, 1, count))
    for size in (height, width):
        length = np.round(side * size).astype(int)
        start = rng.integers(0, size, count) - length // 2
        share = share * (np.minimum(start + length, size) - np.maximum(start, 0)) / size
    return share


def test_mixing_needs_labels():
    with pytest.raises(ValueError, match="mixes labels"):
        apply([layer_of("mixup")], FACES)


def test_mixes_says_whether_labels_become_soft():
    assert mixes((("flip", ()), ("cutmix", ())))
    assert not mixes((("flip", ()), ("erasing", ())))


# Boxes


def test_cutout_is_a_box_of_its_size_cut_off_at_the_border():
    erased = result(layer_of("cutout", fraction=0.5), np.ones((300, 12, 8, 1)))[..., 0] == 0
    high, wide, whole = boxes(erased)
    assert whole and high.max() == 6 and wide.max() == 4
    # A box around a corner pixel keeps half of its height and of its width.
    assert high.min() == 3 and wide.min() == 2
    assert ((erased.mean(0) > 0) & (erased.mean(0) < 0.7)).all()


def test_erasing_takes_half_of_the_images_and_areas_within_its_range():
    layer = layer_of("erasing", area=(0.04, 0.25), value=0.25)
    found = result(layer, np.ones((400, 40, 40, 1)))[..., 0]
    assert set(np.unique(found)) == {0.25, 1.0}
    erased = (found == 0.25)[(found == 0.25).any(axis=(1, 2))]
    assert stats.binomtest(len(erased), 400, 0.5).pvalue > 0.001
    high, wide, whole = boxes(erased)
    assert whole
    # Sides are between the roots of the areas' limits; rounded to pixels.
    for side in (high, wide):
        assert 8 <= side.min() <= 9 and 19 <= side.max() <= 20


def test_erasing_with_noise():
    found = result(layer_of("erasing", p=1.0, value=None), np.full((20, 20, 20, 1), 2.0))
    noise = found[found != 2]
    assert noise.min() == 0 and noise.max() == 1 and len(np.unique(noise)) > 100


# Geometry


def test_flip_mirrors_half_of_the_images_as_a_whole():
    images = RNG.random((400, 5, 6, 1)).astype("float32")
    found = result(layer_of("flip"), images)
    mirrored = (found == images[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (found == images).all(axis=(1, 2, 3))
    assert (mirrored ^ same).all()
    assert stats.binomtest(int(mirrored.sum()), 400).pvalue > 0.001


@pytest.mark.parametrize(
    "change",
    [
        {"angle": 0.4},
        {"right": 0.25},
        {"down": -0.125},
        {"scale": 1.5},
        {"shear_x": 0.3},
        {"shear_y": -0.2},
        {"angle": -0.3, "right": 0.1, "down": 0.2, "scale": 0.8, "shear_x": 0.2, "shear_y": 0.1},
    ],
)
def test_an_affine_map_is_that_of_scipy(change):
    image = ndimage.gaussian_filter(RNG.random((16, 24)), 1)
    t = {"angle": 0, "right": 0, "down": 0, "scale": 1, "shear_x": 0, "shear_y": 0} | change
    turn = [[np.cos(t["angle"]), -np.sin(t["angle"])], [np.sin(t["angle"]), np.cos(t["angle"])]]
    forward = t["scale"] * np.array(turn) @ [[1, t["shear_x"]], [t["shear_y"], 1]]
    backward = np.linalg.inv(forward)[::-1, ::-1]  # SciPy's axes are y, x.
    centre, shift = np.array([7.5, 11.5]), np.array([t["down"] * 16, t["right"] * 24])
    offset = centre - backward @ (centre + shift)
    expected = ndimage.affine_transform(image, backward, offset, order=1, mode="nearest")
    matrix = sampling_matrix((16, 24), **{k: np.array([v], "float32") for k, v in t.items()})
    tensor = keras.ops.convert_to_tensor(image[None, :, :, None], "float32")
    found = array(resampled(tensor, matrix, "nearest"))[0, :, :, 0]
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_a_positive_angle_turns_clockwise_and_a_shift_goes_right_and_down():
    image = np.zeros((1, 9, 9, 1), "float32")
    image[0, 0, 4] = 1  # Top, middle.
    for change, place in (
        ({"angle": np.pi / 2}, (4, 8)),
        ({"right": 3 / 9, "down": 1 / 9}, (1, 7)),
    ):
        values = {name: np.array([value], "float32") for name, value in change.items()}
        found = array(resampled(image, sampling_matrix((9, 9), **values), "constant"))[0, :, :, 0]
        assert np.unravel_index(found.argmax(), found.shape) == place


def test_affine_draws_within_its_limits():
    options = {"rotate": 8.0, "translate": 0.05, "scale": (0.8, 1.2)}
    matrices, shifts = maps(layer_of("affine", fill="nearest", **options))
    forward = np.linalg.inv(matrices)
    assert spans(np.sqrt(np.linalg.det(forward)), 0.8, 1.2)
    assert spans(np.degrees(np.arctan2(forward[:, 1, 0], forward[:, 0, 0])), -8, 8)
    for axis in range(2):
        moved = -np.einsum("nij,nj->ni", forward, shifts)[:, axis] / 41
        assert spans(moved, -0.05, 0.05)


def test_affine_shears_by_an_angle():
    matrices, _ = maps(layer_of("affine", fill="nearest", shear=10.0))
    assert spans(np.degrees(np.arctan(np.linalg.inv(matrices)[:, 0, 1])), -10, 10)


def test_rotation_is_in_degrees():
    matrices, _ = maps(layer_of("rotate", fill="nearest", degrees=12.0))
    assert spans(np.degrees(np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0])), -12, 12)
    np.testing.assert_allclose(np.linalg.det(matrices), 1, atol=1e-3)


def test_translation_is_a_fraction_of_each_side():
    matrices, shifts = maps(layer_of("translate", fill="nearest", fraction=0.1))
    np.testing.assert_allclose(matrices, np.broadcast_to(np.eye(2), (64, 2, 2)), atol=1e-3)
    assert all(spans(shifts[:, axis] / 41, -0.1, 0.1) for axis in range(2))


def test_zoom_draws_each_axis_by_itself():
    matrices, _ = maps(layer_of("zoom", fill="nearest", fraction=0.2))
    x, y = matrices[:, 0, 0], matrices[:, 1, 1]
    assert spans(x, 0.8, 1.2) and spans(y, 0.8, 1.2)
    assert abs(np.corrcoef(x, y)[0, 1]) < 0.5


def test_shear_is_a_fraction_of_a_pixel_for_each_pixel():
    matrices, _ = maps(layer_of("shear", fill="nearest", fraction=0.2))
    assert spans(matrices[:, 0, 1], -0.2, 0.2) and spans(matrices[:, 1, 0], -0.2, 0.2)


def test_crop_shifts_each_image_by_whole_pixels():
    images = np.repeat(FACES, 300, 0)
    found = result(layer_of("crop", padding=2), images)
    padded = np.pad(FACES[0], ((2, 2), (2, 2), (0, 0)))
    cuts = {(y, x): padded[y : y + 12, x : x + 10] for y in range(5) for x in range(5)}
    often = [sum(np.array_equal(cut, image) for image in found) for cut in cuts.values()]
    assert sum(often) == 300
    assert stats.chisquare(often).pvalue > 0.001


# Brightness


def test_solarize_inverts_what_is_bright():
    found = result(layer_of("solarize", threshold=0.6, p=1.0), FACES)
    np.testing.assert_allclose(found, np.where(FACES >= 0.6, 1 - FACES, FACES))


def test_brightness_is_added_and_clipped():
    images = np.broadcast_to(np.float32([0.05, 0.5])[None, :, None, None], (200, 2, 1, 1))
    found = result(layer_of("brightness", fraction=0.2), images)[:, :, 0, 0]
    assert spans(found[:, 1], 0.3, 0.7)
    np.testing.assert_allclose(found[:, 0], np.maximum(found[:, 1] - 0.45, 0), atol=1e-6)


def test_contrast_scales_the_distance_from_the_mean():
    images = np.broadcast_to(np.float32([0.4, 0.6])[None, :, None, None], (200, 2, 1, 1))
    found = result(layer_of("contrast", fraction=0.3), images)[:, :, 0, 0]
    np.testing.assert_allclose(found.mean(1), 0.5, rtol=1e-5)
    assert spans((found[:, 1] - found[:, 0]) / 0.2, 0.7, 1.3)


def test_noise_has_its_deviation():
    noise = result(layer_of("noise", deviation=0.1), np.full((50, 20, 20, 1), 0.5)) - 0.5
    assert noise.std() == pytest.approx(0.1, rel=0.03) and abs(noise.mean()) < 0.003


# What is refused


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (("cutmx", ()), "Unknown augmentation: 'cutmx'.*Did you mean 'cutmix'"),
        (("rotate", (("degree", 5),)), "option of rotate: 'degree'.*Did you mean 'degrees'"),
        (("rotate", (("degrees", 200),)), "degrees of rotate must be .*180.*200"),
        (("rotate", (("degrees", True),)), "got True"),
        (("affine", (("scale", (1.2, 0.8)),)), "scale of affine must be a pair"),
        (("affine", (("scale", 1.2),)), "got 1.2"),
        (("mixup", (("alpha", 0.0),)), "alpha of mixup must be .*above 0"),
        (("mixup", (("p", float("nan")),)), "p of mixup must be .*nan"),
        (("crop", (("padding", 1.5),)), "whole number.*1.5"),
        (("flip", (("direction", "up"),)), "direction of flip.*horizontal"),
        (("flip", (("p", 0.5),)), "Unknown option of flip: 'p'"),
        (("zoom", (("fraction", 1),)), "fraction of zoom must be .*below 1"),
        (("erasing", (("value", 2),)), "from 0 to 1 or None, got 2"),
        (("noise", (("p", 0.5), ("p", 0.6))), "given once"),
        ("flip", "a name and a tuple.*'flip'"),
        (("rotate", {"degrees": 5}), "a name and a tuple of"),
    ],
)
def test_bad_specifications_are_refused(entry, message):
    with pytest.raises(ValueError, match=message):
        check((entry,))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_defaults_pass_their_own_check(name):
    _, options = complete((name, ()))
    check(((name, tuple(options.items())),))
