"""The command with real networks: plan, results, failures and resuming."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.plan import datasets
from benchmarks.plan.cell import Cell
from benchmarks.plan.copies import TrainingCopies
from benchmarks.plan.settings import profile
from benchmarks.results import copies_file
from benchmarks.results.store import Store
from benchmarks.run.__main__ import main
from benchmarks.train import data


@pytest.fixture(scope="module")
def finished(run, tmp_path_factory):
    """A run of two cells, two epochs each, and its output folder."""
    out = tmp_path_factory.mktemp("finished")
    done = run(out, "--attentions", "none", "se", "--epochs", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return out, done


def results_of(out):
    return Store(out / "attention").results()


def results(out):
    return {result.cell.row.attention: result for result in results_of(out)}


def stamps(out):
    return {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file() and "-s" in str(p)}


def test_a_dry_run_shows_the_plan_and_runs_and_writes_nothing(dataset, tmp_path, capsys):
    arguments = ["--table", "attention", "--data", str(dataset.path.parent), "--seeds", "2"]
    out = tmp_path / "runs"
    assert main([*arguments, "--out", str(out), "--dry-run", "--profile", "quick"]) == 0
    assert "64 cells, 0 done, 64 to run" in capsys.readouterr().out
    assert not out.exists()


def test_a_result_has_the_fixed_keys_and_its_provenance(finished, dataset):
    for result in results(finished[0]).values():
        record = json.loads((result.path / "result.json").read_text())
        assert set(record) == {
            "schema_version", "spec", "status", "metrics", "history", "gates", "resumed",
            "provenance",
            "timing", "files",
        }  # fmt: skip
        assert record["status"] == "done"
        assert Cell.from_spec(record["spec"]).slug == result.path.name
        assert record["spec"]["fingerprint"] == dataset.fingerprint
        assert record["provenance"]["versions"]["keras"]
        assert [line["epoch"] for line in record["history"]] == [1, 2]
        assert all(
            record["timing"][lap] >= 0 for lap in ("start", "load", "build", "trace", "train")
        )


def test_stored_predictions_are_of_the_test_part_and_give_the_stored_accuracy(finished, dataset):
    settings = profile("quick", train_samples=32, eval_samples=16)
    part = data.load_part(dataset, datasets.split(dataset, "official"), "test", settings)
    for result in results(finished[0]).values():
        with np.load(result.path / "predictions.npz") as file:
            np.testing.assert_array_equal(file["sample"], part.sample)
            np.testing.assert_array_equal(file["labels"], dataset.labels[part.sample])
            np.testing.assert_array_equal(file["subject"], dataset.subjects[part.sample])
            assert not file["duplicate"].any()
            probabilities = file["probabilities"]
        assert probabilities.shape == (16, len(dataset.classes))
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
        metrics = result.record["metrics"]
        assert metrics["accuracy"] == np.mean(probabilities.argmax(axis=1) == part.labels)
        picked = probabilities[np.arange(16), part.labels].astype(float)
        assert metrics["loss"] == pytest.approx(-np.log(picked).mean(), rel=1e-4)
        best = max(result.record["history"], key=lambda line: line["val_accuracy"])
        assert metrics["best_epoch"] == best["epoch"]
        assert metrics["validation_accuracy"] == best["val_accuracy"]
        counts = [metrics[key] for key in ("n_train", "n_validation", "n_test")]
        assert counts == [32, 16, 16]


@pytest.mark.slow
def test_a_control_that_cannot_be_widened_is_the_plain_network_and_not_trained_again(run, tmp_path):
    done = run(tmp_path, "--attentions", "none", "eca", "--control")
    assert done.returncode == 0, done.stdout + done.stderr
    stored = {(of.cell.row.attention, of.cell.row.matched): of for of in results_of(tmp_path)}
    plain, attentive, control = (
        stored[key] for key in [("none", ""), ("eca", ""), ("none", "eca")]
    )
    assert f"equals {plain.path.name}" in " ".join(done.stdout.split())
    assert control.record["equals"] == plain.path.name
    assert control.record["metrics"] == plain.record["metrics"] != attentive.record["metrics"]
    found, expected = (of.predictions().probabilities for of in (control, plain))
    np.testing.assert_array_equal(found, expected)
    assert "equals" not in plain.record | attentive.record


def test_a_run_stores_which_test_images_equal_a_training_image(finished, dataset):
    (target,) = {result.cell.target for result in Store(finished[0] / "attention").results()}
    folds = datasets.digests(dataset, "official")
    stored = copies_file.read(finished[0] / "attention", replace(target, folds=folds))
    assert stored == TrainingCopies()


def test_tensorboard_shows_the_curves_of_the_history(finished):
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    store = Store(finished[0] / "attention")
    for result in store.results():
        events = accumulators.EventAccumulator(str(store.tensorboard(result.cell))).Reload()
        tags = {
            "loss": "loss/train",
            "accuracy": "accuracy/train",
            "val_loss": "loss/validation",
            "val_accuracy": "accuracy/validation",
        }
        assert set(tags.values()) <= set(events.Tags()["scalars"])
        for key, tag in tags.items():
            curve = [(event.step, event.value) for event in events.Scalars(tag)]
            stored = [(line["epoch"], line[key]) for line in result.record["history"]]
            np.testing.assert_allclose(curve, stored, rtol=1e-6)


def test_the_hparams_tab_has_a_row_per_result_with_its_test_accuracy(finished):
    reading = pytest.importorskip("tensorboard_reading")
    store = Store(finished[0] / "attention")
    _, metrics, rows = reading.hparams_tab(store.root / "tensorboard")
    found = {run: (values["attention"], of["accuracy/test"]) for run, (values, of) in rows.items()}
    assert metrics[0] == "accuracy/test"
    assert found == {
        f"schematic/vgg16-{kind}-s0-{result.cell.digest[:4]}": (
            kind,
            pytest.approx(result.record["metrics"]["accuracy"]),
        )
        for kind, result in results(finished[0]).items()
    }
    # One run each, and it is found from the folder of the table, too.
    assert len(list((store.root / "tensorboard").rglob("events*"))) == len(rows) == 2
    assert set(reading.hparams_tab(store.root)[2]) == {f"tensorboard/{run}" for run in rows}


def test_the_table_is_printed_and_written_as_markdown_and_csv(finished):
    out, done = finished
    lines = list(csv.DictReader((out / "attention" / "attention.csv").read_text().splitlines()))
    stored = results(out)
    assert [line["attention"] for line in lines] == ["none", "se"]
    for line in lines:
        accuracy = 100 * stored[line["attention"]].record["metrics"]["accuracy"]
        assert float(line["accuracy"]) == pytest.approx(accuracy)
        assert f"{accuracy:.2f}" in done.stdout
        assert f"| {accuracy:.2f} |" in (out / "attention" / "attention.md").read_text()
    assert "2 cells, 0 done, 2 to run" in done.stdout


def test_a_second_run_trains_nothing_and_prints_the_table_again(finished, run):
    out, _ = finished
    before = stamps(out)
    done = run(out, "--attentions", "none", "se", "--epochs", "2")
    assert done.returncode == 0
    assert "2 cells, 2 done, 0 to run" in done.stdout
    assert stamps(out) == before
    assert "vgg16" in done.stdout and "synthetic" in done.stdout


@pytest.mark.slow
def test_a_failing_cell_is_shown_with_its_reason_and_tried_again(run, tmp_path):
    # SE's reduction ratio of 16 is more than the 10 channels of so narrow a network.
    arguments = ("--attentions", "se", "none", "--width", "0.02")
    for done_before in (0, 1):
        done = run(tmp_path, *arguments)
        before = f"2 cells, {done_before} done, {2 - done_before} to run"
        assert before in done.stdout
        assert done.returncode == 1
        assert "failed: ValueError: reduction_ratio must not exceed" in done.stdout
        assert "1 cell failed" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr
    found = results(tmp_path)
    assert found["none"].done
    assert found["se"].status == "failed" and not (found["se"].path / "predictions.npz").exists()
    assert "Traceback" in (found["se"].path / "log.txt").read_text()


@pytest.mark.slow
def test_the_published_variant_trains_too(run, tmp_path):
    done = run(tmp_path, "--variant", "published", "--attentions", "cbam")
    assert done.returncode == 0, done.stdout + done.stderr
    result = results(tmp_path)["cbam"]
    assert result.done and result.cell.variant == "published"
    assert "published networks" in done.stdout


@pytest.mark.slow
def test_costs_are_measured_once_and_stand_in_the_table(finished, run):
    out, _ = finished
    asked = ("--attentions", "none", "se", "--epochs", "2", "--cost")
    done = run(out, *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "cost 1/1  schematic vgg16 se: " in done.stdout
    (file,) = (out / "attention" / "costs").iterdir()
    content = json.loads(file.read_text())
    found = content["cost"]
    assert Cell.from_spec(content["spec"]).row.attention == "se"
    assert Cell.from_spec(found["reference"]).row.attention == "none"
    records = {name: result.record["metrics"] for name, result in results(out).items()}
    for count in ("parameters", "multiply_adds"):
        counted = {"network": records["se"][count], "reference": records["none"][count]}
        assert found[count] == counted
    assert all(0.2 < found["ratio"][name]["median"] < 5 for name in ("step", "image", "batch"))
    lines = csv.DictReader((out / "attention" / "attention.csv").read_text().splitlines())
    shown = {line["attention"]: line["step_ratio"] for line in lines}
    assert float(shown["se"]) == pytest.approx(found["ratio"]["step"]["median"])
    assert shown["none"] == ""
    stamp = file.stat().st_mtime_ns
    again = run(out, *asked)
    assert again.returncode == 0 and "cost 1/1" not in again.stdout
    assert file.stat().st_mtime_ns == stamp
    assert "ignored" not in again.stdout
