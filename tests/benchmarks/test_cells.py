"""A cell's identity: everything that can affect its result, and nothing else."""

import json
import shutil
from dataclasses import asdict, fields, make_dataclass, replace

import pytest
from fabricated import cell

from benchmarks.plan import cell as cells
from benchmarks.plan.cell import Cell
from benchmarks.plan.datasets import target
from benchmarks.plan.plan import Plan
from benchmarks.plan.settings import Settings, profile
from benchmarks.plan.table import Row, Table, options
from preprocessing.dataset import Dataset

ROWS = (
    Row("vgg16"),
    Row("vgg16", "se", config={"reduction_ratio": 4}),
    Row("vgg16", matched="se", config={"reduction_ratio": 4}),
    Row("resnet50", options={"attention_position": [1, 2]}, settings={"optimizer": "sgd"}),
)


def plan(datasets, settings, seeds, protocol="official"):
    targets = tuple(target(dataset, protocol) for dataset in datasets)
    asked = options({k: v for k, v in vars(settings).items() if v != getattr(Settings, k)})
    return Plan(Table("t", "T", ROWS), targets, seeds, "corrected", "tensorflow", asked=asked)


def changed(value):
    if isinstance(value, Cell):
        return replace(value, seed=value.seed + 1)
    if isinstance(value, tuple):
        return (*value, ("key", 1 + len(value)))
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value * 2 + 1
    return 7 if value is None else f"{value}x"


TAUGHT = cell(teacher=cell(backbone="vgg19"), distillation={"weight": 0.5}, folds=("a", "b"))
PARTS = ("row", "target", "settings")


@pytest.mark.parametrize("field", [f.name for f in fields(Cell) if f.name not in PARTS])
def test_every_field_of_a_cell_changes_its_folder(field):
    other = replace(TAUGHT, **{field: changed(getattr(TAUGHT, field))})
    assert other.digest != TAUGHT.digest and other.slug != TAUGHT.slug
    assert other != TAUGHT


@pytest.mark.parametrize(
    "field", [f.name for f in fields(Row) if f.name not in ("teacher", "recipe")]
)
def test_every_field_of_a_row_changes_its_folder(field):
    row = replace(TAUGHT.row, **{field: changed(getattr(TAUGHT.row, field))})
    assert replace(TAUGHT, row=row).slug != TAUGHT.slug


def test_a_rows_recipe_changes_its_folder():
    assert replace(TAUGHT, row=replace(TAUGHT.row, recipe="deit")).slug != TAUGHT.slug


@pytest.mark.parametrize("field", ["dataset", "fingerprint", "protocol", "folds"])
def test_what_it_is_measured_on_changes_a_cells_folder(field):
    value = ("c", "b") if field == "folds" else f"{getattr(TAUGHT.target, field)}x"
    other = replace(TAUGHT, target=replace(TAUGHT.target, **{field: value}))
    assert other.slug != TAUGHT.slug


def test_other_folds_and_names_of_classes_do_not():
    target = replace(TAUGHT.target, folds=("a", "c"), classes=("x", "y"), synthetic=True)
    assert replace(TAUGHT, target=target) == TAUGHT


def test_a_taught_cell_comes_back_from_its_spec_with_all_its_teachers():
    first = cell(backbone="vgg19", settings=Settings(epochs=3))
    hard = (("kind", "hard"), ("weight", 0.5))
    second = cell(teacher=first, distillation=hard, recipe="deit")
    third = cell(teacher=second, distillation=hard)
    found = Cell.from_spec(json.loads(json.dumps(third.spec)))
    assert found == third and found.slug == third.slug
    assert found.teachers == (first, second)
    assert found.row.round == 2 and found.row.teacher.recipe == "deit"
    # What changes the first teacher's number changes that of all who learn from it.
    other = replace(second, teacher=replace(first, settings=Settings(epochs=4)))
    assert replace(third, teacher=other).digest != third.digest


# Two other values of each setting whose values are not any number.
OTHERS = {
    "optimizer": ("sgd", "adamw"),
    "schedule": ("cosine", "plateau"),
    "loss": ("focal",),
    "resample": ("over", "under"),
    "class_weights": ("balanced", "effective"),
    "channels": (1, 3),
    "augmentation": ((("flip", ()),), (("flip", ()), ("noise", ()))),
    "unfreeze": (((2, ""),), ((2, 3), (4, ""))),
    **dict.fromkeys(
        ("zoom", "label_smoothing", "drop_path", "ema", "norm_momentum", "plateau_factor"),
        (0.5, 0.6),
    ),
}
NEEDED = {"unfreeze": {"freeze": "all"}, "warmup_epochs": {"schedule": "cosine"}}


