"""What a recipe makes of a network: its optimizer, and how it is compiled."""

import keras
import numpy as np
import pytest

from attention_fer import models
from attention_fer.recipes import OPTIMIZERS, Recipe
from attention_fer.training import augmentation
from attention_fer.training.inputs import preprocess
from attention_fer.training.model import training_model
from attention_fer.training.optimizers import BUILDERS, optimizer

# Keras's JAX variables answer NumPy 2 with this warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SMALL = {"input_shape": (32, 32, 1), "classes": 7, "width": 0.0625}
PIXELS = np.random.default_rng(0).integers(0, 256, (3, 12, 10, 1), np.uint8)


def linear(height, width):
    """A network whose every input has a weight, and a normalisation without one of them."""
    inputs = keras.Input((height, width, 1))
    x = keras.layers.BatchNormalization(name="norm")(inputs)
    x = keras.layers.Dense(3, activation="softmax", name="dense")(keras.layers.Flatten()(x))
    return keras.Model(inputs, x)


def assert_is(made, kind):
    """Asserts that an optimizer is of that class, or of the one by its name for PyTorch."""
    assert isinstance(made, kind) and type(made).__name__ == kind.__name__


def array(x):
    return np.asarray(keras.ops.convert_to_numpy(x))


@pytest.mark.parametrize(
    ("backbone", "kind", "rate"),
    [("vgg16", keras.optimizers.Adam, 5e-4), ("resnet50v2", keras.optimizers.SGD, 0.05)],
)
def test_by_norm_takes_sgd_with_normalisation_and_adam_without(backbone, kind, rate):
    settings = Recipe(optimizer="by-norm", learning_rate=0.05)
    made = optimizer(settings, models.build(backbone, **SMALL))
    assert_is(made, kind)
    assert float(made.learning_rate) == pytest.approx(rate)


def test_by_norm_finds_normalisation_in_a_network_inside():
    inner = models.build("resnet50v2", **{**SMALL, "include_top": False, "pooling": "avg"})
    outer = keras.Sequential([keras.Input((32, 32, 1)), inner, keras.layers.Dense(7, "softmax")])
    made = optimizer(Recipe(optimizer="by-norm"), outer)
    assert_is(made, keras.optimizers.SGD)


def test_a_network_that_takes_channels_first_is_refused(monkeypatch):
    network = linear(8, 8)
    monkeypatch.setattr(keras.config, "image_data_format", lambda: "channels_first")
    for make in (
        lambda: training_model(network, Recipe(zoom=0, flip=False)),
        lambda: augmentation.build((("crop", ()),), 0),
    ):
        with pytest.raises(ValueError, match="channels_last.*got 'channels_first'"):
            make()


def test_the_published_recipe_has_its_optimizer():
    made = optimizer(Recipe(), models.build("vgg16", **SMALL))
    assert_is(made, keras.optimizers.Adam)
    assert float(made.learning_rate) == pytest.approx(1e-4)


def test_sgd_has_nesterov_momentum():
    made = optimizer(Recipe(optimizer="sgd"), models.build("vgg16", **SMALL))
    assert (made.momentum, made.nesterov) == (0.9, True)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", keras.optimizers.Adam),
        ("rmsprop", keras.optimizers.RMSprop),
        ("adagrad", keras.optimizers.Adagrad),
    ],
)
def test_the_others_have_the_defaults_of_keras_but_for_the_rate(name, kind):
    made = optimizer(Recipe(optimizer=name, learning_rate=0.02), models.build("vgg16", **SMALL))
    expected = kind(0.02).get_config()
    assert_is(made, kind)
    assert {**made.get_config(), "name": ""} == {**expected, "name": ""}


def test_every_optimizer_of_the_recipes_can_be_made():
    assert {*BUILDERS, "by-norm"} == set(OPTIMIZERS)


def test_options_of_compile_reach_the_model():
    inner = models.build("vgg16", **SMALL)
    made = training_model(inner, Recipe())
    made.compile(jit_compile=False, steps_per_execution=4)
    model = made.model
    assert (model.jit_compile, model.steps_per_execution) == (False, 4)


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="cannot compile a zoom")
def test_a_zoom_does_not_keep_a_model_from_being_compiled():
    made = training_model(models.build("vgg16", **SMALL), Recipe(zoom=0.3))
    made.compile()
    # Keras compiles models by itself, but not under PyTorch.
    assert made.model.jit_compile == (keras.backend.backend() != "torch")


def test_a_crop_is_the_middle_of_the_image_in_every_model():
    recipe = Recipe(crop_size=8, mean=0.5, std=0.25, zoom=0.0, flip=False)
    made = training_model(linear(8, 8), recipe, image_shape=(12, 10, 1))
    expected = (PIXELS[:, 2:10, 1:9] / 255 - 0.5) / 0.25
    np.testing.assert_allclose(array(made.front(PIXELS)), expected, atol=1e-5)
    for model in (made.predictor, made.model):
        probabilities = array(model(PIXELS, training=False))
        found = array(made.network(expected.astype("float32"), training=False))
        np.testing.assert_allclose(probabilities, found, atol=1e-5)


