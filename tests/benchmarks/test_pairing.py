"""What makes the comparison a paired one: equal weights, images and order for equal seeds."""

import json
import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from fabricated import cell

from attention_fer.training import augmentation
from attention_fer.training.distillation import Distillation
from attention_fer.training.freezing import freeze
from attention_fer.training.model import training_model
from benchmarks.plan.settings import profile
from benchmarks.train.callbacks import TrainingSequence
from benchmarks.train.data import DataPart
from benchmarks.train.network import network

# Keras's JAX variables answer NumPy 2 with this warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

ATTENTIONS = ("none", "se", "eca", "cbam")
SETTINGS = profile("quick", width=0.0625)
BACKBONES = pytest.mark.parametrize("backbone", ["vgg16", "resnet50v2"])


def built(backbone, attention, seed, variant="corrected"):
    one = cell(
        backbone=backbone, attention=attention, seed=seed, variant=variant, settings=SETTINGS
    )
    return network(one, (48, 48, 1), 7)


def weights(model):
    return {w.path: value for w, value in zip(model.weights, model.get_weights(), strict=True)}


@BACKBONES
@pytest.mark.parametrize("variant", ["corrected", "published"])
@pytest.mark.parametrize(
    "attention", [*(pytest.param(name, marks=pytest.mark.slow) for name in ("se", "eca")), "cbam"]
)
def test_networks_start_equal_wherever_both_have_a_weight(backbone, variant, attention):
    baseline = weights(built(backbone, "none", 3, variant))
    keras.utils.set_random_seed(99)
    attended = weights(built(backbone, attention, 3, variant))
    assert set(baseline) < set(attended)
    for path, value in baseline.items():
        np.testing.assert_array_equal(attended[path], value, err_msg=path)


@BACKBONES
def test_another_seed_starts_every_kernel_elsewhere(backbone):
    one, other = (weights(built(backbone, "none", seed)) for seed in (3, 4))
    kernels = [path for path in one if path.endswith("kernel")]
    assert len(kernels) > 10
    for path in kernels:
        assert not np.array_equal(one[path], other[path]), path


def test_kernels_of_one_network_are_not_copies_of_each_other():
    kernels = [v for path, v in weights(built("vgg16", "none", 0)).items() if "conv" in path]
    drawn = [value.ravel()[:4].tobytes() for value in kernels if value.any()]
    assert len(set(drawn)) == len(drawn)


def augmented(attention, seed, images, steps=4, settings=SETTINGS):
    """What the backbone is shown in the first training steps."""
    model = training_model(built("vgg16", attention, seed), settings, seed=seed).model
    assert model.layers[-1].name == "vgg16"
    front = keras.Model(model.input, model.layers[-2].output)
    return [keras.ops.convert_to_numpy(front(images, training=True)) for _ in range(steps)]


@pytest.fixture(scope="module")
def images(dataset):
    return np.asarray(dataset.images[:12])


@pytest.mark.parametrize("attention", ATTENTIONS[1:])
def test_all_networks_of_a_seed_are_shown_the_same_pictures(attention, images):
    shown = augmented("none", 5, images)
    keras.utils.set_random_seed(99)
    np.testing.assert_array_equal(augmented(attention, 5, images), shown)


class Recorder(keras.layers.Layer):
    """Keeps every batch that reaches a network, (STEPS, SIZE, 48, 48, 1)."""

    def build(self, input_shape):
        shape = (STEPS, SIZE, *input_shape[1:])
        self.seen = self.add_weight(shape=shape, initializer="zeros", trainable=False)
        self.step = self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False)

    def call(self, inputs):
        if type(inputs.shape[0]) not in (int, type(None)):
            return inputs  # JAX follows the shapes alone, with a symbol for the size of a batch.
        seen, step = map(keras.ops.convert_to_tensor, (self.seen, self.step))
        now = keras.ops.reshape(keras.ops.arange(STEPS) == step, (STEPS, 1, 1, 1, 1))
        self.seen.assign(keras.ops.where(now, inputs[None], seen))
        self.step.assign(self.step + 1)
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape


STEPS, SIZE, SEED = 3, 4, 5
MOVED = (("crop", (("padding", 3),)), ("rotate", (("p", 0.5),)), ("noise", ()), ("noise", ()))
MIXUP = ("mixup", (("alpha", 1.0),))
WAYS = {
    "plain": {},
    "smoothed": {"label_smoothing": 0.1, "class_weights": "balanced", "loss": "focal"},
    "averaged": {"ema": 0.9},
    "frozen": {"freeze": "all"},
    "sharpness-aware": {"sam": 0.05},
    "mixed": {"augmentation": (*MOVED, MIXUP)},
    "soft": {"distillation": Distillation("soft")},
    "hard": {"distillation": Distillation("hard")},
    "all at once": {
        **{"distillation": Distillation("hard"), "sam": 0.05, "ema": 0.9, "freeze": "all"},
        "augmentation": (*MOVED, ("cutmix", ())),
    },
}


def recording():
    inputs = keras.Input((48, 48, 1))
    recorder = Recorder()
    x = keras.layers.AveragePooling2D(8)(recorder(inputs))
    outputs = keras.layers.Dense(7, activation="softmax")(keras.layers.Flatten()(x))
    return keras.Model(inputs, outputs), recorder


