"""Every part of the training that a recipe can name, in a whole cell."""

import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest
from fabricated import cell

from attention_fer import recipes
from attention_fer.training import freezing
from attention_fer.training.model import training_model
from benchmarks import tables
from benchmarks.plan.job import Job
from benchmarks.plan.settings import QUICK, Settings, choices, profile, settle
from benchmarks.results.saved_model import MODEL
from benchmarks.results.store import PREDICTIONS
from benchmarks.train.cell import phases, train
from benchmarks.train.network import network
from preprocessing.prepare import prepare

pytestmark = [
    pytest.mark.slow,
    # Keras's JAX variables answer NumPy 2 with this warning.
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
SMALL = {
    "width": 0.125,
    "epochs": 2,
    "train_samples": 32,
    "eval_samples": 16,
    "batch_size": 8,
    "learning_rate": 0.01,
    "optimizer": "adam",
}
SETTINGS = profile("quick", **SMALL)
MIXED = (("mixup", (("alpha", 0.5),)), ("cutmix", (("alpha", 1.0),)))
PARTS = {
    "ema": {"ema": 0.9},
    "sam": {"sam": 0.5},
    "mixed": {"augmentation": MIXED},
    "erased": {"augmentation": (("erasing", (("p", 1.0),)),)},
    "smoothed": {"label_smoothing": 0.3},
    "focal": {"loss": "focal"},
    "weighed": {"class_weights": "balanced"},
    "mixed-and-weighed": {"augmentation": MIXED, "class_weights": "balanced", "loss": "focal"},
    "drawn": {"resample": "median"},
    "decayed": {"optimizer": "adamw", "weight_decay": 0.1},
    "decayed-kernels": {"optimizer": "adamw", "weight_decay": 0.1, "decay_kernels_only": True},
    "cosine": {"schedule": "cosine", "warmup_epochs": 0.5},
    "normalised": {"mean": 0.5, "std": 0.25},
    "resized": {"image_size": 32, "channels": 3},
    "cropped": {"crop_size": 40, "augmentation": (("crop", (("padding", 4),)),)},
    "flip-averaged": {"flip_average": True},
    "frozen": {"freeze": "all"},
    "unfrozen": {"freeze": "all", "unfreeze": ((2, ""),)},
}


def made(dataset, folder, **changes):
    """What a small cell left: metrics and history, and the probabilities of its test images."""
    one = cell(
        backbone=changes.pop("backbone", "cnn_v2"),
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        settings=replace(SETTINGS, **changes),
        backend=keras.backend.backend(),
    )
    folder.mkdir()
    found = train(Job(one, dataset.path, folder, keep=True), dataset, lambda *_, **__: None)
    with np.load(folder / PREDICTIONS) as file:
        return one, found, file["probabilities"]


@pytest.fixture(scope="module")
def plain(dataset, tmp_path_factory):
    return made(dataset, tmp_path_factory.mktemp("plain") / "cell")


@pytest.mark.parametrize("part", PARTS)
def test_each_part_changes_the_training_and_leaves_a_network_that_predicts_what_it_did(
    part, plain, dataset, tmp_path
):
    one, found, probabilities = made(dataset, tmp_path / "cell", **PARTS[part])
    assert [epoch["epoch"] for epoch in found["history"]] == [1, 2]
    assert np.isfinite(probabilities).all() and np.ptp(probabilities) > 0
    assert not np.allclose(probabilities, plain[2], atol=1e-4)
    loaded = keras.saving.load_model(tmp_path / "cell" / MODEL, compile=False)
    with np.load(tmp_path / "cell" / PREDICTIONS) as file:
        images = np.asarray(dataset.images)[file["sample"]]
    again = loaded.predict(images, batch_size=one.settings.batch_size, verbose=0)
    np.testing.assert_allclose(again, probabilities, atol=1e-5)


def test_the_plain_cell_is_the_same_each_time(plain, dataset, tmp_path):
    *_, probabilities = made(dataset, tmp_path / "cell")
    np.testing.assert_allclose(probabilities, plain[2], atol=1e-5)


def weights_of(folder, inner):
    """The stored weights of the network of a cell, by layer."""
    loaded = keras.saving.load_model(folder / "cell" / MODEL, compile=False)
    stored = loaded.get_layer(inner.name)
    return {layer.name: layer.get_weights() for layer in stored.layers if layer.weights}


def start_of(one, dataset):
    """The network as the cell begins with it."""
    keras.utils.set_random_seed(one.seed)
    return network(one, dataset.images.shape[1:], len(dataset.classes))


def moved(one, dataset, folder):
    """The layers whose weights are not those that they began with."""
    inner = start_of(one, dataset)
    stored = weights_of(folder, inner)
    return {
        layer.name
        for layer in inner.layers
        for before, after in zip(layer.get_weights(), stored.get(layer.name, ()), strict=True)
        if not np.array_equal(before, after)
    }


def test_what_is_frozen_stays_and_the_head_learns(dataset, tmp_path):
    one, *_ = made(dataset, tmp_path / "cell", freeze="all")
    assert moved(one, dataset, tmp_path) == {"predictions"}


def test_what_is_released_learns_from_its_epoch_on(dataset, tmp_path):
    one, found, _ = made(dataset, tmp_path / "cell", freeze="all", unfreeze=((2, ""),))
    inner = start_of(one, dataset)
    expected = {layer.name for layer in inner.layers if layer.weights}
    if found["metrics"]["best_epoch"] == 1:  # The network is that of the best epoch.
        expected = {"predictions"}
    assert moved(one, dataset, tmp_path) == expected


def test_an_average_over_many_steps_stays_near_the_start(plain, dataset, tmp_path):
    one, *_ = made(dataset, tmp_path / "cell", ema=0.999)
    inner = start_of(one, dataset)
    stored = weights_of(tmp_path, inner)
    kernels = {
        layer.name: (layer.get_weights()[0], stored[layer.name][0])
        for layer in inner.layers
        if isinstance(layer, keras.layers.Conv2D)
    }
    steps = [np.abs(after - before).max() for before, after in kernels.values()]
    # Adam's first step moves a weight by 0.01, and there the average begins; seven more move a
    # weight on, of which the average takes a thousandth each.
    assert 0.009 < max(steps) < 0.011


def test_the_cosine_ends_at_nothing_with_the_last_step():
    settings = Settings(schedule="cosine", learning_rate=0.5, epochs=4, warmup_epochs=1)
    inner = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    one = training_model(inner, settings, seed=0)
    one.compile(steps=10)
    rate = one.model.optimizer._learning_rate
    assert [float(rate(step)) for step in (0, 5, 10, 40)] == pytest.approx(
        [0, 0.25, 0.5, 0], abs=1e-6
    )


def test_a_warm_up_of_half_an_epoch_takes_half_of_its_steps():
    settings = Settings(schedule="cosine", learning_rate=0.5, epochs=4, warmup_epochs=0.5)
    inner = keras.Sequential(
        [keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    one = training_model(inner, settings, seed=0)
    one.compile(steps=9)
    rate = one.model.optimizer._learning_rate
    # Four and a half steps, rounded to the even number.
    assert [float(rate(step)) for step in (2, 4, 20, 36)] == pytest.approx(
        [0.25, 0.5, 0.25, 0], abs=1e-6
    )


def test_every_part_together(dataset, tmp_path):
    together = {
        **{"ema": 0.9, "sam": 0.05, "augmentation": MIXED, "label_smoothing": 0.1},
        **{"loss": "focal", "class_weights": "effective", "resample": "class-balanced"},
        **{"mean": 0.5, "std": 0.25, "image_size": 32, "channels": 3, "optimizer": "adamw"},
        **{"weight_decay": 0.01, "schedule": "plateau", "freeze": 3, "unfreeze": ((2, ""),)},
    }
    _, found, probabilities = made(dataset, tmp_path / "cell", **together)
    assert len(found["history"]) == 2
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_maps_of_five_bands_are_learned_like_faces(tmp_path):
    maps = prepare(
        "eeg-generated", None, tmp_path / "eeg", subjects=6, trials=4, notice=lambda _: None
    )
    one = cell(
        backbone="mini_resnet",
        dataset=maps.name,
        fingerprint=maps.fingerprint,
        protocol="hold-out",
        settings=settle(choices(recipe="eeg", profile=("quick", QUICK), asked=SMALL)),
        backend=keras.backend.backend(),
    )
    (tmp_path / "cell").mkdir()
    found = train(Job(one, maps.path, tmp_path / "cell"), maps, lambda *_, **__: None)
    assert found["metrics"]["n_test"] == 16
    assert maps.images.shape[1:] == (48, 48, 5)


@pytest.mark.parametrize("backbone", ["vit", "convnext"])
def test_stochastic_depth_is_that_of_the_recipe(backbone, dataset):
    one = cell(backbone=backbone, settings=replace(SETTINGS, drop_path=0.4, image_size=32))
    inner = network(one, dataset.images.shape[1:], 7)
    rates = [layer.rate for layer in inner.layers if type(layer).__name__ == "StochasticDepth"]
    assert max(rates) == pytest.approx(0.4)


def test_what_the_tables_freeze_is_there_and_their_heads_are_trained(dataset):
    checked = 0
    for row in tables.get("transfer").rows:
        # The weights themselves come from elsewhere.
        options = tuple(pair for pair in row.options if pair[0] != "weights")
        settings = settle(choices(recipe=row.recipe, asked={"epochs": 24}, row=dict(row.settings)))
        one = cell(backbone=row.backbone, options=options, settings=settings)
        with keras.StatelessScope(initialize_variables=False):
            inner = network(one, (48, 48, 1), 7)
        for _, _, until in phases(settings):
            frozen = freezing.freeze(inner, until)
            heads = [name for name in frozen if name.startswith("head_") or name == "predictions"]
            assert not heads and bool(frozen) == bool(until), (row.label, until)
            checked += 1
    keras.backend.clear_session()  # Else these variables would get their values after all.
    assert checked == 1 + 4 + 4


@pytest.mark.parametrize("recipe", ["transfer-resnet50", "transfer-vgg16"])
def test_networks_with_weights_of_imagenet_see_pixels_as_these_were_trained(recipe):
    inner = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    )
    one = training_model(inner, recipes.get(recipe), image_shape=(8, 8, 1))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 1), np.uint8)
    expected = keras.applications.vgg16.preprocess_input(pixels.repeat(3, -1).astype("float32"))
    found = keras.ops.convert_to_numpy(one.front(pixels))
    np.testing.assert_allclose(found.mean(-1), expected.mean(-1), atol=1e-3)
    np.testing.assert_allclose(found, expected, atol=11)


@pytest.mark.parametrize("variant", ["corrected", "published"])
def test_stochastic_depth_is_refused_where_there_is_none(variant, dataset):
    settings = replace(SETTINGS, drop_path=0.4)
    one = cell(backbone="vgg16", variant=variant, settings=settings)
    with pytest.raises(ValueError, match="stochastic depth"):
        network(one, dataset.images.shape[1:], 7)


def test_a_process_that_explains_reads_what_a_cell_stored(dataset, tmp_path):
    made(dataset, tmp_path / "cell", channels=3)
    code = "from attention_fer.explain.command.model_file import load_model\n"
    code += "import sys; from pathlib import Path\n"
    code += "print(load_model(Path(sys.argv[1])).input_shape)"
    model = str(tmp_path / "cell" / MODEL)
    done = subprocess.run([sys.executable, "-c", code, model], capture_output=True, text=True)
    assert done.stdout.strip() == "(None, 48, 48, 1)", done.stderr
