import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from attention_fer.recipes import Recipe
from attention_fer.training.distillation import Distillation
from attention_fer.training.losses import loss
from attention_fer.training.model import training_model
from attention_fer.training.objective import Objective

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (8, 6, 6, 1), np.uint8)
LABELS = RNG.integers(0, 4, 8).astype("int32")
BATCH = {"pixels": PIXELS, "labels": LABELS}
LAYERS = keras.layers
# Computes the loss of soft labels, and mixes none.
MIXING = (("mixup", (("p", 0.0),)),)


def network(shape=(6, 6, 1), heads=1, norm=False):
    inputs = keras.Input(shape)
    x = LAYERS.Flatten()(inputs)
    if norm:
        x = LAYERS.BatchNormalization()(x)
        x = LAYERS.Dropout(0.5, seed=1)(x)
    found = [LAYERS.Dense(4, activation="softmax")(x) for _ in range(heads)]
    return keras.Model(inputs, found[0] if heads == 1 else found)


def array(x):
    return np.asarray(keras.ops.convert_to_numpy(x), "float64")


def of(model, images):
    return [array(x) for x in keras.tree.flatten(model(np.asarray(images, "float32")))]


def training(inner, seed=0, image_shape=None, teacher=None, distillation=None, **recipe):
    """The training model of a recipe without flip and zoom; `MIXING` where nothing else mixes."""
    recipe = Recipe(**{"flip": False, "zoom": 0.0, "augmentation": MIXING, **recipe})
    teaching = {"teacher": teacher, "distillation": distillation}
    return training_model(inner, recipe, seed=seed, image_shape=image_shape, **teaching)


def first_loss(made, **data):
    """The loss that `fit` shows, of a step that changes nothing."""
    made.model.compile(keras.optimizers.SGD(0.0), loss=None)
    history = made.model.fit({**BATCH, **data}, batch_size=8, shuffle=False, verbose=0).history
    return history["loss"][0]


def replayed(model, name, inputs):
    """What the augmentation of a model makes of the inputs in its next step."""
    layer = next(layer for layer in model.layers if layer.name.startswith(name))
    state = array(layer.generator.state)
    found = layer(inputs, training=True)
    layer.generator.state.assign(state)
    return found


def cross_entropy(labels, found):
    return -(labels * np.log(found)).sum(-1)


def test_the_loss_is_that_of_the_labels():
    inner = network()
    made = training(inner, label_smoothing=0.1)
    (found,) = of(inner, PIXELS / 255)
    expected = cross_entropy(np.eye(4)[LABELS] * 0.9 + 0.025, found).mean()
    assert first_loss(made) == pytest.approx(expected, rel=1e-5)


