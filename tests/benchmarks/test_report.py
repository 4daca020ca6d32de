"""The command that makes reports, and what a run writes at its end."""

import subprocess
import sys
from dataclasses import replace

import pytest
from fabricated import cell, plan, put_done, put_failed, put_plan, story, target
from rich.console import Console

from benchmarks import tables
from benchmarks.report import __main__ as report
from benchmarks.report import analysis, formats
from benchmarks.results import plan_file
from benchmarks.results.store import Store
from benchmarks.table import Row

PAIR = (Row("vgg16"), Row("vgg16", "se"))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store, of = story(tmp_path_factory.mktemp("runs") / "made-up")
    plan_file.write(of, store.root)
    return store


def test_printing_a_report_loads_no_framework(store, environment):
    code = (
        "import sys, benchmarks.run.__main__, benchmarks.report.__main__ as report\n"
        f"for form in {list(formats.FORMATS)}:\n"
        f"    assert report.main([{str(store.root)!r}, '--format', form]) == 0\n"
        "loaded = {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "fer2013" in done.stdout and "schematic" in done.stdout


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_a_file_has_what_is_printed(store, tmp_path, capsys, form):
    assert report.main([str(store.root), "--format", form]) == 0
    printed = capsys.readouterr().out
    path = tmp_path / "new" / "file"
    assert report.main([str(store.root), "--format", form, "--output", str(path)]) == 0
    assert path.read_text(encoding="utf-8").split() == printed.split()
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_what_a_stored_plan_asks_for_is_missing_and_not_absent(store):
    (built,) = report.read(store.root)
    assert len(built.entries) == 18
    assert built.problems == ()
    assert sum(len(entry.missing) for entry in built.entries.values()) == 28


def test_a_folder_without_results_is_an_error_in_a_line(tmp_path, capsys):
    assert report.main([str(tmp_path / "attention")]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path / 'attention'}") and said.count("\n") == 1
    plan_file.write(plan(PAIR, [target()]), tmp_path / "attention")
    assert report.main([str(tmp_path)]) == 2
    assert "one of its folders: attention." in capsys.readouterr().err


def test_results_that_no_plan_names_are_a_problem_that_is_shown(tmp_path):
    store, of = Store(tmp_path), plan(PAIR, [target()], seeds=1)
    plan_file.write(of, store.root)
    other = put_done(store, cell(seed=7), [True, False])
    (built,) = analysis.stored(store)
    assert built.problems == ((str(other.path), "no plan next to it names this cell"),)


def test_results_of_other_settings_are_never_averaged(tmp_path):
    store = Store(tmp_path)
    kinds = [{}, {"variant": "published"}, {"backend": "jax"}, {"asked": (("epochs", 3),)}]
    plans = [plan(PAIR, [target()], seeds=1, **change) for change in kinds]
    plans += [plan(PAIR, [target(**change)], seeds=1) for change in
              ({"protocol": "published"}, {"fingerprint": "b" * 64})]  # fmt: skip
    for of in plans:
        plan_file.write(of, store.root)
        put_plan(store, of, lambda c: 0.5)
    entries = [entry for built in analysis.stored(store) for entry in built.entries.values()]
    assert len(entries) == 2 * len(plans)
    assert all(entry.planned == 1 for entry in entries)
    lines = formats.render(analysis.stored(store), "csv").splitlines()
    assert len(lines) == 1 + 2 * len(plans)


def test_a_plan_run_twice_with_more_seeds_is_one_report(tmp_path):
    store = Store(tmp_path)
    for seeds in (1, 3):
        of = plan(PAIR, [target()], seeds=seeds)
        plan_file.write(of, store.root)
        put_plan(store, of, lambda c: 0.5)
    (built,) = analysis.stored(store)
    assert [entry.seeds for entry in built.entries.values()] == [(0, 1, 2)] * 2


def test_each_recipe_of_a_plan_is_compared_with_the_reference_of_that_recipe(tmp_path):
    store = Store(tmp_path)
    recipes = ("fer-small", "fer-small-long")
    for recipe in recipes:
        of = plan(PAIR, [target()], chosen={"": PAIR[0]})
        of = replace(of, table=of.table.with_recipe(recipe))
        plan_file.write(of, store.root)
        put_plan(store, of, lambda c: 0.5)
    found = [
        (entry.row.recipe, entry.comparison.reference.recipe)
        for built in analysis.stored(store)
        for entry in built.entries.values()
        if entry.comparison
    ]
    assert sorted(found) == [(recipe, recipe) for recipe in recipes]


def published(store, of):
    console = Console(width=120, file=None)
    with console.capture() as captured:
        paths = formats.publish(of, store, console)
    return paths, captured.get()


def test_a_run_writes_its_table_beside_the_results_and_says_where(tmp_path):
    store, of = Store(tmp_path), plan(PAIR, [target()], seeds=2)
    plan_file.write(of, store.root)
    put_plan(store, of, lambda c: None if c.seed else 0.5)
    paths, printed = published(store, of)
    assert [path.name for path in paths] == [f"made-up.{s}" for s in ("md", "csv", "tex", "html")]
    assert all(f"Written: {path}" in printed for path in paths)
    assert "1 of 2 seeds" in printed and "1 of 2 seeds" in paths[0].read_text(encoding="utf-8")
    put_plan(store, of, lambda c: 0.5 if c.seed else None)
    published(store, of)
    assert "2 seeds" in paths[0].read_text(encoding="utf-8")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".made")] == []
    # What a run writes is nothing that a report would stumble over.
    (built,) = analysis.stored(store)
    assert built.problems == ()


def test_nothing_done_yet_can_be_published(tmp_path):
    paths, printed = published(Store(tmp_path / "new"), plan(PAIR, [target()]))
    assert "missing" in printed and all(path.stat().st_size for path in paths)


def test_failed_cells_alone_are_a_report(tmp_path):
    of = plan(PAIR, [target()], seeds=1)
    plan_file.write(of, tmp_path)
    put_failed(Store(tmp_path), of.cells[0], "")
    text = formats.render(analysis.stored(Store(tmp_path)), "text")
    assert "failed: no reason was stored" in text


def test_rows_stand_as_in_the_table_of_that_name_whichever_plan_is_older(tmp_path):
    table = tables.get("small-cnn")
    store = Store(tmp_path / table.name)
    for backbone in ("mini_resnet", "cnn_v1", "cnn_v2"):
        asked = plan(table.select([backbone], ["none"]).rows, [target()])
        asked = replace(asked, table=replace(asked.table, name=table.name))
        plan_file.write(asked, store.root)
        put_plan(store, asked, lambda _: 0.5)
    (built,) = analysis.stored(store)
    names = [row.backbone for row in built.plan.table.rows]
    assert names == ["cnn_v1", "cnn_v2", "mini_resnet"]
