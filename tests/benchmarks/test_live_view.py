"""The live view: what is left moves with every step, a finished cell leaves a line."""

import io

import pytest
from fabricated import PROVENANCE, cell
from rich.console import Console

from benchmarks.run.display import LiveView

FIRST, SECOND = cell(), cell(seed=1)
DONE = {
    "status": "done",
    "metrics": {"accuracy": 0.4321, "n_test": 50, "epochs": 3},
    "timing": {"train": 60.0, "test": 20.0},
    "provenance": PROVENANCE,
}


@pytest.fixture
def said():
    return io.StringIO()


@pytest.fixture
def view(said):
    console = Console(file=said, width=200)
    return LiveView(console, {FIRST.slug: 40.0, SECOND.slug: 40.0}, jobs=1)


def left(view):
    return view._progress.tasks[0].fields["note"]


def step(epoch, number):
    return {"event": "step", "epoch": epoch, "epochs": 2, "step": number, "steps": 10}


def test_the_time_left_shrinks_with_every_step(view):
    assert left(view) == "about 80 s left"
    view.event(FIRST, {"event": "stage", "stage": "train"})
    assert left(view) == "about 80 s left"
    view.event(FIRST, step(1, 5))
    assert left(view) == "about 70 s left"
    view.event(FIRST, step(2, 10))
    assert left(view) == "about 40 s left"


def test_a_cell_that_took_longer_than_thought_corrects_the_others(view, said):
    view.event(FIRST, step(1, 5))
    view.finished(FIRST, DONE)
    assert left(view) == "about 80 s left"  # 80 s for a cell instead of 40
    assert "43.21 % of 50, 3 epochs in 80 s" in said.getvalue()


def test_a_failed_cell_says_why_and_teaches_nothing_about_time(view, said):
    view.finished(FIRST, {"status": "failed", "error": "ValueError: [no] such thing"})
    assert left(view) == "about 40 s left"
    assert "failed  fer2013 vgg16 none seed 0: ValueError: [no] such thing" in said.getvalue()


def test_jobs_share_the_time(said):
    view = LiveView(Console(file=said), {FIRST.slug: 40.0, SECOND.slug: 40.0}, jobs=2)
    assert left(view) == "about 40 s left"


def test_a_note_is_a_line_as_it_is(view, said):
    view.note("[waiting] for another run")
    assert "[waiting] for another run\n" in said.getvalue()
