"""The report of stored results: numbers, gaps, published figures, and what they cost to print."""

import csv
import io
import re
import subprocess
import sys

import numpy as np
import pytest
from fabricated import cell, put_done, put_failed
from rich.console import Console

from benchmarks import formats, report, tables
from benchmarks.store import Store
from benchmarks.table import PUBLISHED, Row

TABLE = tables.get("attention")
SEEDS = (0, 1)
# Share of right answers by (attention, seed); a text is the reason of a failure, None is missing.
STORY = {
    "none": (0.50, 0.52),
    "se": (0.61, 0.64),
    "eca": (0.55, "ValueError: no [/place] in [red]"),
    "cbam": (0.40, None),
}


def planned(backbone, dataset):
    return [
        cell(backbone=backbone, attention=attention, dataset=dataset, seed=seed)
        for seed in SEEDS
        for attention in STORY
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("runs") / "attention")
    hardness = np.random.default_rng(0).permutation(200) / 200
    for one in planned("vgg16", "fer2013") + planned("vgg16", "schematic"):
        outcome = STORY[one.attention][one.seed]
        if isinstance(outcome, float):
            put_done(store, one, hardness < outcome)
        elif outcome:
            put_failed(store, one, outcome)
    put_failed(store, cell(backbone="vgg19"), "MemoryError: too large")
    return store


@pytest.fixture(scope="module")
def built(store):
    cells = [c for b in ("vgg16", "vgg19") for c in planned(b, "fer2013")]
    return report.build(TABLE, cells + planned("vgg16", "schematic"), store)


def as_text(built):
    console = Console(file=io.StringIO(), width=400)
    formats.show(built, "text", console)
    return console.file.getvalue()


def as_rows(built):
    """Cells of the Markdown table by (backbone, attention)."""
    lines = [x for x in formats.markdown(built).splitlines() if x.startswith("|")]
    rows = [[part.strip() for part in line.strip("|").split(" | ")] for line in lines]
    return rows[0], {tuple(row[:2]): row[2:] for row in rows[2:]}


def as_numbers(built):
    lines = csv.DictReader(io.StringIO(formats.as_csv(built)))
    return {(x["dataset"], x["backbone"], x["attention"]): x for x in lines}


def test_csv_has_the_accuracies_of_the_stored_cells(built):
    numbers = as_numbers(built)
    for attention in ("none", "se"):
        expected = 100 * np.array(STORY[attention])
        line = numbers["fer2013", "vgg16", attention]
        assert float(line["accuracy"]) == pytest.approx(expected.mean())
        assert float(line["sd"]) == pytest.approx(expected.std(ddof=1))
        assert (line["seeds"], line["n"]) == ("2", "200")
    line = numbers["fer2013", "vgg16", "se"]
    assert float(line["difference"]) == pytest.approx(11.5)
    assert float(line["low"]) < 11.5 < float(line["high"])
    assert line["verdict"] == "better"
    assert numbers["fer2013", "vgg16", "none"]["difference"] == ""
    assert numbers["fer2013", "vgg16", "eca"]["verdict"] == ""


def test_gaps_are_counted_and_named(built):
    numbers = as_numbers(built)
    gaps = {key[1:]: (x["failed"], x["missing"]) for key, x in numbers.items() if "f" in key[0]}
    assert gaps["vgg16", "none"] == gaps["vgg16", "se"] == ("0", "0")
    assert gaps["vgg16", "eca"] == ("1", "0")
    assert gaps["vgg16", "cbam"] == ("0", "1")
    assert gaps["vgg19", "none"] == ("1", "1")
    assert gaps["vgg19", "se"] == ("0", "2")
    _, rows = as_rows(built)
    assert "2 seeds" in rows["vgg16", "se"][1]
    assert "1 of 2 seeds" in rows["vgg16", "eca"][1]
    assert "1 of 2 seeds" in rows["vgg16", "cbam"][1]
    assert rows["vgg19", "none"][1:3] == ["failed: MemoryError: too large", ""]
    assert rows["vgg19", "se"][1:3] == ["missing", ""]