def test_a_crop_is_resized_where_an_image_size_is_given():
    recipe = Recipe(crop_size=8, image_size=16)
    made = training_model(linear(16, 16), recipe, image_shape=(12, 10, 1))
    expected = keras.layers.Resizing(16, 16)(PIXELS[:, 2:10, 1:9] / np.float32(255))
    np.testing.assert_allclose(array(made.front(PIXELS)), array(expected), atol=1e-5)


def test_random_crops_are_those_of_the_padded_image():
    recipe = Recipe(crop_size=8, zoom=0, flip=False, augmentation=(("crop", (("padding", 3),)),))
    images = np.repeat(np.random.default_rng(0).random((1, 10, 10, 1)), 1000, 0).astype("float32")
    layers = augmentation.build(recipe.full_augmentation, 0)
    moved = [layer(images, training=True) for layer in layers]
    found = array(preprocess(moved[-1], linear(8, 8), recipe))
    padded = np.pad(images[0, :, :, 0], 2)  # the padding of 3, less one pixel that the crop cuts
    windows = np.lib.stride_tricks.sliding_window_view(padded, (8, 8)).reshape(-1, 64)
    assert len(windows) == 49
    distance = np.abs(found.reshape(1000, 1, 64) - windows).max(-1)
    np.testing.assert_allclose(distance.min(1), 0, atol=1e-6)
    assert set(distance.argmin(1)) == set(range(49))


@pytest.mark.parametrize("changes", [{"crop_size": 8}, {"image_size": 16, "flip_average": True}])
def test_a_predictor_that_is_merely_called_predicts(changes):
    side = changes.get("image_size", 8)
    made = training_model(linear(side, side), Recipe(**changes), image_shape=(12, 10, 1))
    expected = array(made.predictor(PIXELS, training=False))
    np.testing.assert_allclose(array(made.predictor(PIXELS)), expected, atol=1e-6)
    assert not np.allclose(array(made.predictor(PIXELS, training=True)), expected, atol=1e-3)


def test_a_crop_larger_than_the_image_is_refused():
    with pytest.raises(ValueError, match="crop_size.*got 11.*12 x 10"):
        training_model(linear(11, 11), Recipe(crop_size=11), image_shape=(12, 10, 1))


def test_predictions_are_averaged_over_an_image_and_its_mirror_image():
    plain, made = (
        training_model(linear(8, 8), Recipe(crop_size=8, flip_average=on), image_shape=(12, 10, 1))
        for on in (False, True)
    )
    plain.network.set_weights(made.network.get_weights())
    views = [array(plain.predictor(pixels)) for pixels in (PIXELS, PIXELS[:, :, ::-1])]
    np.testing.assert_allclose(array(made.predictor(PIXELS)), np.mean(views, 0), atol=1e-6)
    assert not np.allclose(views[0], views[1], atol=1e-3)
    # Trained on one of the two.
    np.testing.assert_allclose(array(made.model(PIXELS, training=False)), views[0], atol=1e-6)


@pytest.mark.parametrize("kernels_only", [False, True])
@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_weight_decay_spares_scales_and_biases_if_asked_to(name, kernels_only):
    network = linear(8, 8)
    for weight in network.trainable_weights:
        weight.assign(np.ones(weight.shape))
    recipe = Recipe(
        optimizer=name, learning_rate=0.1, weight_decay=0.5, decay_kernels_only=kernels_only
    )
    made = optimizer(recipe, network)
    made.build(network.trainable_variables)
    zeros = [keras.ops.zeros(weight.shape) for weight in network.trainable_variables]
    made.apply(zeros)
    left = {weight.path: array(weight).ravel()[0] for weight in network.trainable_weights}
    decayed = {path for path, value in left.items() if value != 1}
    assert all(value == pytest.approx(0.95) for path, value in left.items() if path in decayed)
    everything = {"norm/gamma", "norm/beta", "dense/kernel", "dense/bias"}
    assert decayed == ({"dense/kernel"} if kernels_only else everything)


def test_averaged_weights_are_validated_as_the_docstring_says():
    def trained(callbacks):
        recipe = Recipe(epochs=2, learning_rate=0.01, ema=0.5, zoom=0.0, flip=False)
        keras.utils.set_random_seed(0)
        made = training_model(linear(12, 10), recipe)
        made.compile(steps=3)
        labels = np.array([0, 1, 2])
        found = made.fit(
            PIXELS,
            labels,
            batch_size=1,
            epochs=2,
            verbose=0,
            validation_data=(PIXELS, labels),
            callbacks=callbacks,
        ).history["val_loss"][-1]
        return found, made.model.evaluate(PIXELS, labels, verbose=0)[0]

    during, after = trained([keras.callbacks.SwapEMAWeights()])
    assert during == pytest.approx(after, rel=1e-5)
    during, same = trained([])
    assert same == pytest.approx(after, rel=1e-5) and abs(during - after) > 1e-3
