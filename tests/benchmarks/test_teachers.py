"""Cells with a teacher: their order, what is stored for them, and what happens on failure."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from fabricated import put_done, put_predictions, record

from benchmarks.plan.cell import Target
from benchmarks.plan.plan import Plan, Shard
from benchmarks.results import plan_file
from benchmarks.results.saved_model import MODEL
from benchmarks.results.store import Store
from benchmarks.run import runner
from benchmarks.run.runner import Runner, missing
from benchmarks.table import Row, Table

SOFT = {"kind": "soft", "temperature": 3.0, "weight": 0.5}
TEACHER = Row("mini_resnet", recipe="mini-resnet")
ALONE = Row("cnn_v1")
FIRST = Row("cnn_v1", teacher=TEACHER, distillation=SOFT)
SECOND = Row("cnn_v1", teacher=FIRST, distillation=SOFT)
TARGET = Target("fer2013", "a" * 64, "official", ("0" * 10,))
RIGHT = np.array([True, False, True])


def plan(*rows, asked=()):
    return Plan(Table("t", "T", rows), (TARGET,), 2, "corrected", "jax", asked=asked)


class Recording:
    """An executor that trains nothing, but stores a network where that is asked for."""

    jobs = 2

    def __init__(self, failing=()):
        self.failing, self.trained, self.lock = failing, [], threading.Lock()

    def run(self, job, notify, more=False):
        one = job.cell
        if one.teacher is not None:
            assert (job.teacher / MODEL).read_text() == one.teacher.slug
        with self.lock:
            self.trained.append(one)
        if one.row.backbone in self.failing:
            return {"status": "failed", "error": "a reason"}
        if job.keep:
            (job.folder / MODEL).write_text(one.slug)
        put_predictions(job.folder, RIGHT)
        return record(one, 3, RIGHT)

    def cancel(self):
        pass

    def close(self):
        pass


class Silent:
    def event(self, cell, event):
        pass

    def finished(self, cell, record):
        pass

    def note(self, text):
        pass


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(runner, "_LOOK_AGAIN", 0.01)


def run(cells, tmp_path, **options):
    executor = Recording(**options)
    keep = frozenset(teacher.slug for one in cells for teacher in one.teachers)
    store = Store(tmp_path / "t")
    made = Runner(store, {"fer2013": tmp_path}, executor, Silent(), keep=keep)
    todo = missing(cells, store.results())
    return executor, store, made.run(todo)


def test_teachers_stand_first_whether_they_are_rows_or_not():
    cells = plan(SECOND, ALONE).cells
    assert [one.row for one in cells if one.seed == 0] == [TEACHER, FIRST, SECOND, ALONE]
    for one in cells:
        assert {teacher.seed for teacher in one.teachers} <= {one.seed}


def test_a_teacher_is_trained_by_its_own_recipe():
    teacher = plan(FIRST).cells[0]
    assert (teacher.settings.mean, teacher.settings.epochs) == (0.5077, 349)
    assert plan(FIRST, asked=(("mean", 0.0),)).cells[0].settings.mean == 0


def test_every_student_finds_its_teachers_network(tmp_path):
    cells = plan(SECOND, FIRST, ALONE).cells[::-1]  # in the wrong order
    executor, store, failed = run(cells, tmp_path)
    assert failed == [] and sorted(c.slug for c in executor.trained) == sorted(
        c.slug for c in cells
    )
    saved = {result.cell.row for result in store.results() if result.saved}
    assert saved == {TEACHER, FIRST}


def test_a_finished_teacher_without_its_network_is_trained_again(tmp_path):
    cells = plan(FIRST).cells
    teacher = cells[0]
    put_done(Store(tmp_path / "t"), teacher, RIGHT)
    executor, store, _ = run(cells, tmp_path)
    assert teacher in executor.trained and store.read(teacher).saved
    again, *_ = run(cells, tmp_path)
    assert again.trained == []


def test_a_finished_student_needs_no_network_of_its_teacher(tmp_path):
    cells, store = plan(SECOND).cells, Store(tmp_path / "t")
    for one in cells:
        put_done(store, one, RIGHT)
    assert missing(cells, store.results()) == []
    teacher, first, second = cells[:3]
    assert missing(cells, store.results(), {second.slug}) == [teacher, first, second]
    (store.root / first.slug / MODEL).write_text("a network")
    assert missing(cells, store.results(), {second.slug}) == [second]


def test_the_students_of_a_teacher_that_failed_fail_with_that_reason(tmp_path):
    cells = plan(SECOND, ALONE).cells
    executor, store, failed = run(cells, tmp_path, failing=("mini_resnet",))
    assert {one.row for one in failed} == {TEACHER, FIRST, SECOND}
    reasons = {r.cell.row: r.record["error"] for r in store.results() if not r.done}
    assert "Its teacher failed: fer2013 mini_resnet" in reasons[FIRST]
    assert {one.row for one in executor.trained} == {TEACHER, ALONE}


def test_each_shard_has_the_teachers_of_its_students():
    cells = plan(SECOND, FIRST, ALONE).cells
    shares = [Shard(i, 3).select(cells, {c.slug: 1.0 for c in cells}) for i in (1, 2, 3)]
    assert {c for share in shares for c in share} == set(cells)
    for share in shares:
        for position, one in enumerate(share):
            assert all(teacher in share[:position] for teacher in one.teachers)


def test_a_plan_with_teachers_comes_back_from_its_file(tmp_path):
    one = plan(ALONE, TEACHER, FIRST, SECOND, asked=(("epochs", 3),))
    plan_file.write(one, tmp_path)
    (found,) = plan_file.read(tmp_path)
    assert found == one
    assert [c.slug for c in found.cells] == [c.slug for c in one.cells]


@pytest.mark.parametrize("bad", [{"teacher": TEACHER}, {"distillation": SOFT}])
def test_a_teacher_and_its_way_of_teaching_need_each_other(bad):
    with pytest.raises(ValueError, match="teacher and distillation.*together"):
        Row("cnn_v1", **bad)


def test_rows_say_who_taught_them():
    assert "taught by mini_resnet (kind soft, temperature 3, weight 0.5)" in FIRST.label
    assert "taught by cnn_v1 (kind soft, temperature 3, weight 0.5, round 2)" in SECOND.label
    assert replace(FIRST, attention="se").plain == FIRST
