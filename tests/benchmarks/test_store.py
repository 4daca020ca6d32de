"""Results on disk: whole or not at all, and never in doubt whose they are."""

import json

import numpy as np
import pytest
from fabricated import cell, predictions, put_done, put_failed, record

from benchmarks import cells
from benchmarks.runner import missing
from benchmarks.store import PREDICTIONS, RESULT, Store, write_json, write_predictions

RIGHT = np.array([True, False, True])


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "attention")


def spoil(store, of, **changes):
    path = store.root / of.slug / RESULT
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_cell_has_no_result_before_its_commit_and_all_of_it_after(store):
    one = cell()
    partial = store.begin(one)
    (partial / "log.txt").write_text("words")
    labels = np.arange(3)
    write_predictions(partial, predictions(RIGHT, labels), labels, labels)
    write_json(partial / RESULT, {"schema_version": 1, **record(one, 3, RIGHT)})
    assert store.read(one) is None
    assert list(store.results()) == []
    assert not (store.root / one.slug).exists()
    store.commit(one, partial, record(one, 3, RIGHT))
    found = store.read(one)
    assert found.done and found.cell == one
    assert {p.name for p in found.path.iterdir()} == {RESULT, PREDICTIONS, "log.txt"}
    assert [p.name for p in store.root.iterdir()] == [one.slug]
    np.testing.assert_array_equal(found.correct()[1], RIGHT)


def test_beginning_again_empties_what_a_killed_run_left(store):
    (store.begin(cell()) / "old.txt").write_text("half")
    assert list(store.begin(cell()).iterdir()) == []


def test_a_failed_result_is_replaced(store):
    put_failed(store, cell(), "first")
    assert store.read(cell()).record["error"] == "first"
    assert missing([cell()], store) == [cell()]
    put_failed(store, cell(), "second")
    assert store.read(cell()).record["error"] == "second"
    put_done(store, cell(), RIGHT)
    assert store.read(cell()).done
    assert missing([cell()], store) == []


def test_a_finished_result_is_replaced_by_nothing(store):
    put_done(store, cell(), RIGHT)
    put_failed(store, cell(), "too late")
    put_done(store, cell(), ~RIGHT)
    np.testing.assert_array_equal(store.read(cell()).correct()[1], RIGHT)
    assert [p.name for p in store.root.iterdir()] == [cell().slug]


@pytest.mark.parametrize("length", [0, 1, 50, -2])
def test_a_truncated_result_is_as_if_missing_and_can_be_made_again(store, length):
    path = put_done(store, cell(), RIGHT).path / RESULT
    path.write_bytes(path.read_bytes()[:length])
    assert store.read(cell()) is None
    assert missing([cell()], store) == [cell()]
    assert put_done(store, cell(), ~RIGHT).done


@pytest.mark.parametrize(
    "change",
    [
        {"schema_version": 0},
        {"schema_version": 2},
        {"spec": {}},
        {"spec": {**cell().spec, "unheard_of": 1}},
        {"spec": {**cell().spec, "settings": {"unheard_of": 1}}},
        {"spec": ["a", "list"]},
    ],
)
def test_a_foreign_result_is_as_if_missing(store, change):
    put_done(store, cell(), RIGHT)
    spoil(store, cell(), **change)
    assert store.read(cell()) is None
    assert list(store.results()) == []


@pytest.mark.parametrize("text", ["[]", "3", "null", '"words"'])
def test_a_result_that_is_no_object_is_as_if_missing(store, text):
    (put_done(store, cell(), RIGHT).path / RESULT).write_text(text)
    assert store.read(cell()) is None
    assert list(store.results()) == []


def test_another_cells_result_in_a_cells_folder_is_as_if_missing(store):
    put_done(store, cell(), RIGHT)
    spoil(store, cell(), spec=cell(seed=5).spec)
    assert store.read(cell()) is None
    assert missing([cell(), cell(seed=5)], store) == [cell(), cell(seed=5)]


def test_a_result_of_an_older_recipe_is_as_if_missing(store, monkeypatch):
    put_done(store, cell(), RIGHT)
    monkeypatch.setattr(cells, "RECIPE", cells.RECIPE + 1)
    assert missing([cell()], store) == [cell()]


def test_a_finished_result_without_its_predictions_is_as_if_missing(store):
    (put_done(store, cell(), RIGHT).path / PREDICTIONS).unlink()
    assert store.read(cell()) is None
    assert missing([cell()], store) == [cell()]


def test_nan_is_refused_and_leaves_the_older_file(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"loss": 1.0})
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write_json(path, {"loss": value})
    assert json.loads(path.read_text()) == {"loss": 1.0}


def test_predictions_are_sorted_by_row_for_the_comparison(store):
    found = put_done(store, cell(), [True, False, False], sample=[9, 2, 5])
    sample, right = found.correct()
    assert sample.tolist() == [2, 5, 9]
    assert right.tolist() == [False, False, True]


def test_missing_keeps_the_order_of_the_plan(store):
    planned = [cell(seed=seed) for seed in (3, 0, 2, 1)]
    put_done(store, planned[1], RIGHT)
    put_failed(store, planned[2], "reason")
    assert missing(planned, store) == [planned[0], planned[2], planned[3]]
