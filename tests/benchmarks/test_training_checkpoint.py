"""A killed training goes on after its last whole epoch, and ends as an uninterrupted one."""

import json
import os
import signal
from dataclasses import replace

import keras
import numpy as np
import pytest
from fabricated import cell
from processes import folders, holder, started, training, until
from tensorboard_reading import read

from benchmarks.plan.job import Job
from benchmarks.plan.settings import profile
from benchmarks.results.store import PREDICTIONS, Store
from benchmarks.train import checkpoint
from benchmarks.train.cell import train

# Keras's JAX variables answer NumPy 2 with this warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SETTINGS = profile(
    "quick",
    width=0.125,
    epochs=4,
    train_samples=32,
    eval_samples=16,
    batch_size=8,
    learning_rate=0.01,
    optimizer="adam",
    flip=True,
)
CROP = (("crop", (("padding", 4),)), ("erasing", ()))
# What each part remembers from epoch to epoch, and the epoch in which it is interrupted.
PARTS = {
    "averages": (3, {"ema": 0.9, "optimizer": "adamw", "weight_decay": 0.1}),
    "cosine": (2, {"schedule": "cosine", "warmup_epochs": 0.5, "augmentation": CROP}),
    "plateau": (4, {"schedule": "plateau", "plateau_patience": 0, "plateau_factor": 0.5}),
    "patience": (3, {"patience": 1, "learning_rate": 1e-9}),
    "frozen": (2, {"freeze": "all", "unfreeze": ((3, ""),)}),
    "released": (4, {"freeze": "all", "unfreeze": ((3, ""),)}),
    "mixed": (3, {"augmentation": (("mixup", ()),)}),
}


class InterruptionError(Exception):
    pass


def interrupting(epoch):
    """A receiver of events that ends the training at the end of an epoch."""

    def notify(kind, **content):
        if kind == "step" and (content["epoch"], content["step"]) == (epoch, content["steps"]):
            raise InterruptionError

    return notify


def quiet(*_, **__):
    pass


@pytest.fixture
def each_epoch(monkeypatch):
    """Stores every epoch, however long it takes."""
    monkeypatch.setattr(checkpoint, "SHARE", 1e9)


@pytest.fixture
def job(dataset, tmp_path):
    """Makes a job with a folder of its own."""

    def make(name, **changes):
        one = cell(
            backbone="cnn_v2",
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            settings=replace(SETTINGS, **changes),
            backend=keras.backend.backend(),
        )
        folder = tmp_path / name
        folder.mkdir()
        stored = tmp_path / "stored" / "state.npz"
        return Job(one, dataset.path, folder, checkpoint=stored)

    return make


def probabilities(job):
    with np.load(job.folder / PREDICTIONS) as file:
        return file["probabilities"]


SLOW = [pytest.param(part, marks=pytest.mark.slow) for part in PARTS if part != "averages"]


@pytest.mark.parametrize("part", ["averages", *SLOW])
def test_ends_as_an_uninterrupted_training(part, job, dataset, each_epoch):
    epoch, changes = PARTS[part]
    whole = replace(job("whole", **changes), checkpoint=None)
    expected = train(whole, dataset, quiet)
    with pytest.raises(InterruptionError):
        train(job("killed", **changes), dataset, interrupting(epoch))
    again = job("again", **changes)
    found = train(again, dataset, quiet)
    assert found["resumed"] == [epoch - 1] and expected["resumed"] == []
    assert found["history"] == expected["history"]
    assert found["metrics"] == expected["metrics"]
    np.testing.assert_array_equal(probabilities(again), probabilities(whole))
    curves, all_of_them = (read(of.folder / "tensorboard") for of in (again, whole))
    for tag in ("loss/train", "accuracy/validation", "learning_rate"):
        assert curves[tag] == all_of_them[tag]


@pytest.mark.slow
def test_goes_on_twice_and_counts_the_seconds_of_all_attempts(job, dataset, each_epoch):
    for name, epoch in (("first", 2), ("second", 3)):
        with pytest.raises(InterruptionError):
            train(job(name), dataset, interrupting(epoch))
    path = job("look").checkpoint
    with np.load(path) as stored:
        seconds = json.loads(stored["content"].tobytes())["seconds"]
    found = train(job("third"), dataset, quiet)
    assert found["resumed"] == [1, 2]
    assert found["timing"]["train"] > seconds > 0


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "nonsense", "another version"])
def test_starts_again_and_says_why(damage, job, dataset, each_epoch, monkeypatch):
    killed = job("killed")
    with pytest.raises(InterruptionError):
        train(killed, dataset, interrupting(3))
    content = killed.checkpoint.read_bytes()
    if damage == "cut":
        killed.checkpoint.write_bytes(content[: len(content) // 2])
    elif damage == "nonsense":
        killed.checkpoint.write_bytes(b"nonsense")
    else:
        monkeypatch.setattr("benchmarks.train.cell.versions", lambda: {"keras": "0"})
    notes = []

    def notify(kind, **content):
        if kind == "note":
            notes.append(content["note"])

    found = train(job("again"), dataset, notify)
    assert found["resumed"] == [] and [e["epoch"] for e in found["history"]] == [1, 2, 3, 4]
    (note,) = notes
    reason = "differs in versions" if "version" in damage else "cannot be read"
    assert note.startswith(f"starts again: its checkpoint {reason}")


def test_is_written_seldom_where_writing_takes_long(monkeypatch, tmp_path):
    """With ten seconds for an epoch and one for writing, one epoch in five is stored."""
    now, written = [0.0], []

    def write(self, epoch):
        written.append(epoch)
        now[0] += 1.0
        self._written, self._cost = now[0], 1.0

    monkeypatch.setattr(checkpoint.TrainingCheckpoint, "_write", write)
    monkeypatch.setattr(checkpoint.TrainingCheckpoint, "_arrays", lambda self: {})
    callback = checkpoint.TrainingCheckpoint(
        tmp_path / "state.npz", {}, best=None, history=None, log=None, clock=lambda: now[0]
    )
    for epoch in range(20):
        callback.on_epoch_begin(epoch)
        now[0] += 10.0
    assert written == [1, 6, 11, 16]


@pytest.mark.slow
def test_a_killed_run_goes_on(command, run, environment, tmp_path):
    arguments = ("--attentions", "none", "--epochs", "40")
    with started(command(tmp_path, *arguments), environment) as process:
        until(lambda: training(tmp_path))
        until(lambda: folders(tmp_path, ".checkpoints/[!.]*.npz"))
        (folder,) = folders(tmp_path, "*.partial")
        os.kill(until(lambda: holder(folder)), signal.SIGKILL)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = Store(tmp_path / "attention").results()
    (after,) = result.record["resumed"]
    assert 0 < after < len(result.record["history"])
    assert not folders(tmp_path, ".checkpoints*")
