"""Results on disk: complete or absent, and always those of the right cell."""

import json
import shutil
import time

import numpy as np
import pytest
from fabricated import cell, put_done, put_failed, put_predictions, record

from attention_fer.common.files import replacing
from benchmarks.plan import cell as cells
from benchmarks.results import store as store_module
from benchmarks.results.predictions import PREDICTIONS
from benchmarks.results.store import RESULT, Store, write_json
from benchmarks.run.runner import missing

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
    put_predictions(partial, RIGHT)
    write_json(partial / RESULT, {"schema_version": 1, **record(one, 3, RIGHT)})
    assert store.read(one) is None
    assert list(store.results()) == []
    assert not (store.root / one.slug).exists()
    store.commit(one, partial, record(one, 3, RIGHT))
    found = store.read(one)
    assert found.done and found.cell == one
    assert {p.name for p in found.path.iterdir()} == {RESULT, PREDICTIONS, "log.txt"}
    assert [p.name for p in store.root.iterdir()] == [one.slug]
    np.testing.assert_array_equal(found.predictions().correct, RIGHT)


def test_beginning_again_removes_what_a_killed_run_left_of_that_cell_alone(store):
    others = store.begin(cell(seed=1))
    old = store.begin(cell())
    (old / "old.txt").write_text("half")
    new = store.begin(cell())
    # A process of the killed run may go on writing for a moment, so it is another folder.
    assert new != old and not old.exists() and list(new.iterdir()) == []
    assert others.is_dir()
    assert store.problems() == [] and list(store.results()) == []


def put_logs(folder, text):
    folder.mkdir(parents=True)
    (folder / "events").write_text(text)


def test_logs_of_a_node_move_beside_the_results(store):
    one = cell(dataset="ck", seed=3)
    partial = store.begin(one)
    put_logs(partial / "tensorboard", "curves")
    put_predictions(partial, RIGHT)
    store.commit(one, partial, record(one, 3, RIGHT))
    place = store.root / "tensorboard" / "ck" / f"vgg16-none-s3-{one.digest[:4]}"
    assert store.tensorboard(one) == place
    assert (place / "events").read_text() == "curves"
    assert {p.name for p in store.read(one).path.iterdir()} == {RESULT, PREDICTIONS}
    assert [r.cell for r in store.results()] == [one] and store.problems() == []


def test_logs_go_when_their_cell_is_interrupted_or_trained_again(store):
    one, other = cell(seed=1), cell(seed=2)
    put_logs(store.tensorboard(one), "old")
    put_logs(store.tensorboard(other), "kept")
    partial = store.begin(one)
    assert not store.tensorboard(one).exists()
    put_logs(store.tensorboard(one), "new")
    store.abandon(one, partial)
    assert not store.tensorboard(one).exists() and not partial.exists()
    assert (store.tensorboard(other) / "events").read_text() == "kept"


def test_a_failed_result_is_replaced(store):
    put_failed(store, cell(), "first")
    assert store.read(cell()).record["error"] == "first"
    assert missing([cell()], store.results()) == [cell()]
    put_failed(store, cell(), "second")
    assert store.read(cell()).record["error"] == "second"
    put_done(store, cell(), RIGHT)
    assert store.read(cell()).done
    assert missing([cell()], store.results()) == []


def test_a_finished_result_is_replaced_by_nothing(store):
    put_done(store, cell(), RIGHT)
    put_failed(store, cell(), "too late")
    put_done(store, cell(), ~RIGHT)
    np.testing.assert_array_equal(store.read(cell()).predictions().correct, RIGHT)
    assert [p.name for p in store.root.iterdir()] == [cell().slug]


@pytest.mark.parametrize("length", [0, 1, 50, -2])
def test_a_truncated_result_is_as_if_missing_and_can_be_made_again(store, length):
    path = put_done(store, cell(), RIGHT).path / RESULT
    path.write_bytes(path.read_bytes()[:length])
    assert store.read(cell()) is None
    assert missing([cell()], store.results()) == [cell()]
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
    assert missing([cell(), cell(seed=5)], store.results()) == [cell(), cell(seed=5)]


def test_a_result_of_an_older_recipe_is_as_if_missing(store, monkeypatch):
    put_done(store, cell(), RIGHT)
    monkeypatch.setattr(cells, "RECIPE", cells.RECIPE + 1)
    assert missing([cell()], store.results()) == [cell()]


def test_drafts_of_a_killed_checkpoint_are_removed(store):
    one, other = cell(attention="se"), cell(attention="se", seed=1)
    for of in (one, other):
        with pytest.raises(KeyboardInterrupt), replacing(store.checkpoint(of)) as draft:
            draft.write_text("half of it")
            shutil.copy(draft, draft.parent / f"{draft.name[:-4]}kept.npz")  # as after a kill
            raise KeyboardInterrupt
    store.begin(one)
    (left,) = store.checkpoint(one).parent.iterdir()
    assert other.digest in left.name


def test_a_finished_result_without_its_predictions_is_as_if_missing(store):
    (put_done(store, cell(), RIGHT).path / PREDICTIONS).unlink()
    assert store.read(cell()) is None
    assert missing([cell()], store.results()) == [cell()]


def reason(store):
    ((folder, why),) = store.problems()
    return folder, why