@pytest.mark.parametrize("field", [f.name for f in fields(Settings)])
def test_every_setting_changes_the_hash_from_the_default_and_between_two_values(field):
    base = Settings(**NEEDED.get(field, {}))
    default = getattr(base, field)
    values = (default, *OTHERS.get(field, (changed(default), changed(changed(default)))))
    settings = [replace(base, **{field: value}) for value in values]
    assert len({cell(settings=s).digest for s in settings}) == len(set(values)) > 1


def test_the_recipe_changes_the_hash(monkeypatch):
    before = cell().digest
    monkeypatch.setattr(cells, "RECIPE", cells.RECIPE + 1)
    assert cell().digest != before


def test_a_copy_of_the_dataset_elsewhere_gives_the_same_cells(dataset, tmp_path):
    shutil.copytree(dataset.path, tmp_path / "moved")
    copy = Dataset.open(tmp_path / "moved")
    here, there = (plan([d], Settings(), 1) for d in (dataset, copy))
    assert [c.slug for c in here.cells] == [c.slug for c in there.cells]


def test_a_spec_survives_json_in_any_order_of_its_keys():
    one = cell(settings=profile("quick", "jaffe", train_samples=50))
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
    assert profile("full", dataset).batch_size == size
    assert profile("full", dataset, batch_size=10).batch_size == 10


@pytest.mark.parametrize("row", ROWS)
def test_a_row_survives_its_cell_and_json(row):
    one = replace(cell(), row=row)
    again = Cell.from_spec(json.loads(json.dumps(one.spec)))
    assert again == one and again.slug == one.slug
    assert again.row == row and hash(again.row) == hash(row)


def test_fields_younger_than_the_first_records_leave_their_hash_alone():
    # Computed when a cell had no such fields.
    assert cell().digest == "e20c00eb7f"
    younger = {"split", "fold", "matched", "config", "options", "changes", "replicas", "code"}
    assert not younger & set(cell().spec)


def test_a_folder_name_holds_nothing_that_a_file_system_refuses():
    odd = cell(backbone="my/net:1", config=(("path", "a b\\c*"),), dataset="é è")
    assert set(odd.slug) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
    assert odd.slug.replace(odd.digest, odd.digest[:4]) == odd.run_name.replace("/", "-")
    assert odd.slug != replace(odd, row=replace(odd.row, backbone="my_net:1")).slug


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


def test_whole_and_decimal_numbers_are_the_same_setting():
    whole, decimal = (profile("full", zoom=zero, width=1) for zero in (0, 0.0))
    assert type(whole.zoom) is float and type(whole.width) is float
    assert cell(settings=whole).digest == cell(settings=decimal).digest
    stored = Settings(**{"zoom": 0, "epochs": 3})
    assert (type(stored.zoom), type(stored.epochs)) == (float, int)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"flip": "False"}, "flip must be .*'False'"),
        ({"flip": 1}, "flip must be"),
        ({"epochs": 2.5}, "epochs must be a whole number.*2.5"),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"image_size": "None"}, "image_size must be a whole number.*'None'"),
        ({"mean": float("nan")}, "mean must be .*finite"),
        ({"unfreeze": "x"}, "unfreeze must be"),
        ({"warmup_epochs": 2}, "Only the schedule 'cosine' has a warm-up"),
        ({"unfreeze": ((2, ""),)}, "freeze is empty"),
        ({"schedule": "cosine", "freeze": "all", "unfreeze": ((2, ""),)}, "cosine"),
    ],
)
def test_settings_that_would_be_ignored_or_misread_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        profile("full", **changes)


def test_a_name_with_many_settings_fits_into_a_file_system():
    changes = {f"setting_{i}": "x" * 30 for i in range(13)}
    one = cell(backbone="small_resnet", config=changes)
    assert len(f"{one.slug}.0a1b2c3d.partial") <= 255 and one.slug.endswith(f"-{one.digest}")
    assert len(one.run_name.partition("/")[2]) <= 255


def test_the_name_in_tensorboard_is_short_and_tells_settings_apart():
    one = cell(backbone="small_resnet", attention="cbam")
    other = cell(backbone="small_resnet", attention="cbam", settings=Settings(width=0.5))
    assert one.run_name == f"fer2013/small_resnet-cbam-s0-{one.digest[:4]}"
    assert other.run_name == f"fer2013/small_resnet-cbam-s0-{other.digest[:4]}"
    assert one.run_name != other.run_name
    folded = cell(folds=("a", "b"), fold=1, seed=7)
    assert folded.run_name == f"fer2013/vgg16-none-s7-f1-{folded.digest[:4]}"
