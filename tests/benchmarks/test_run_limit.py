"""A run with a time limit: what is still started, what is given up, and in which order."""

import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from fabricated import cell, put_done, put_predictions, record
from test_runner import Heard, Quick

from benchmarks.results.store import Store
from benchmarks.run import runner
from benchmarks.run.executors import Cancelled
from benchmarks.run.limit import TimeLimit
from benchmarks.run.runner import Runner

RIGHT = np.array([True, False, True])


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(runner, "_LOOK_AGAIN", 0.01)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def took(seconds):
    return {"status": "done", "timing": {"train": seconds - 1, "test": 1.0}}


def test_a_cell_fits_if_its_kind_took_less_than_is_left():
    clock = Clock()
    limit = TimeLimit(60, clock=clock)
    assert limit.fits(cell()), "nothing is known of its kind"
    limit.learn(cell(), took(20.0))
    limit.learn(cell(seed=3), took(30.0))
    limit.learn(cell(seed=4), {"status": "failed", "error": "a reason"})
    clock.now += 34
    assert limit.left == 26
    assert limit.fits(cell(seed=1)) and limit.fits(cell(attention="se"))
    clock.now += 2
    assert not limit.fits(cell(seed=1)) and not limit.fits(cell(attention="se"))
    assert limit.fits(cell(backbone="vgg19")), "another kind"
    clock.now += 30
    assert limit.left == 0 and not limit.fits(cell(backbone="vgg19"))


def test_folds_options_and_controls_are_of_the_kind_of_their_backbone():
    limit = TimeLimit(60)
    limit.learn(cell(folds=("a", "b")), took(90.0))
    assert not limit.fits(cell(folds=("a", "b"), fold=1))
    assert not limit.fits(cell(attention="se", config={"reduction_ratio": 8}))
    assert not limit.fits(cell(attention="se", options={"attention_position": "pre-norm"}))
    assert not limit.fits(cell(matched="se"))
    assert limit.fits(cell(options={"depth": 2}))


def test_students_with_teachers_of_other_seeds_are_of_one_kind():
    limit = TimeLimit(60)
    one, other = (cell(seed=s, teacher=cell(seed=s), distillation={"kind": "soft"}) for s in (0, 1))
    limit.learn(one, took(90.0))
    assert not limit.fits(other) and limit.fits(cell())


def test_earlier_results_count_and_a_limit_is_above_zero(tmp_path):
    store = Store(tmp_path)
    put_done(store, cell(), RIGHT)
    (result,) = store.results()
    took = sum(result.record["timing"].values())
    assert TimeLimit(took + 1, [result], Clock()).fits(cell(seed=1))
    assert not TimeLimit(took, [result], Clock()).fits(cell(seed=1))
    with pytest.raises(ValueError, match="seconds must be above 0, got 0"):
        TimeLimit(0)


def make(tmp_path, executor, **options):
    store = Store(tmp_path / "attention")
    return Runner(store, {"fer2013": tmp_path}, executor, Heard(), **options)


def test_cells_that_do_not_fit_are_left_out_and_smaller_ones_run(tmp_path):
    long, short = cell(backbone="vgg19"), cell()
    limit = TimeLimit(60)
    limit.learn(long, took(90.0))
    one = make(tmp_path, Quick(1), limit=limit)
    assert one.run([replace(long, seed=5), short]) == []
    assert one.executor.ran == [0]
    assert len(one.observer.notes) == 1 and "left out" in one.observer.notes[0]
    assert [result.cell for result in one.store.results()] == [short]


def test_a_student_is_left_out_with_its_teacher_and_does_not_fail(tmp_path):
    teacher = cell(backbone="vgg19")
    student = cell(teacher=teacher, distillation={"kind": "soft"})
    limit = TimeLimit(60)
    limit.learn(teacher, took(90.0))
    one = make(tmp_path, Quick(2), limit=limit)
    assert one.run([teacher, student]) == []
    assert one.executor.ran == [] and list(one.store.results()) == []


def test_when_time_is_up_running_cells_end_and_finished_ones_stay(tmp_path):
    class Endless(Quick):
        def run(self, job, notify, more=False):
            if job.cell.seed:
                self.cancelled.wait(30)
                raise Cancelled
            put_predictions(job.folder, RIGHT)
            return record(job.cell, 3, RIGHT)

    one = make(tmp_path, Endless(2), limit=TimeLimit(1.0))
    began = time.monotonic()
    assert one.run([cell(seed=seed) for seed in range(4)]) == []
    assert time.monotonic() - began < 10
    assert [result.cell.seed for result in one.store.results()] == [0]
    assert {path.name for path in one.store.root.iterdir()} <= {cell().slug, ".locks"}


def test_a_student_comes_as_soon_as_its_teacher_is_done_not_at_the_end(tmp_path):
    teacher = cell(seed=0)
    student = cell(seed=1, teacher=teacher, distillation={"kind": "soft"})
    later = [cell(seed=seed) for seed in range(2, 12)]

    class Saving(Quick):
        def run(self, job, notify, more=False):
            (job.folder / "model.keras").write_bytes(b"")
            return super().run(job, notify, more)

    one = make(tmp_path, Saving(1), keep={teacher.slug})
    assert one.run([teacher, student, *later]) == []
    assert one.executor.ran == [0, 1, *range(2, 12)]


def test_results_go_to_the_store_of_their_table(tmp_path):
    other = Store(tmp_path / "small-cnn")
    one = make(tmp_path, Quick(1), stores={cell(seed=1).slug: other})
    one.run([cell(), cell(seed=1)])
    assert [result.cell.seed for result in one.store.results()] == [0]
    assert [result.cell.seed for result in other.results()] == [1]
    assert not other.lock(cell()).parent.exists()
    assert threading.active_count() < 50