DAMAGES = {
    "truncated or not JSON": lambda folder: cut(folder / RESULT, 50),
    f"{RESULT} is missing": lambda folder: (folder / RESULT).unlink(),
    f"{PREDICTIONS} is missing": lambda folder: (folder / PREDICTIONS).unlink(),
    f"{PREDICTIONS} is truncated": lambda folder: cut(folder / PREDICTIONS, -1),
    f"{PREDICTIONS} is truncated or altered": lambda folder: alter(folder / PREDICTIONS),
    "must be 1, got 0": lambda folder: change(folder, schema_version=0),
    "must be one of": lambda folder: change(folder, status="perhaps"),
    f"{RESULT} has no metrics, timing": lambda folder: change(folder, metrics=None, timing=None),
    "recipe must be 1, got 0": lambda folder: change(folder, spec={**cell().spec, "recipe": 0}),
    "of another cell, fer2013-vgg16": lambda folder: change(folder, spec=cell(seed=5).spec),
    "spec is not that of a cell": lambda folder: change(folder, spec={"seed": 1}),
    "cannot be read": lambda folder: ((folder / RESULT).unlink(), (folder / RESULT).mkdir()),
}


def cut(path, length):
    path.write_bytes(path.read_bytes()[:length])


def alter(path):
    content = bytearray(path.read_bytes())
    content[80] ^= 1  # of the compressed data: the zip header before it is shorter
    path.write_bytes(content)


def change(folder, **changes):
    record = {**json.loads((folder / RESULT).read_text()), **changes}
    kept = {key: value for key, value in record.items() if value is not None}
    (folder / RESULT).write_text(json.dumps(kept))


@pytest.mark.parametrize("why", DAMAGES)
def test_what_is_damaged_or_foreign_counts_for_nothing_and_is_named_and_kept(store, why):
    put_done(store, cell(seed=1), RIGHT)
    folder = put_done(store, cell(), RIGHT).path
    DAMAGES[why](folder)
    held = sorted(folder.iterdir())
    assert store.read(cell()) is None
    assert [result.cell.seed for result in store.results()] == [1]
    assert [r.cell.seed for r in store.results([cell(), cell(seed=1)])] == [1]
    assert missing([cell(), cell(seed=1)], store.results()) == [cell()]
    assert reason(store)[0] == folder and why in reason(store)[1]
    # The cell is made again, and what was there is moved aside.
    aside, said = store.move_damaged(cell())
    assert why in said and aside.name == f"{folder.name}.damaged-1"
    assert sorted(path.name for path in aside.iterdir()) == [path.name for path in held]
    assert put_done(store, cell(), ~RIGHT).done
    assert store.move_damaged(cell()) is None
    assert reason(store) == (aside, reason(store)[1]) and "moved it aside" in reason(store)[1]


def test_several_damaged_folders_of_a_cell_are_all_kept(store):
    for number in (1, 2):
        cut(put_done(store, cell(), RIGHT).path / RESULT, 3)
        assert store.move_damaged(cell())[0].name.endswith(f".damaged-{number}")
    assert len(store.problems()) == 2


def test_a_commit_moves_aside_what_came_into_its_way_meanwhile(store):
    (store.root / cell().slug).mkdir(parents=True)
    (store.root / cell().slug / "notes.txt").write_text("mine")
    assert put_done(store, cell(), RIGHT).done
    ((aside, _),) = store.problems()
    assert (aside / "notes.txt").read_text() == "mine"


def test_a_record_without_sums_counts_for_nothing(store):
    folder = put_done(store, cell(), RIGHT).path
    change(folder, files={})
    assert "altered" in reason(store)[1]


def test_a_finished_record_needs_its_predictions(store):
    with pytest.raises(FileNotFoundError):
        store.commit(cell(), store.begin(cell()), record(cell(), 3, RIGHT))
    assert store.read(cell()) is None


def test_files_working_folders_and_hidden_folders_are_no_problems(store):
    put_done(store, cell(), RIGHT)
    store.begin(cell(seed=1))
    (store.root / ".locks").mkdir()
    (store.root / "plans").mkdir()
    (store.root / "attention.md").write_text("a table")
    assert store.problems() == []
    assert Store(store.root / "nowhere").problems() == []


def test_a_large_plan_with_a_small_folder_is_read_in_seconds(store):
    put_done(store, cell(seed=3), RIGHT)
    plan = [cell(seed=seed) for seed in range(20_000)]
    begin = time.process_time()
    assert len(missing(plan, store.results())) == len(plan) - 1
    assert time.process_time() - begin < 5


def test_what_is_not_planned_is_not_parsed(store, monkeypatch):
    for seed in range(5):
        put_done(store, cell(seed=seed), RIGHT)
    parsed = []
    read = store_module._read
    monkeypatch.setattr(store_module, "_read", lambda folder: parsed.append(folder) or read(folder))
    assert [r.cell.seed for r in store.results([cell(seed=4), cell(seed=2), cell(seed=9)])] == [
        4,
        2,
    ]
    assert len(parsed) == 2


def test_nan_is_refused_and_leaves_the_older_file(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"loss": 1.0})
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write_json(path, {"loss": value})
    assert json.loads(path.read_text()) == {"loss": 1.0}


def test_predictions_are_sorted_by_row_for_the_comparison(store):
    found = put_done(store, cell(), [True, False, False], sample=[9, 2, 5])
    stored = found.predictions()
    sample, right = stored.sample, stored.correct
    assert sample.tolist() == [2, 5, 9]
    assert right.tolist() == [False, False, True]


def test_missing_keeps_the_order_of_the_plan(store):
    planned = [cell(seed=seed) for seed in (3, 0, 2, 1)]
    put_done(store, planned[1], RIGHT)
    put_failed(store, planned[2], "reason")
    assert missing(planned, store.results()) == [planned[0], planned[2], planned[3]]
