"""A plan: its cells, and how it is stored next to the results."""

import json
from dataclasses import replace

import pytest

from benchmarks.plan import datasets
from benchmarks.plan.cell import Target
from benchmarks.plan.datasets import target
from benchmarks.plan.plan import Plan
from benchmarks.results import plan_file
from benchmarks.table import Row, Table

ROWS = (Row("vgg16"), Row("vgg16", "se", config={"reduction_ratio": 4}))
SLOW = Row("vgg16", settings={"learning_rate": 1e-5, "batch_size": 2})
TABLE = Table(
    "mine",
    "A table",
    ROWS,
    published={(ROWS[1], "jaffe"): 50.5},
    source="somewhere",
    chosen={"": ROWS[0]},
    special={"jaffe": (*ROWS, SLOW)},
)
HALVES = Target("ckplus", "a" * 64, "2-fold", ("one", "two"), ("x", "y"))
WHOLE = Target("jaffe", "b" * 64, "official", ("all",), synthetic=True)
PLAN = Plan(TABLE, (HALVES, WHOLE), 3, "corrected", "jax", 2, asked=(("width", 0.5),), code="c0de")


def test_cells_are_targets_by_seeds_by_folds_by_rows_in_this_order():
    found = [(c.target.dataset, c.seed, c.fold, c.row) for c in PLAN.cells]
    halves = [("ckplus", s, f, row) for s in range(3) for f in range(2) for row in ROWS]
    whole = [("jaffe", s, 0, row) for s in range(3) for row in (*ROWS, SLOW)]
    assert found == halves + whole
    assert len({c.slug for c in PLAN.cells}) == len(found)


def test_a_cell_has_what_its_target_and_plan_say():
    for cell in PLAN.cells:
        of = HALVES if cell.target.dataset == "ckplus" else WHOLE
        assert cell.target == of
        assert cell.split == of.folds[cell.fold]
        assert (cell.variant, cell.backend, cell.replicas, cell.code) == (
            "corrected",
            "jax",
            2,
            "c0de",
        )
        assert cell.settings.width == 0.5


def test_a_row_changes_its_own_training_before_the_dataset_gets_its_batch_size():
    rates = {c.row: c.settings.learning_rate for c in PLAN.cells}
    assert rates == {ROWS[0]: 1e-4, ROWS[1]: 1e-4, SLOW: 1e-5}
    sizes = {(c.target.dataset, c.row): c.settings.batch_size for c in PLAN.cells}
    assert sizes["jaffe", SLOW] == 2
    assert sizes["jaffe", ROWS[0]] == 4 and sizes["ckplus", ROWS[0]] == 16


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"learning_rte": 1}, "Did you mean 'learning_rate'"), ({"epochs": 0}, "epochs must be")],
)
def test_a_row_whose_settings_are_wrong_is_refused(settings, error):
    wrong = replace(TABLE, rows=(Row("vgg16", settings=settings),), special={})
    with pytest.raises(ValueError, match=error):
        replace(PLAN, table=wrong).cells  # noqa: B018


def test_a_stored_plan_gives_the_same_cells_and_table(tmp_path):
    plan_file.write(PLAN, tmp_path)
    (again,) = plan_file.read(tmp_path)
    assert again == PLAN
    assert again.cells == PLAN.cells
    assert again.table.reference(SLOW, "jaffe") == ROWS[0]


def test_the_same_plan_is_stored_once_and_another_beside_it(tmp_path):
    plan_file.write(PLAN, tmp_path)
    plan_file.write(PLAN, tmp_path)
    plan_file.write(replace(PLAN, seeds=5), tmp_path)
    assert sorted(plan.seeds for plan in plan_file.read(tmp_path)) == [3, 5]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema_version": 1}', '{"schema_version": 9}'])
def test_a_file_that_is_no_plan_is_passed_over(tmp_path, text):
    plan_file.write(PLAN, tmp_path)
    (tmp_path / plan_file.FOLDER / "other.json").write_text(text)
    assert plan_file.read(tmp_path) == [PLAN]


def test_a_target_names_a_hash_for_each_fold(dataset):
    of = target(dataset, "loso")
    assert len(of.folds) == len(set(of.folds)) == 10
    assert of.folds[3] == datasets.digest(datasets.split(dataset, "loso", 3))
    assert json.loads(json.dumps(of.classes)) == list(dataset.classes)
    assert of.synthetic


@pytest.mark.parametrize(
    ("rows", "chosen", "expected"),
    [
        (ROWS, {}, None),  # to the backbone without attention
        (ROWS[:1], {}, None),  # it alone, which needs no other
        (ROWS[1:], {}, ROWS[0]),
        ((ROWS[0], Row("vgg19", "se")), {}, Row("vgg19")),  # of another backbone
        (ROWS[1:], {"": ROWS[1]}, None),  # the reference itself has attention
        ((SLOW, ROWS[1]), {"": ROWS[1]}, None),
        ((SLOW,), {"": ROWS[1]}, ROWS[1]),
        (ROWS, {"jaffe": SLOW, "ckplus": SLOW}, SLOW),
    ],
)
def test_a_plan_names_the_row_that_is_missing_for_any_comparison(rows, chosen, expected):
    table = replace(TABLE, rows=rows, chosen=chosen, special={})
    assert replace(PLAN, table=table).absent_reference == expected