def test_markdown_rounds_the_numbers_of_the_csv(built):
    titles, rows = as_rows(built)
    assert len(titles) == 3 + 3 * 2
    for (dataset, *row), line in as_numbers(built).items():
        texts = rows[tuple(row)]
        start = 1 + 3 * ["fer2013", "schematic"].index(dataset) if texts[1:] else 1
        accuracy, difference, printed = texts[start : start + 3]
        if line["accuracy"]:
            assert accuracy.startswith(f"{float(line['accuracy']):.2f}")
            assert texts[0] == f"{int(line['parameters']):,}"
        if line["difference"]:
            mean, low, high = (float(line[key]) for key in ("difference", "low", "high"))
            expected = f"{mean:+.2f} [{low:+.2f}, {high:+.2f}] {line['verdict']}".strip()
            assert difference == expected
        assert (printed and float(printed)) == (line["published"] and float(line["published"]))


def test_text_shows_what_markdown_shows(built):
    text = re.sub(r"\s+", " ", as_text(built))
    titles, rows = as_rows(built)
    for part in [*titles, *(part for texts in rows.values() for part in texts)]:
        assert part in text
    for caption in built.captions:
        assert caption in text


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_a_reason_with_brackets_is_printed_as_it_is(tmp_path, form):
    store, one = Store(tmp_path), cell()
    put_failed(store, one, "Error: [/job:localhost] [red]x[/red] | y")
    console = Console(file=io.StringIO(), width=400)
    formats.show(report.build(TABLE, [one], store), form, console)
    printed = console.file.getvalue().replace("\\|", "|")
    assert "Error: [/job:localhost] [red]x[/red] | y" in printed


def test_published_figures_stand_at_their_rows(tmp_path):
    with open(PUBLISHED, encoding="utf-8", newline="") as file:
        figures = {(x["backbone"], x["attention"]): x for x in csv.DictReader(file)}
    cells = [
        cell(backbone=row.backbone, attention=row.attention, dataset=dataset)
        for dataset in ("fer2013", "jaffe", "ckplus", "schematic")
        for row in TABLE.rows
    ]
    numbers = as_numbers(report.build(TABLE, cells, Store(tmp_path)))
    for dataset, backbone, attention in (
        ("fer2013", "vgg16", "cbam"),
        ("jaffe", "resnet152", "none"),
        ("ckplus", "resnet50v2", "eca"),
    ):
        expected = float(figures[backbone, attention][f"{dataset}_accuracy"])
        assert float(numbers[dataset, backbone, attention]["published"]) == expected
    assert all(x["published"] == "" for key, x in numbers.items() if key[0] == "schematic")
    assert len(figures) == len(TABLE.rows)


def test_only_generated_faces_are_called_synthetic(built):
    real, synthetic = built.captions
    assert synthetic.startswith("schematic (synthetic")
    assert real.startswith("fer2013") and "synthetic" not in real


def test_a_caption_tells_split_n_seeds_width_and_machine(built):
    for part in ("'official'", "n = 200", "seeds 0, 1", "width 0.25", "corrected", "batch 32"):
        assert part in built.captions[0]
    assert "Some Processor, 2 cores, CPU only" in built.captions[0]


def test_stored_results_of_other_settings_are_never_in_one_table(tmp_path):
    store = Store(tmp_path)
    kinds = [{}, {"variant": "published"}, {"backend": "jax"}, {"protocol": "published"}]
    kinds += [{"fingerprint": "b" * 64}, {"settings": cell().settings.of("jaffe").__class__()}]
    for change in kinds:
        put_done(store, cell(**change), [True, False])
    found = report.stored_reports(store, TABLE)
    assert len(found) == len(kinds)
    assert all(r.entries[Row("vgg16"), "fer2013"].planned == 1 for r in found)


def test_the_command_says_what_is_wrong_in_a_line(tmp_path, capsys):
    assert report.main([str(tmp_path / "attention")]) == 2
    assert capsys.readouterr().err.startswith("error: No results in")
    assert report.main([str(tmp_path / "atention")]) == 2
    assert "Did you mean 'attention'?" in capsys.readouterr().err


@pytest.mark.parametrize("form", formats.FORMATS)
def test_printing_a_report_loads_no_framework(store, environment, form):
    code = (
        "import sys, benchmarks.run, benchmarks.report as report\n"
        f"status = report.main([{str(store.root)!r}, '--format', {form!r}])\n"
        "loaded = {'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)\n"
        "sys.exit(f'loaded {loaded}' if loaded else status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "fer2013" in done.stdout and "schematic" in done.stdout
