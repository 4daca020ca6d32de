"""FERSmall against the network within, by NumPy, and against the predictor that was trained."""

import keras
import numpy as np
import pytest
from layer_probes import to_numpy

from attention_fer import models, recipes
from attention_fer.explain.command import model_file
from attention_fer.explain.command.model_input import infer_input
from attention_fer.explain.maps.class_scores import ClassScores
from attention_fer.explain.maps.gradcam import grad_cam
from attention_fer.explain.maps.running import divide_by_maximum, resize_maps
from attention_fer.models import fer_small
from attention_fer.training.model import training_model


@pytest.fixture(scope="module")
def network():
    """The network within, with outputs that differ between images."""
    found, rng = fer_small.network(seed=1), np.random.default_rng(0)
    for weight in found.weights:
        if "gamma" in weight.path or weight.path.startswith("predictions"):
            weight.assign(rng.uniform(0.3, 1, weight.shape) * rng.choice([-1, 1], weight.shape))
    return found


@pytest.fixture(scope="module")
def pixels():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 6, 6)).astype(float)
    return np.kron(coarse, np.ones((1, 8, 8)))[..., None].round().astype("uint8")


def test_the_front_the_mean_and_the_temperature(network, pixels):
    images = (pixels[:, 2:46, 2:46].astype(float) / 255 - 0.5077) / 0.2550
    views = [to_numpy(network(x.astype("float32"))) for x in (images, images[:, :, ::-1])]
    mean = (views[0].astype(float) + views[1]) / 2
    assert mean.std(0).min() > 1e-3 and np.abs(views[0] - views[1]).max() > 1e-3
    for temperature in (0.6, 1.0, 1.7):
        powers = mean ** (1 / temperature)
        got = to_numpy(fer_small.recogniser(network, temperature)(pixels))
        np.testing.assert_allclose(got, powers / powers.sum(1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize("recipe", ["fer-small", "fer-small-long"])
def test_without_temperature_it_is_the_predictor_that_was_trained(recipe, network, pixels):
    made = training_model(network, recipes.get(recipe), image_shape=(48, 48, 1))
    expected = to_numpy(made.predictor(pixels))
    got = to_numpy(fer_small.recogniser(network)(pixels))
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_pixels_may_have_any_number_type(network, pixels):
    model = fer_small.recogniser(network, 1.3)
    expected = to_numpy(model(pixels))
    for kind in ("float32", "float64", "int32"):
        np.testing.assert_allclose(to_numpy(model(pixels.astype(kind))), expected, atol=1e-6)
    half = pixels.astype("float32") + 0.5  # not rounded
    assert np.abs(to_numpy(model(half)) - expected).max() > 1e-5


def test_certain_outputs_stay_finite(network, pixels):
    sharp = fer_small.network(seed=1)
    sharp.set_weights(network.get_weights())
    kernel, bias = sharp.get_layer("predictions").get_weights()
    sharp.get_layer("predictions").set_weights([1e4 * kernel, bias])
    for temperature in (0.05, 1.0, 20.0):
        got = to_numpy(fer_small.recogniser(sharp, temperature)(pixels))
        assert np.isfinite(got).all()
        np.testing.assert_allclose(got.sum(1), 1, atol=1e-5)


def test_it_is_built_by_name_but_is_no_backbone():
    assert models.recognisers() == ["fer-small"] and "fer-small" not in models.names()
    assert models.options("fer-small")["weights"] is None
    model = models.build("fer-small", classes=3, seed=0)
    assert model.input_shape == (None, 48, 48, 1) and model.output_shape == (None, 3)
    assert models.FERSmall().count_params() == 910_214
    again = models.build("fer-small", classes=3, seed=0)
    x = np.full((1, 48, 48, 1), 99.0, "float32")
    np.testing.assert_array_equal(to_numpy(model(x)), to_numpy(again(x)))


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_a_temperature_is_above_zero(network, temperature):
    with pytest.raises(ValueError, match="temperature must be above 0"):
        fer_small.recogniser(network, temperature)


def test_it_learns(network, pixels):
    """Gradients reach the network through the logarithm and the temperature."""
    model = fer_small.recogniser(fer_small.network(seed=1), 1.3)
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    before = [np.array(w) for w in model.get_weights()]
    model.fit(pixels.astype("float32"), np.arange(6), verbose=0)
    changed = [np.abs(a - b).max() for a, b in zip(before, model.get_weights(), strict=True)]
    assert np.isfinite(changed).all() and np.mean(np.array(changed) > 0) > 0.5


def test_it_is_explained_for_the_image_alone(network, pixels):
    model = fer_small.recogniser(network, 1.7)
    one = model_file.without_mirror_images(model)
    images = ((pixels[:, 2:46, 2:46] / 255 - 0.5077) / 0.2550).astype("float32")
    powers = to_numpy(network(images)).astype(float) ** (1 / 1.7)
    scores = ClassScores(one)
    found = to_numpy(scores.probabilities(pixels.astype("float32")))
    np.testing.assert_allclose(found, powers / powers.sum(1, keepdims=True), atol=1e-5)
    assert scores.squashed
    found = to_numpy(scores.scores(pixels.astype("float32")))
    np.testing.assert_allclose(np.exp(found), powers, rtol=1e-3)
    assert infer_input(model).pixels == "0-255"


def test_class_maps_add_up_to_the_logits_and_their_positive_part_is_grad_cam(network, pixels):
    model = fer_small.recogniser(network, 1.3, class_maps=True)
    found, maps = map(to_numpy, model(pixels))
    np.testing.assert_allclose(found, to_numpy(fer_small.recogniser(network, 1.3)(pixels)), 1e-5)
    images = ((pixels[:, 2:46, 2:46] / 255 - 0.5077) / 0.2550).astype("float32")
    classifier = network.get_layer("predictions")
    logits = maps.mean((1, 2)) + to_numpy(classifier.bias)
    powers = np.exp(logits - logits.max(1, keepdims=True))
    expected = to_numpy(network(images))
    np.testing.assert_allclose(powers / powers.sum(1, keepdims=True), expected, atol=1e-5)
    seen = 0
    for index in range(7):
        positive = divide_by_maximum(resize_maps(np.maximum(maps[..., index], 0), (44, 44)))
        rows = positive.any(axis=(1, 2))  # grad_cam warns of the others
        gradients = grad_cam(network, images[rows], [index] * rows.sum())
        np.testing.assert_allclose(positive[rows], gradients, atol=1e-4)
        seen += rows.sum()
    assert seen > 20