def pictures(images, distillation=None, **changes):
    """What reaches a network, and its teacher, in the steps of a real training."""
    settings = replace(SETTINGS, **{"augmentation": MOVED, **changes})
    network, recorder = recording()
    teacher, watching = recording()
    if settings.freeze:
        freeze(network, settings.freeze)
    teaching = {"teacher": teacher, "distillation": distillation} if distillation else {}
    labels = np.arange(len(images)) % 7
    made = training_model(network, settings, seed=SEED, labels=labels, **teaching)
    made.compile()
    part = DataPart(images, labels, np.arange(len(images)))
    batches = TrainingSequence(part, SIZE, SEED, with_labels=made.takes_labels)
    made.model.fit(batches, shuffle=False, verbose=0, callbacks=[batches.epoch_starter()], epochs=1)
    seen = [keras.ops.convert_to_numpy(one.seen) for one in (recorder, watching)]
    return seen if distillation else seen[:1]


@pytest.fixture(scope="module")
def usual(images):
    return pictures(images)[0]


def mixed_by(entry, batches):
    """What the first augmentation of that name makes of batches, in training."""
    (layer,) = augmentation.build((entry,), SEED)
    labels = keras.ops.eye(SIZE)
    return np.stack(
        [
            keras.ops.convert_to_numpy(
                layer({"images": keras.ops.copy(batch), "labels": labels}, training=True)["images"]
            )
            for batch in batches
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_training_sees_the_same_pictures_batch_by_batch(way, usual, images):
    changes = WAYS[way]
    expected = usual
    last = changes.get("augmentation", MOVED)[-1]
    if augmentation.mixes((last,)):
        expected = mixed_by(last, usual)
        assert np.abs(expected - usual).max() > 0.05
    assert np.abs(np.diff(expected, axis=0)).max() > 0.1
    for seen in pictures(images, **changes):
        np.testing.assert_allclose(seen, expected, atol=1e-5)


def test_where_an_augmentation_stands_does_not_change_the_draws_of_the_others(images):
    settings = {"zoom": 0.0, "flip": False}
    first = pictures(images, **settings, augmentation=(("noise", ()), MIXUP))[0]
    second = pictures(images, **settings, augmentation=(MIXUP, ("noise", ())))[0]
    clean = pictures(images, **settings, augmentation=())[0]
    noise = pictures(images, **settings, augmentation=(("noise", ()),))[0] - clean
    np.testing.assert_allclose(second, mixed_by(MIXUP, clean) + noise, atol=1e-5)
    np.testing.assert_allclose(first, mixed_by(MIXUP, clean + noise), atol=1e-5)


@pytest.mark.parametrize("changes", [{}, {"flip": False}, {"zoom": 0.0}])
def test_pictures_change_from_step_to_step_and_with_the_seed(changes, images):
    settings = replace(SETTINGS, **changes)
    five, six = (augmented("none", seed, images, settings=settings) for seed in (5, 6))
    every = [*five, *six]
    for i, one in enumerate(every):
        assert all(np.abs(one - other).max() > 0.05 for other in every[:i])


def test_augmentation_can_be_switched_off(images):
    plain = augmented("none", 5, images, settings=replace(SETTINGS, flip=False, zoom=0.0))
    for shown in plain:
        np.testing.assert_allclose(shown, images / 255, atol=1e-6)


def test_flips_mirror_and_zooms_stay_within_their_limit(images):
    flipped = augmented("none", 5, images, 8, replace(SETTINGS, zoom=0.0))
    scaled = images / 255
    for before, after in zip(scaled, np.swapaxes(flipped, 0, 1), strict=True):
        mirrored = [np.allclose(x, before[:, ::-1], atol=1e-6) for x in after]
        same = [np.allclose(x, before, atol=1e-6) for x in after]
        assert all(np.logical_or(mirrored, same))
        assert any(mirrored) and any(same)
    zoomed = augmented("none", 5, images, 8, replace(SETTINGS, flip=False))
    assert np.abs(np.stack(zoomed) - scaled).max() > 0.1
    assert np.min(zoomed) >= 0 and np.max(zoomed) <= 1


def test_prediction_is_that_of_the_network_on_unaugmented_pixels(images):
    inner = built("vgg16", "cbam", 1)
    made = training_model(inner, SETTINGS, seed=1)
    expected = inner.predict(images.astype("float32") / 255, verbose=0)
    for model in (made.model, made.predictor):
        np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-6)


TWICE = """
import json, pathlib, sys, tempfile
from benchmarks.plan.cell import Cell
from benchmarks.plan.job import Job
from benchmarks.train.cell import train
from preprocessing.dataset import Dataset
dataset = Dataset.open(sys.argv[1])
for spec in json.loads(sys.argv[2]):
    with tempfile.TemporaryDirectory() as folder:
        one, place = Cell.from_spec(spec), pathlib.Path(folder)
        found = train(Job(one, dataset.path, place), dataset, lambda *a, **b: None)
    print(json.dumps([found["history"], found["metrics"]]))
"""


@pytest.mark.slow
def test_a_cell_trained_twice_on_one_thread_gives_the_same_history(dataset, environment):
    settings = profile("quick", width=0.0625, epochs=2, train_samples=32, eval_samples=16)
    one = cell(
        attention="cbam",
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        settings=replace(settings, batch_size=8),
        backend=keras.backend.backend(),
    )
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    specs = json.dumps([one.spec, one.spec, replace(one, seed=1).spec])
    done = subprocess.run(
        [sys.executable, "-c", TWICE, str(dataset.path), specs],
        env={**environment, **threads},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second, other = map(json.loads, done.stdout.splitlines())
    assert first == second
    assert first[0] != other[0]
    assert len(first[0]) == 2
