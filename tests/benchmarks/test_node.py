"""A cell on a node, without a cluster: its dataset, its process and its folders."""

import json
import os
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from fabricated import cell
from processes import alive, holder, until

from benchmarks.plan.datasets import digests
from benchmarks.plan.job import Execution, Job
from benchmarks.plan.settings import profile
from benchmarks.run.executors import node
from benchmarks.run.executors.node import cache, find_dataset, pack, unpack, work
from benchmarks.run.executors.process import Process, environment
from preprocessing.dataset.manifest import FILES, IMAGES, MANIFEST


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def shipped(dataset):
    """The packed dataset as the driver sends it, counting how often it is fetched."""

    class Archive:
        fetched = 0

        def __call__(self):
            self.fetched += 1
            return pack(dataset.path, FILES)

    return Archive()


def test_a_dataset_on_a_shared_path_is_used_where_it_lies(dataset, shipped):
    assert find_dataset(dataset.path, dataset.fingerprint, shipped) == dataset.path
    assert shipped.fetched == 0


def test_another_dataset_at_the_same_path_is_not_used(dataset, shipped, tmp_path):
    other = tmp_path / "schematic"
    shutil.copytree(dataset.path, other)
    manifest = json.loads((other / MANIFEST).read_text())
    (other / MANIFEST).write_text(json.dumps({**manifest, "fingerprint": "b" * 64}))
    assert find_dataset(other, dataset.fingerprint, None) is None
    assert find_dataset(other, dataset.fingerprint, shipped) != other


def test_a_dataset_that_is_not_there_is_asked_for_then_unpacked_once(dataset, shipped, tmp_path):
    nowhere = Path("/nowhere")
    assert find_dataset(nowhere, dataset.fingerprint, None) is None
    found = [find_dataset(nowhere, dataset.fingerprint, shipped) for _ in range(2)]
    assert found[0] == found[1] == cache() / "datasets" / dataset.fingerprint
    assert shipped.fetched == 1
    assert {p.name: p.read_bytes() for p in found[0].iterdir()} == {
        name: (dataset.path / name).read_bytes() for name in FILES
    }
    assert find_dataset(nowhere, dataset.fingerprint, None) == found[0]


def test_two_cells_at_once_unpack_it_once(dataset, shipped):
    arguments = (Path("/nowhere"), dataset.fingerprint, shipped)
    threads = [threading.Thread(target=find_dataset, args=arguments) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert shipped.fetched == 1


def test_a_damaged_copy_is_replaced(dataset, shipped):
    folder = find_dataset(Path("/nowhere"), dataset.fingerprint, shipped)
    images = np.load(folder / IMAGES, mmap_mode="r+")
    images[3, 5, 5] ^= 1
    images.flush()
    assert find_dataset(Path("/nowhere"), dataset.fingerprint, None) is None
    assert find_dataset(Path("/nowhere"), dataset.fingerprint, shipped) == folder
    assert (folder / IMAGES).read_bytes() == (dataset.path / IMAGES).read_bytes()
    assert shipped.fetched == 2


def test_what_was_sent_must_be_the_dataset_of_the_cell(shipped):
    with pytest.raises(ValueError, match="hash.*cccccccc"):
        find_dataset(Path("/nowhere"), "c" * 64, shipped)


def test_the_cache_of_another_user_is_refused(monkeypatch):
    assert (cache().stat().st_mode & 0o777) == 0o700
    somebody = os.getuid()
    (cache().with_name("attention-fer-12345")).symlink_to(cache())
    monkeypatch.setattr("os.getuid", lambda: 12345)
    assert somebody != 12345
    with pytest.raises(PermissionError, match="another user"):
        cache()


def test_folders_that_killed_tasks_left_are_removed_and_running_ones_kept():
    with node._working_folder() as running:
        left = cache() / "cells" / "left"
        left.mkdir()
        left.with_suffix(".lock").touch()
        with node._working_folder() as place:
            assert not left.exists() and running.is_dir() and place.is_dir()
    assert list((cache() / "cells").iterdir()) == []


def real_cell(dataset, epochs):
    settings = profile("quick", width=0.0625, epochs=epochs, patience=epochs, batch_size=16,
                       train_samples=32, eval_samples=16)  # fmt: skip
    return cell(dataset="schematic", fingerprint=dataset.fingerprint, settings=settings,
                folds=digests(dataset, "official"))  # fmt: skip


@pytest.mark.slow
def test_a_cell_runs_and_its_folder_comes_back(dataset, shipped, tmp_path):
    events = []
    one = real_cell(dataset, 1)
    job = Job(one, Path("/nowhere"), Path("/nowhere/else"))
    assert work(job, 1, {}, None, events.append) is None
    record, archive = work(job, 1, {}, shipped, events.append)
    assert record["status"] == "done" and record["metrics"]["n_test"] == 16
    assert [e["stage"] for e in events if e["event"] == "stage"][-1] == "test"
    unpack(archive, tmp_path / "home")
    assert {"log.txt", "predictions.npz", "tensorboard"} == {
        path.name for path in (tmp_path / "home").iterdir()
    }
    assert list((cache() / "cells").iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="finds the process in /proc")
def test_an_interrupt_ends_the_cells_process(dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    process = Process(environment("tensorflow", 1, Execution()))
    job = Job(real_cell(dataset, 500), dataset.path, tmp_path)
    number = []

    def interrupted(seconds):
        # What Ray does to a task that is cancelled, once the cell trains.
        if list(tmp_path.glob("tensorboard/*")):
            number.append(holder(tmp_path))
            raise KeyboardInterrupt
        time.sleep(seconds)

    class Thread(threading.Thread):
        def join(self, timeout=None):
            if timeout == 0.2:
                interrupted(timeout)
            else:
                super().join(timeout)

    monkeypatch.setattr(node.threading, "Thread", Thread)
    with pytest.raises(KeyboardInterrupt):
        node._run(process, job, lambda event: None)
    until(lambda: not alive(number[0]), 10)
    assert (tmp_path / "log.txt").is_file()
