"""A short visit to a GPU: what is trained, what travels there, and what comes back."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fabricated import cell, put_done
from PIL import Image

from attention_fer.common.class_names import BASIC
from attention_fer.common.progress import lines
from benchmarks.report.__main__ import read as read_report
from benchmarks.results.store import Store
from benchmarks.visit import bundle, originals, requests, session, unpacking
from benchmarks.visit.__main__ import PLAN, main
from benchmarks.visit.collecting import collect, packed
from benchmarks.visit.outbox import MIB, Outbox
from preprocessing.dataset import Dataset
from preprocessing.prepare import prepare

PROJECT = Path(__file__).resolve().parents[2]
TINY = ["--width", "0.25", "--epochs", "2", "--train-samples", "48", "--eval-samples", "16"]
TINY += ["--batch-size", "16"]
LINES = """
# The first line is worth the most.
attention --backbones cnn_v1 --attentions eca --seeds 2 --save-models

attention --backbones cnn_v1 --attentions none eca
small-cnn --backbones cnn_v1 --attentions none --recipe small-cnn
"""
RIGHT = np.array([True, False, True])


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.txt"
    path.write_text(LINES)
    return path


@pytest.fixture
def planned(plan, dataset, tmp_path):
    return requests.read(plan, data=dataset.path.parent, out=tmp_path / "runs", extra=TINY)


def test_cells_come_in_the_order_of_the_plan_each_once(planned):
    found = [(c.row.attention, c.seed, c.row.recipe) for c in planned.cells]
    assert found == [("eca", 0, ""), ("eca", 1, ""), ("none", 0, ""), ("none", 0, "small-cnn")]
    for one in planned.cells:
        assert (one.backend, one.settings.precision) == ("jax", "mixed_bfloat16")
        assert (one.settings.width, one.settings.epochs) == (0.25, 2)
    roots = [planned.stores[c.slug][0].root.name for c in planned.cells]
    assert roots == ["attention"] * 3 + ["small-cnn"]
    assert planned.keep == {planned.cells[0].slug, planned.cells[1].slug}
    assert planned.todo() == list(planned.cells)


def test_a_finished_cell_is_not_trained_again_though_its_network_stayed_there(planned):
    put_done(planned.stores[planned.cells[0].slug][0], planned.cells[0], RIGHT)
    assert planned.todo() == list(planned.cells[1:])


def test_a_teacher_without_its_network_is_trained_again_for_its_student(dataset, tmp_path):
    path = tmp_path / "plan.txt"
    path.write_text("students --seeds 1")
    planned = requests.read(path, data=dataset.path.parent, out=tmp_path / "runs")
    alone, again, once_more, finer = planned.cells
    assert again.teacher == finer.teacher == alone and once_more.teacher == again
    (store,) = planned.stores[alone.slug]
    for one in (alone, again, once_more):
        put_done(store, one, RIGHT)
    assert planned.todo() == [alone, finer]
    put_done(store, finer, RIGHT)
    assert planned.todo() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# nothing\n", "at least one line"),
        ("\nattention --seeds none", "plan.txt:2 must hold arguments"),
        ("atention", "plan.txt:1: .*attention"),
        ("attention --backbones vgg17", "plan.txt:1: .*vgg16"),
        ("small-cnn\nattention --deterministic", "plan.txt:2 must have the same --deterministic"),
    ],
)
def test_a_line_that_cannot_be_run_is_named(plan, dataset, tmp_path, text, words):
    plan.write_text(text)
    with pytest.raises(ValueError, match=words):
        requests.read(plan, data=dataset.path.parent, out=tmp_path / "runs")


def test_the_plan_begins_with_what_is_shipped_and_ends_with_the_whole_table(dataset, tmp_path):
    planned = requests.read(PLAN, data=dataset.path.parent, out=tmp_path / "runs")
    cells = planned.cells
    shipped = {(c.row.backbone, c.row.attention, c.row.recipe) for c in cells[:5]}
    assert shipped == {("small_resnet", "se", "fer-small-long")}
    assert [c.seed for c in cells[:5]] == list(range(5))
    assert {c.settings.epochs for c in cells[:5]} == {200}
    assert [c.teacher for c in cells[5:8]] == [cells[0], cells[5], cells[0]]
    assert dict(cells[7].row.options) == {"stem_stride": 1}
    grid = {(c.row.backbone, c.row.attention, c.seed) for c in cells[8:32]}
    assert len(grid) == 24 and {name for name, *_ in grid} == {"vgg16", "resnet50v2"}
    assert {c.settings.width for c in cells[8:32]} == {1.0}
    rows = {(c.row.backbone, c.row.attention) for c in cells if not c.row.recipe and not c.seed}
    assert len(rows) == 32
    # The network that is shipped is trained once, for both tables.
    assert [s.root.name for s in planned.stores[cells[0].slug]] == ["attention", "students"]


def test_volumes_are_whole_limited_and_keep_what_was_added(tmp_path):
    files = {}
    for number in range(4):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(bytes([number]) * 400_000)
        files[f"a/{number}.bin"] = path
    box = Outbox(tmp_path / "out", 1.0, 2)
    assert [box.add({name: path}) for name, path in files.items()] == [True] * 4
    assert not box.add({"again": files["a/0.bin"]}), "no room in two volumes of 1 MiB"
    small = tmp_path / "small"
    small.write_bytes(b"small")
    assert box.fill({"big": files["a/0.bin"], "small": small}) == 1
    volumes = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in volumes] == ["visit-1.tar", "visit-2.tar"]
    assert all(path.stat().st_size <= MIB for path in volumes)
    found = {}
    for volume in volumes:
        with tarfile.open(volume) as archive:
            found |= {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
    assert found.pop("small") == b"small"
    assert found == {name: path.read_bytes() for name, path in files.items()}
    with pytest.raises(ValueError, match="volumes at least 1, got 1 and 0"):
        Outbox(tmp_path, 1, 0)


def test_results_come_back_and_do_not_replace_those_that_are_there(tmp_path):
    there, here = Store(tmp_path / "there" / "attention"), Store(tmp_path / "runs" / "attention")
    for seed in range(3):
        put_done(there, cell(seed=seed), RIGHT)
    put_done(here, cell(seed=0), ~RIGHT)
    box = Outbox(tmp_path / "out", 1.0, 1)
    assert all(box.add(packed(result, "attention")) for result in there.results())
    assert "2 new of 3" in collect(tmp_path / "out", tmp_path / "runs")[0]
    assert "0 new of 3" in collect(tmp_path / "out", tmp_path / "runs")[0]
    correct = {r.cell.seed: r.predictions().correct.tolist() for r in here.results()}
    assert correct == {0: (~RIGHT).tolist(), 1: RIGHT.tolist(), 2: RIGHT.tolist()}
    assert here.problems() == []
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["attention"]
    (tmp_path / "out" / "visit-1.tar").write_bytes(b"not a tar file")
    with pytest.raises(ValueError, match="whole tar file"):
        collect(tmp_path / "out", tmp_path / "runs")
    with pytest.raises(FileNotFoundError, match="visit-"):
        collect(tmp_path, tmp_path / "runs")


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """A zip of JPEG files as FER2013 is distributed, and the dataset prepared from it."""
    place = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for number, label in enumerate(BASIC):
        for part, name in ("train", "Training"), ("test", "PublicTest"), ("test", "PrivateTest"):
            folder = place / "raw" / part / label
            folder.mkdir(parents=True, exist_ok=True)
            pixels = np.kron(rng.integers(0, 255, (6, 6)), np.ones((8, 8))).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{name}_{number}.jpg")
    archive = place / "raw.zip"
    with zipfile.ZipFile(archive, "w") as content:
        for path in sorted((place / "raw").rglob("*.jpg")):
            content.write(path, path.relative_to(place / "raw"))
    return archive, prepare("fer2013", archive, place / "data" / "fer2013", notice=str)


def test_originals_become_the_prepared_images_again(photographs, tmp_path):
    archive, dataset = photographs
    path = tmp_path / "mine.tar.xz"
    bundle._compress(dataset, path, archive)
    with tarfile.open(path) as content:
        assert "images.npy" not in content.getnames()
    unpacked = tmp_path / "mine"
    unpacked.mkdir()
    told = []
    unpacking._unpack_dataset(path, unpacked, lines(told.append, "files"))
    assert [text.partition(",")[0] for text in told] == [
        "unpacking mine: 6",
        f"decoding mine: {len(dataset)} of {len(dataset)}",
    ]
    again = Dataset.open(unpacked)
    assert again.fingerprint == dataset.fingerprint
    np.testing.assert_array_equal(again.images, dataset.images)
    assert {p.name for p in unpacked.iterdir()} == {p.name for p in dataset.path.iterdir()}


def test_other_originals_are_refused(photographs, dataset, tmp_path):
    archive, prepared = photographs
    with pytest.raises(ValueError, match="must hold the images of"):
        originals.write(dataset, archive, tmp_path)
    with zipfile.ZipFile(archive) as content:
        names = content.namelist()
        mixed = dict(zip(names, map(content.read, names[1:] + names[:1]), strict=True))
    other = tmp_path / archive.name
    with zipfile.ZipFile(other, "w") as content:
        for name, data in mixed.items():
            content.writestr(name, data)
    with pytest.raises(ValueError, match="must have the pixels"):
        originals.write(prepared, other, tmp_path)


def test_a_bundle_holds_wheels_data_and_results_and_has_a_limit(planned, tmp_path, monkeypatch):
    asked = []

    def download(names, folder, python, machine):
        asked.extend(names)
        folder.mkdir(parents=True)
        (folder / "keras.whl").write_bytes(b"0" * MIB)

    monkeypatch.setattr(bundle, "_download", download)
    monkeypatch.setattr(bundle, "_checkout", lambda: MIB)
    first = planned.cells[0]
    put_done(planned.stores[first.slug][0], first, RIGHT)
    folder = tmp_path / "visit"
    size = bundle.make(folder, planned, python="3.12", machine="x86_64", without=["pillow"])
    assert "keras" in asked and "pillow" not in asked
    assert size.parts["wheels"] == size.parts["checkout"] == MIB
    assert (folder / "data" / "schematic.tar.xz").stat().st_size == size.parts["data"]
    with tarfile.open(folder / "records" / "visit-1.tar") as archive:
        assert {name.split("/")[2] for name in archive.getnames()} == {first.slug}
    card = json.loads((folder / "bundle.json").read_text())
    assert card["packages"] == asked
    assert size.total == sum(size.parts.values()) / MIB > 2
    size.check(64)
    with pytest.raises(ValueError, match=r"must stay under 2 MiB, got 2\."):
        size.check(2)
    with pytest.raises(ValueError, match="schematic"):
        bundle.make(folder, planned, python="3.12", machine="x86_64", raw={"schematics": tmp_path})


def test_another_bundle_in_the_same_folder_brings_its_own_data(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(os, "environ", dict(os.environ))
    for content in ("first", "second", "first"):
        folder = tmp_path / content
        (folder / "data").mkdir(parents=True, exist_ok=True)
        (folder / "bundle.json").write_text('{"revision": null}')
        (tmp_path / "index.csv").write_text(content)
        with tarfile.open(folder / "data" / "faces.tar.xz", "w:xz") as archive:
            archive.add(tmp_path / "index.csv", "index.csv")
        found = unpacking.prepare(folder, tmp_path / "work")
        assert (found.data / "faces" / "index.csv").read_text() == content


def test_a_summary_counts_images_after_the_first_epoch():
    metrics = {"n_train": 1000, "epochs": 5, "accuracy": 0.5}
    timing = {"trace": 30.0, "train": 2.0, "test": 1.0}
    record = {"status": "done", "metrics": metrics, "timing": timing}
    found = session.summarize(cell(), {**record, "provenance": {"accelerators": ["H"]}})
    assert (found["images_per_second"], found["first_epoch"], found["seconds"]) == (2000, 30, 33)
    found = session.summarize(cell(), {"status": "failed", "error": "a reason"})
    assert (found["status"], found["error"]) == ("failed", "a reason")


def test_wrong_arguments_are_told(tmp_path, capsys):
    assert main(["run", "--folder", str(tmp_path), "--minutes", "1", "--out", "x"]) == 2
    assert "benchmarks.visit bundle" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["bundle", "--raw", "fer2013"])
    assert "NAME=PATH" in capsys.readouterr().err


@pytest.mark.slow
def test_a_visit_that_is_killed_and_one_that_runs_out_of_time_lose_no_finished_cell(
    plan, dataset, environment, tmp_path
):
    pytest.importorskip("jax")
    folder, runs, where = tmp_path / "visit", tmp_path / "runs", dataset.path.parent
    quiet = {**environment, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONWARNINGS": ""}
    extra = ["--", "--precision", "float32", *TINY]

    def command(*arguments):
        visit = [sys.executable, "-m", "benchmarks.visit", *map(str, arguments)]
        return [*visit, "--folder", str(folder), *([] if "collect" in visit else extra)]

    def call(*arguments):
        done = subprocess.run(
            command(*arguments), env=quiet, cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode in (0, 1), done.stderr
        return done

    def pack():
        without = ["--without", *bundle.PACKAGES, "--runs", runs]
        call("bundle", "--data", where, "--plan", plan, *without)

    pack()
    first = command("run", "--minutes", 10, "--out", tmp_path / "1", "--plan", plan, "--jobs", 1)
    process = subprocess.Popen([*first[:-len(extra)], "--work", str(tmp_path / "w1"), *extra],
                               env=quiet, cwd=PROJECT, stdout=subprocess.DEVNULL)  # fmt: skip
    summary = tmp_path / "1" / "summary.json"
    while not summary.exists():
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    call("collect", tmp_path / "1", "--runs", runs)
    stored = list(Store(runs / "attention").results())
    assert len(stored) >= 1 and all(result.done and result.saved for result in stored)
    pack()
    again = ["run", "--work", tmp_path / "w2", "--plan", plan, "--jobs", 1]
    cut = call(*again, "--minutes", 0.4, "--out", tmp_path / "2")
    assert cut.returncode == 1 and "cells are left" in cut.stdout
    done = call(*again, "--minutes", 10, "--out", tmp_path / "3")
    assert done.returncode == 0 and "Nothing is left" in done.stdout
    trained = json.loads((tmp_path / "3" / "summary.json").read_text())
    assert len(trained["trained"]) <= 4 - len(stored) and trained["left"] == []
    for result in stored:
        assert result.cell.slug not in {one["slug"] for one in trained["trained"]}
    for number in (2, 3):
        call("collect", tmp_path / str(number), "--runs", runs)
    assert len(list(Store(runs / "attention").results())) == 3
    assert len(list(Store(runs / "small-cnn").results())) == 1
    assert read_report(runs / "attention") and list((folder / "cache").iterdir())
