"""A job is the same after it is written and read."""

from dataclasses import fields, replace
from pathlib import Path

import pytest
from fabricated import cell

from benchmarks.plan.job import Execution, Job

FULL = Job(
    cell=cell(attention="se", teacher=cell(), distillation={"weight": 0.5}),
    dataset=Path("/data/fer2013"),
    folder=Path("/runs/cell"),
    execution=Execution(deterministic=True, jit="off", steps_per_execution=3),
    imports=(Path("/mine/table.py"), Path("/mine/module.py")),
    teacher=Path("/runs/teacher"),
    plain=Path("/runs/plain"),
    keep=True,
    checkpoint=Path("/runs/state.npz"),
    tensorboard=Path("/runs/tensorboard/fer2013/vgg16-se"),
    reference=cell(),
)


def test_every_fact_comes_back():
    text = FULL.to_json()
    assert "\n" not in text
    assert Job.from_json(text) == FULL
    # None of them at its default, or a lost one would not show.
    plain = Job(cell(), Path("a"), Path("b"))
    assert all(getattr(FULL, f.name) != getattr(plain, f.name) for f in fields(Job))
    assert Job.from_json(plain.to_json()) == plain


def test_the_cell_of_a_later_fold_is_the_same_cell():
    one = cell(folds=("a", "b", "c"), fold=2)
    again = Job.from_json(replace(FULL, cell=one).to_json()).cell
    assert again == one and again.slug == one.slug and again.split == "c"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"cell": 1}'])
def test_what_is_not_a_job_is_refused(text):
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        Job.from_json(text)
