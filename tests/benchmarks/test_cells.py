"""A cell's identity: all that can change its number, and nothing else."""

import json
import shutil
from dataclasses import asdict, fields, make_dataclass, replace

import pytest
from fabricated import cell

from benchmarks import cells
from benchmarks.cells import Cell, plan
from benchmarks.settings import Settings, profile
from benchmarks.table import Row
from preprocessing.dataset import Dataset

PLAN = {"protocol": "official", "variant": "corrected", "backend": "tensorflow"}
ROWS = [Row("vgg16"), Row("vgg16", "se"), Row("resnet50"), Row("resnet50", "se")]


def changed(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value * 2 + 1
    return 7 if value is None else f"{value}x"


def named(dataset, name):
    return replace(dataset, manifest={**dataset.manifest, "dataset": name})


@pytest.mark.parametrize("field", [f.name for f in fields(Cell) if f.name != "settings"])
def test_every_field_of_a_cell_changes_its_folder(field):
    other = replace(cell(), **{field: changed(getattr(cell(), field))})
    assert other.digest != cell().digest
    assert other.slug != cell().slug


@pytest.mark.parametrize("field", [f.name for f in fields(Settings)])
def test_every_setting_changes_the_hash_from_the_default_and_between_two_values(field):
    values = [getattr(Settings(), field)]
    values += [changed(values[0]), changed(changed(values[0]))]
    settings = [replace(Settings(), **{field: value}) for value in values]
    assert len({cell(settings=s).digest for s in settings}) == len(set(values))


def test_the_recipe_changes_the_hash(monkeypatch):
    before = cell().digest
    monkeypatch.setattr(cells, "RECIPE", cells.RECIPE + 1)
    assert cell().digest != before


def test_a_copy_of_the_dataset_elsewhere_gives_the_same_cells(dataset, tmp_path):
    shutil.copytree(dataset.path, tmp_path / "moved")
    copy = Dataset.open(tmp_path / "moved")
    here, there = (plan(ROWS, [d], Settings(), 1, **PLAN) for d in (dataset, copy))
    assert [c.slug for c in here] == [c.slug for c in there]


def test_a_spec_survives_json_in_any_order_of_its_keys():
    one = cell(settings=profile("quick", train_samples=50).of("jaffe"))
    spec = json.loads(json.dumps(one.spec))
    spec["settings"] = dict(reversed(spec["settings"].items()))
    again = Cell.from_spec(dict(reversed(spec.items())))
    assert again == one
    assert again.slug == one.slug


def test_a_setting_added_later_at_its_default_keeps_the_stored_results(monkeypatch):
    old = cell()
    extended = make_dataclass("Extended", [("dropout", float, 0.0)], bases=(Settings,), frozen=True)
    monkeypatch.setattr(cells, "Settings", extended)
    new = replace(old, settings=extended(**asdict(old.settings)))
    assert new.digest == old.digest
    assert replace(new, settings=replace(new.settings, dropout=0.5)).digest != old.digest
    assert Cell.from_spec(old.spec) == new


def test_settings_in_another_order_keep_the_hash(monkeypatch):
    backwards = [(f.name, f.type, f.default) for f in reversed(fields(Settings))]
    reordered = make_dataclass("Reordered", backwards, frozen=True)
    old = cell(settings=Settings(width=0.25, epochs=3, zoom=0.2))
    monkeypatch.setattr(cells, "Settings", reordered)
    assert replace(old, settings=reordered(**asdict(old.settings))).digest == old.digest


@pytest.mark.parametrize(("dataset", "size"), [("ckplus", 16), ("jaffe", 4), ("fer2013", 64)])
def test_a_dataset_gets_its_published_batch_size_unless_one_is_given(dataset, size):
    assert profile("full").of(dataset).batch_size == size
    assert profile("full", batch_size=10).of(dataset).batch_size == 10


def test_a_plan_has_a_cell_for_each_row_seed_and_dataset_seed_by_seed(dataset):
    datasets = [dataset, named(dataset, "jaffe")]
    planned = plan(ROWS, datasets, Settings(), 3, **PLAN)
    assert len({c.slug for c in planned}) == len(planned) == len(ROWS) * 3 * 2
    for start in range(0, len(planned), len(ROWS)):
        group = planned[start : start + len(ROWS)]
        assert [c.row for c in group] == ROWS
        assert len({(c.dataset, c.seed) for c in group}) == 1
    assert [c.seed for c in planned[:: len(ROWS)]] == [0, 1, 2, 0, 1, 2]
    assert [c.dataset for c in planned[:: 3 * len(ROWS)]] == ["schematic", "jaffe"]
    assert {c.settings.batch_size for c in planned if c.dataset == "jaffe"} == {4}
    assert {c.fingerprint for c in planned} == {dataset.fingerprint}


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0.0},
        {"epochs": 0},
        {"patience": -1},
        {"learning_rate": float("nan")},
        {"batch_size": 0},
        {"train_samples": 0},
        {"eval_samples": -3},
    ],
)
def test_a_setting_out_of_range_is_named(change):
    (name, value), *_ = change.items()
    with pytest.raises(ValueError, match=f"{name} must be .*{value}"):
        profile("quick", **change)