def test_a_step_is_that_of_a_model_compiled_with_the_loss():
    inner = network()
    start = inner.get_weights()
    model = training(inner).model
    model.compile(keras.optimizers.SGD(0.1), loss=None, metrics=["sparse_categorical_accuracy"])
    logs = model.fit(BATCH, LABELS, batch_size=8, verbose=0).history
    after = inner.get_weights()
    inner.set_weights(start)
    inner.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy")
    usual = inner.fit(PIXELS / np.float32(255), LABELS, batch_size=8, verbose=0).history
    assert logs["loss"] == pytest.approx(usual["loss"], rel=1e-5)
    assert 0 <= logs["sparse_categorical_accuracy"][0] <= 1
    for ours, theirs in zip(after, inner.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_labels_are_mixed_with_the_images():
    inner = network()
    made = training(inner, seed=3, augmentation=(("mixup", (("alpha", 1.0),)),))
    # Images that say their class, so that what became of them says what the label must be.
    flat = np.full((8, 6, 6, 1), 0, np.uint8)
    flat[np.arange(8), 0, LABELS] = 255
    soft = keras.ops.one_hot(LABELS, 4)
    mixed = replayed(made.model, "mix_up", {"images": flat.astype("float32") / 255, "labels": soft})
    images = array(mixed["images"])
    expected = cross_entropy(images[:, 0, :4, 0], of(inner, images)[0]).mean()
    assert first_loss(made, pixels=flat) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("heads", [1, 2])
def test_a_student_learns_from_a_teacher_who_sees_the_same_images(heads):
    inner, teacher = network(heads=heads), network((3, 3, 3), norm=True)
    made = training(
        inner,
        augmentation=(("cutout", (("fraction", 0.5),)),),
        mean=0.5,
        std=0.25,
        teacher=teacher,
        distillation=Distillation("hard", weight=0.25),
    )
    images = array(replayed(made.model, "cutout", PIXELS / np.float32(255)))
    assert (images == 0).any(axis=(1, 2, 3)).all()
    # The teacher normalises images itself.
    small = keras.ops.image.resize(np.repeat(images, 3, -1).astype("float32"), (3, 3))
    found = of(inner, (images - 0.5) / 0.25)
    goal = np.eye(4)[of(teacher, array(small))[0].argmax(-1)]
    labels = cross_entropy(np.eye(4)[LABELS], found[0])
    expected = (0.75 * labels + 0.25 * cross_entropy(goal, found[-1])).mean()
    assert first_loss(made) == pytest.approx(expected, rel=1e-4)


def test_a_teacher_learns_nothing():
    teacher = network(norm=True)
    model = training(network(), teacher=teacher, distillation=Distillation()).model
    before = teacher.get_weights()
    model.compile(keras.optimizers.SGD(1.0), loss=None)
    model.fit(BATCH, batch_size=4, verbose=0)
    assert len(model.trainable_variables) == 2
    for old, new in zip(before, teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("heads", [1, 2])
def test_the_predicting_model_shares_the_weights_and_augments_nothing(heads):
    inner = network(heads=heads)
    augment = (("cutout", (("fraction", 1.0),)), ("flip", ()), ("cutmix", ()))
    taught = {"teacher": network(), "distillation": Distillation()} if heads == 2 else {}
    made = training(inner, augmentation=augment, **taught)
    model, predicting = made.model, made.predictor
    model.compile(keras.optimizers.SGD(1.0), loss=None)
    model.fit(BATCH, batch_size=4, verbose=0)
    found = predicting.predict(PIXELS, verbose=0)
    np.testing.assert_allclose(found, np.mean(of(inner, PIXELS / 255), 0), rtol=1e-5)
    np.testing.assert_allclose(found, model.predict(BATCH, verbose=0), rtol=1e-5)


def test_pixels_are_normalised_resized_and_copied():
    inner = network((12, 12, 3))
    predicting = training(inner, image_shape=(6, 6, 1), mean=0.5, std=0.25).predictor
    images = np.repeat((PIXELS / 255 - 0.5) / 0.25, 3, -1).astype("float32")
    resized = keras.ops.image.resize(images, (12, 12), interpolation="bilinear")
    expected = of(inner, array(resized))[0]
    np.testing.assert_allclose(predicting.predict(PIXELS, verbose=0), expected, rtol=1e-4)


def test_an_objective_survives_being_written_down():
    made = Objective(loss("focal", gamma=1.0), Distillation("hard", weight=0.25))
    again = Objective.from_config(made.get_config())
    assert again.distillation == made.distillation
    inputs = [RNG.dirichlet(np.ones(4), 3).astype("float32") for _ in range(3)]
    for layer in (made, again):
        layer(inputs)
    assert float(made.losses[0]) == pytest.approx(float(again.losses[0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"teacher": network()}, "together"),
        ({"distillation": Distillation()}, "together"),
        ({"inner": network(heads=2)}, "needs a teacher"),
        ({"inner": network(heads=3)}, "probabilities .batch, classes."),
        ({"image_shape": (6, 6, 2)}, "1 or 1 channels, got 2"),
        ({"class_weights": "balanced"}, "class_weights need the labels"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        training(**{"inner": network(), **options})


def test_an_objective_refuses_a_teacher_it_does_not_expect():
    with pytest.raises(ValueError, match="got 3 inputs with distillation=None"):
        Objective(loss())([np.ones((1, 2), "float32")] * 3)


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's strategy")
@pytest.mark.parametrize("how", ["plain", "sam"])
def test_two_devices_lose_as_much_as_one(how):
    one, two = (_replicated(count, how) for count in (1, 2))
    np.testing.assert_allclose(one, two, rtol=1e-4)
    assert one[0] > one[-1]


def _replicated(count, how):
    script = Path(__file__).parent / "mirrored.py"
    environment = {**os.environ, "PYTHONPATH": str(script.parents[2]), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, script, str(count), how],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
