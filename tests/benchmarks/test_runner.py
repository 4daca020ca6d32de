"""Several runners in one folder, with cells that take no time, so that they often meet."""

import os
import threading
import time
from collections import Counter

import numpy as np
import pytest
from fabricated import cell, put_done, put_failed, put_predictions, record

from benchmarks.results.store import RESULT, Store
from benchmarks.run import locks, runner
from benchmarks.run.executors import Cancelled
from benchmarks.run.runner import Runner

RIGHT = np.array([True, False, True])


class Quick:
    """An executor that fills the working folder itself, in this process."""

    def __init__(self, jobs, begun=None, failing=()):
        self.jobs, self.begun, self.failing = jobs, begun, failing
        self.ran, self.folders = [], []
        self.cancelled = threading.Event()

    def run(self, job, notify, more=False):
        one = job.cell
        self.ran.append(one.seed)
        self.folders.append(job.folder)
        if self.begun is not None:
            self.begun(one)
        if self.cancelled.wait(0.002):
            raise Cancelled
        assert job.folder.is_dir(), "another runner took the working folder away"
        if one.seed in self.failing:
            return {"status": "failed", "error": "a reason"}
        put_predictions(job.folder, RIGHT)
        return record(one, 3, RIGHT)

    def cancel(self):
        self.cancelled.set()

    def close(self):
        pass


class Heard:
    """An observer that remembers."""

    def __init__(self):
        self.notes, self.seen = [], []

    def event(self, cell, event):
        pass

    def finished(self, cell, record):
        self.seen.append((cell.seed, record["status"]))

    def note(self, text):
        self.notes.append(text)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(runner, "_LOOK_AGAIN", 0.01)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "attention")


def make(store, tmp_path, jobs=1, **options):
    return Runner(store, {"fer2013": tmp_path}, Quick(jobs, **options), Heard())


@pytest.mark.parametrize("code", ["", "a"])
def test_a_control_gets_the_stored_result_of_its_backbone(store, tmp_path, code):
    plain, control = cell(), cell(matched="eca", code=code)
    of_another_seed, kept = cell(matched="eca", code=code, seed=1), cell(matched="se", code=code)
    found = {}

    class Asked(Quick):
        def run(self, job, notify, more=False):
            found[job.cell.slug] = job.plain
            return super().run(job, notify, more)

    cells = [plain, control, of_another_seed, kept]
    # Whether the network of `kept` equals the backbone's is not enough: it must be stored.
    runner = Runner(store, {"fer2013": tmp_path}, Asked(1), Heard(), keep=[kept.slug])
    runner.run(cells)
    folder = (store.root / plain.slug).resolve()
    assert [found[one.slug] for one in cells] == [None, folder, None, None]


def test_a_control_waits_for_its_backbone_while_other_cells_can_be_trained(store, tmp_path):
    found, other_began = {}, threading.Event()

    class Asked(Quick):
        def run(self, job, notify, more=False):
            found[job.cell.slug] = job.plain
            if job.cell.row.attention == "se":
                other_began.set()
            elif not job.cell.row.matched:
                assert other_began.wait(10), "the control was trained first"
            return super().run(job, notify, more)

    plain, control = cell(), cell(matched="eca")
    Runner(store, {"fer2013": tmp_path}, Asked(2), Heard()).run(
        [plain, control, cell(attention="se")]
    )
    assert found[control.slug] == (store.root / plain.slug).resolve()


def test_checkpoints_and_backbones_of_cells_of_another_table_are_found_there(store, tmp_path):
    other = Store(tmp_path / "other")
    plain, control = cell(), cell(matched="eca")
    found = {}

    class Asked(Quick):
        def run(self, job, notify, more=False):
            found[job.cell.slug] = job.checkpoint, job.plain
            return super().run(job, notify, more)

    stores = {plain.slug: other}
    Runner(store, {"fer2013": tmp_path}, Asked(1), Heard(), stores=stores).run([plain, control])
    assert found[plain.slug] == (other.checkpoint(plain).resolve(), None)
    assert found[control.slug][1] == (other.root / plain.slug).resolve()


