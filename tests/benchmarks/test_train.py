"""Training one cell: what it reads and when, and what it leaves."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from fabricated import cell

from attention_fer.models.multiply_adds import multiply_adds
from benchmarks.plan import datasets
from benchmarks.plan.job import Job
from benchmarks.plan.settings import profile
from benchmarks.results.predictions import PREDICTIONS, read_predictions
from benchmarks.train.callbacks import BestWeights
from benchmarks.train.cell import train
from benchmarks.train.network import network

# Keras's JAX variables answer NumPy 2 with this warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SETTINGS = profile("quick", width=0.0625, epochs=2, train_samples=24, eval_samples=12, batch_size=8)


class Watched(np.memmap):
    """A memory-mapped array that tells of each access which rows it asks for."""

    def __getitem__(self, index):
        if getattr(self, "tell", None) is not None:
            self.tell(index)
        return super().__getitem__(index)


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory):
    """A cell, its result, its folder, and all that happened in its order."""
    folder = tmp_path_factory.mktemp("cell")
    path = folder / "watched.npy"
    np.save(path, dataset.images)
    watched = np.load(path, mmap_mode="r+").view(Watched)
    rows = datasets.split(dataset, "official")
    # Until the epoch is chosen the test images are not even in the file.
    np.ndarray.__setitem__(watched, rows["test"], 0)
    events = []
    watched.tell = lambda index: events.append(("read", frozenset(np.ravel(index).tolist())))

    def notify(kind, **content):
        if content.get("stage") == "test":
            np.ndarray.__setitem__(watched, rows["test"], np.asarray(dataset.images)[rows["test"]])
        events.append((kind, content.get("stage")))

    restore = BestWeights.restore

    def restored(self):
        events.append(("choice", self.epoch))
        restore(self)

    one = cell(
        attention="se",
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        settings=SETTINGS,
        backend=keras.backend.backend(),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BestWeights, "restore", restored)
        found = train(Job(one, path, folder), replace(dataset, images=watched), notify)
    return one, found, folder, events


def test_the_test_images_are_read_once_and_after_the_choice(trained, dataset):
    *_, events = trained
    rows = {
        name: set(found.tolist()) for name, found in datasets.split(dataset, "official").items()
    }
    reads = [(place, read) for place, (kind, read) in enumerate(events) if kind == "read"]
    (choice,) = [place for place, (kind, _) in enumerate(events) if kind == "choice"]
    before = [read for place, read in reads if place < choice]
    for read, name in zip(before, ("train", "validation"), strict=True):
        assert read and read <= rows[name], name
    ((place, read),) = [(place, read) for place, read in reads if place > choice]
    assert events[place - 1] == ("stage", "test")
    assert len(read) == 12 and read <= rows["test"]


def test_predictions_are_of_the_real_test_images(trained, dataset):
    _, found, folder, _ = trained
    with np.load(folder / PREDICTIONS) as file:
        np.testing.assert_array_equal(file["labels"], dataset.labels[file["sample"]])
        assert len(np.unique(file["probabilities"], axis=0)) > 6
        right = file["probabilities"].argmax(axis=1) == file["labels"]
    assert found["metrics"]["accuracy"] == right.mean()


def test_the_best_epoch_is_that_of_the_history(trained):
    _, found, *_ = trained
    accuracy = [epoch["val_accuracy"] for epoch in found["history"]]
    assert [epoch["epoch"] for epoch in found["history"]] == [1, 2]
    assert found["metrics"]["best_epoch"] == accuracy.index(max(accuracy)) + 1
    assert found["metrics"]["validation_accuracy"] == max(accuracy)


def test_size_and_cost_are_those_of_the_network(trained, dataset):
    one, found, *_ = trained
    built = network(one, dataset.images.shape[1:], 7)
    assert found["metrics"]["parameters"] == built.count_params()
    assert found["metrics"]["multiply_adds"] == multiply_adds(built)


def test_every_part_of_the_time_is_there(trained):
    _, found, *_ = trained
    timing = found["timing"]
    assert list(timing) == ["load", "build", "trace", "train", "test", "store"]
    assert all(0 <= seconds < 300 for seconds in timing.values())
    assert timing["trace"] > timing["load"]


def test_another_content_is_refused(dataset, tmp_path):
    one = cell(dataset=dataset.name, fingerprint="0" * 64, settings=SETTINGS)
    with pytest.raises(ValueError, match="fingerprint must be"):
        train(Job(one, dataset.path, tmp_path), dataset, lambda *_, **__: None)
    target = replace(one.target, fingerprint=dataset.fingerprint, folds=("0" * 10,))
    one = replace(one, target=target)
    with pytest.raises(ValueError, match="split official .* must not change"):
        train(Job(one, dataset.path, tmp_path), dataset, lambda *_, **__: None)


@pytest.mark.slow
def test_a_warm_start_begins_with_the_weights_of_the_teacher(dataset, tmp_path):
    def trained(name, taught_in=None, **changes):
        one = cell(
            backbone="small_resnet",
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            backend=keras.backend.backend(),
            **changes,
        )
        folder = tmp_path / name
        folder.mkdir()
        job = Job(one, dataset.path, folder, teacher=taught_in, keep=True)
        train(job, dataset, lambda *_, **__: None)
        return one, read_predictions(folder / PREDICTIONS).probabilities

    teacher, goal = trained("teacher", settings=SETTINGS)
    still = replace(SETTINGS, epochs=1, learning_rate=1e-9, norm_momentum=0.9999)
    student = {"settings": still, "seed": 1, "distillation": {"kind": "soft"}}
    folder = tmp_path / "teacher"
    for warm in (True, False):
        one, found = trained(
            f"student-{warm}",
            folder,
            teacher=teacher,
            warm_start=warm,
            **student,
        )
        assert np.allclose(found, goal, atol=0.002) == warm
        assert ("warm start" in one.label) == warm
