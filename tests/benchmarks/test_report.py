"""The command that makes reports, and what a run writes at its end."""

import subprocess
import sys

import pytest
from fabricated import cell, plan, put_done, put_failed, put_plan, story, target
from rich.console import Console

from benchmarks import tables
from benchmarks.plan import plan as plans
from benchmarks.plan.settings import Settings
from benchmarks.report import __main__ as report
from benchmarks.report import analysis, files, formats
from benchmarks.results.store import Store
from benchmarks.table import Row

PAIR = (Row("vgg16"), Row("vgg16", "se"))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store, of = story(tmp_path_factory.mktemp("runs") / "made-up")
    plans.write(of, store.root)
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
    assert capsys.readouterr().err == f"error: No results in {tmp_path / 'attention'}.\n"
    put_done(Store(tmp_path / "attention"), cell(), [True])
    assert report.main([str(tmp_path)]) == 2
    assert "lie in a folder of it: attention." in capsys.readouterr().err
    assert report.main([str(tmp_path / "attention"), "--table", "atention"]) == 2
    assert "Did you mean 'attention'?" in capsys.readouterr().err


def test_results_without_a_plan_get_their_tables_published_figures(tmp_path, capsys):
    put_done(Store(tmp_path / "attention"), cell(), [True, False])
    put_done(Store(tmp_path / "mine"), cell(), [True, False])
    for folder, table, published in (
        ("attention", None, True), ("mine", None, False), ("mine", "attention", True),
    ):  # fmt: skip
        (built,) = report.read(tmp_path / folder, table)
        (entry,) = built.entries.values()
        figure = tables.get("attention").published[Row("vgg16"), "fer2013"]
        assert entry.published == (figure if published else None)


def test_stored_results_of_other_settings_are_never_averaged(tmp_path):
    store = Store(tmp_path)
    kinds = [{}, {"variant": "published"}, {"backend": "jax"}, {"protocol": "published"}]
    kinds += [{"fingerprint": "b" * 64}, {"settings": cell().settings.of("jaffe").__class__()}]
    for change in kinds:
        put_done(store, cell(**change), [True, False])
    entries = [entry for built in analysis.stored(store) for entry in built.entries.values()]
    assert len(entries) == len(kinds)
    assert all(entry.planned == 1 for entry in entries)
    lines = formats.render(analysis.stored(store), "csv").splitlines()
    assert len(lines) == 1 + len(kinds)


def test_a_plan_run_twice_with_more_seeds_is_one_report(tmp_path):
    store = Store(tmp_path)
    for seeds in (1, 3):
        of = plan(PAIR, [target()], seeds=seeds)
        plans.write(of, store.root)
        put_plan(store, of, lambda c: 0.5)
    (built,) = analysis.stored(store)
    assert [entry.seeds for entry in built.entries.values()] == [(0, 1, 2)] * 2


def published(store, of):
    console = Console(width=120, file=None)
    with console.capture() as captured:
        paths = files.publish(of, store, console)
    return paths, captured.get()


def test_a_run_writes_its_table_beside_the_results_and_says_where(tmp_path):
    store, of = Store(tmp_path), plan(PAIR, [target()], seeds=2)
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


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "table.md"
    files.write_whole(path, "before")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_whole(path, "after")
    assert path.read_text(encoding="utf-8") == "before"
    assert [p.name for p in tmp_path.iterdir()] == ["table.md"]


def test_failed_cells_alone_are_a_report(tmp_path):
    of = plan(PAIR, [target()], seeds=1)
    put_failed(Store(tmp_path), of.cells[0], "")
    text = formats.render(analysis.stored(Store(tmp_path)), "text")
    assert "failed: no reason was stored" in text


def test_records_without_a_plan_tell_what_their_recipe_did_not_change(tmp_path):
    store = Store(tmp_path)
    settings = Settings(epochs=3, train_samples=100).trained("mini-resnet", kept=["epochs"])
    one = cell(trained_by="mini-resnet", changes=(("mean", 0.25),), settings=settings)
    put_done(store, one, [True, False])
    (built,) = analysis.stored(store)
    assert built.plan.kept == ("epochs",)
    assert "epochs 3," in formats.render([built], "text")
    assert "a recipe leaves epochs." in " ".join(formats.render([built], "text").split())


def test_rows_stand_as_in_the_table_of_that_name_whichever_plan_is_older(tmp_path):
    store, table = Store(tmp_path), tables.get("small-cnn")
    for backbone in ("mini_resnet", "cnn_v1", "cnn_v2"):
        asked = plan(table.select([backbone], ["none"]).rows, [target()])
        plans.write(asked, store.root)
        put_plan(store, asked, lambda _: 0.5)
    (built,) = analysis.stored(store, table)
    names = [row.backbone for row in built.plan.table.rows]
    assert names == ["cnn_v1", "cnn_v2", "mini_resnet"]