def test_several_runners_train_each_cell_once_and_all_see_it_finished(store, tmp_path):
    cells = [cell(seed=seed) for seed in range(40)]
    runners = [make(Store(store.root), tmp_path, jobs=2) for _ in range(3)]
    threads = [threading.Thread(target=one.run, args=(cells,)) for one in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    trained = Counter(seed for one in runners for seed in one.executor.ran)
    assert trained == Counter(range(40))
    for one in runners:
        assert sorted(one.observer.seen) == [(seed, "done") for seed in range(40)]
    assert len(list(store.results())) == 40 and store.problems() == []
    assert not [path for path in store.root.iterdir() if path.name not in {c.slug for c in cells}]


def test_a_cell_that_failed_in_another_run_is_reported_and_not_retried_at_once(store, tmp_path):
    put_failed(store, cell(), "an older reason")
    one = make(store, tmp_path)
    with locks.claim(store.lock(cell())):
        thread = threading.Thread(target=one.run, args=([cell(), cell(seed=1)],))
        thread.start()
        while one.executor.ran != [1] or not one.observer.seen:
            time.sleep(0.01)
        time.sleep(0.1)
        assert one.executor.ran == [1]
        put_failed(store, cell(), "a newer reason")
        os.utime(store.root / cell().slug / RESULT, ns=(1, 1))
    thread.join(10)
    assert one.executor.ran == [1]
    assert one.observer.seen == [(1, "done"), (0, "failed")]
    assert len(one.observer.notes) == 1 and "another run" in one.observer.notes[0]


def test_a_cell_that_another_run_left_unfinished_is_taken_over(store, tmp_path):
    put_failed(store, cell(), "an older reason")
    left = store.begin(cell())
    one = make(store, tmp_path)
    with locks.claim(store.lock(cell())):
        thread = threading.Thread(target=one.run, args=([cell()],))
        thread.start()
        while not one.observer.notes:
            time.sleep(0.01)
        assert left.is_dir()
    thread.join(10)
    assert one.executor.ran == [0] and store.read(cell()).done
    assert "did not finish it" in one.observer.notes[-1]
    assert not left.exists()


def test_a_cell_finished_by_another_run_since_the_plan_is_not_trained(store, tmp_path):
    put_done(store, cell(), RIGHT)
    one = make(store, tmp_path)
    assert one.run([cell()]) == []
    assert one.executor.ran == [] and one.observer.seen == [(0, "done")]


def test_a_damaged_result_is_moved_aside_with_a_note_before_the_cell_is_trained(store, tmp_path):
    path = put_done(store, cell(), RIGHT).path / RESULT
    path.write_text("{")
    one = make(store, tmp_path)
    assert one.run([cell()]) == []
    (note,) = one.observer.notes
    assert f"{cell().slug} had no valid result (result.json is truncated" in note
    assert f"moved to {cell().slug}.damaged-1" in note
    assert store.read(cell()).done


def test_failed_cells_are_returned_and_the_others_are_trained(store, tmp_path):
    cells = [cell(seed=seed) for seed in range(4)]
    one = make(store, tmp_path, failing=(1, 2))
    assert one.run(cells) == cells[1:3]
    assert one.executor.ran == [0, 1, 2, 3]
    assert [r.cell.seed for r in store.results() if r.done] == [0, 3]


def test_an_error_of_the_store_ends_the_run_and_leaves_no_working_folder(store, tmp_path):
    def begun(one):
        if one.seed == 1:
            raise OSError(28, "No space left on device")

    one = make(store, tmp_path, begun=begun)
    with pytest.raises(OSError, match="No space left"):
        one.run([cell(seed=seed) for seed in range(4)])
    assert one.executor.ran == [0, 1]
    assert [path.name for path in store.root.glob("*.partial")] == []
    assert [r.cell.seed for r in store.results()] == [0]


def test_no_cells_need_no_folder(store, tmp_path):
    assert make(store, tmp_path).run([]) == []
    assert not store.root.exists()


def test_the_executor_learns_whether_more_cells_wait(store, tmp_path, monkeypatch):
    one, more = make(store, tmp_path), []
    run = one.executor.run
    monkeypatch.setattr(one.executor, "run", lambda job, t, m: more.append(m) or run(job, t, m))
    one.run([cell(seed=seed) for seed in range(3)])
    assert more == [True, True, False]
