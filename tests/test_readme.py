"""The commands and the code of the README run as they stand there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.S)


def commands(module: str) -> list[list[str]]:
    lines = "\n".join(blocks("bash")).replace("\\\n", " ").splitlines()
    found = [shlex.split(line, comments=True) for line in lines]
    return [words[3:] for words in found if words[:3] == ["python", "-m", module]]


def test_the_python_blocks_run_one_after_the_other(tmp_path: Path) -> None:
    code = "\n".join(blocks("python"))
    assert "CBAM" in code
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "0 new; 0 missed" not in done.stdout
    assert re.search(r"\d+ layers loaded; \d+ new \(conv2_block1_attention", done.stdout)


def test_the_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^make (\w+)", "\n".join(blocks("bash")), flags=re.M))
    assert named == {"table", "test"}
    assert all(re.search(rf"^{target}:", makefile, flags=re.M) for target in named)


def test_the_benchmark_commands_are_understood() -> None:
    from benchmarks import tables
    from benchmarks.run.arguments import changes, parser

    assert commands("benchmarks.run")
    for words in commands("benchmarks.run"):
        options = parser().parse_args(words)
        assert options.table in tables.names() or (ROOT / options.table).is_file()
        tables.get("small-cnn").profile("full", **changes(options))


def test_every_table_and_split_is_in_the_readme() -> None:
    from benchmarks import tables

    assert all(f"`{name}`" in README for name in tables.names())


def test_the_preprocessing_commands_are_understood() -> None:
    from preprocessing import detectors, sources
    from preprocessing.run import parser

    shown = [parser().parse_args(words) for words in commands("preprocessing.run")]
    prepared = {options.dataset for options in shown} - {None}
    assert prepared == set(sources.names()) - {"schematic"}
    assert any(options.check for options in shown)
    assert all(f"`{name}`" in README for name in (*sources.names(), *detectors.names()))


def test_the_splits_are_those_that_exist() -> None:
    from preprocessing import splits

    assert all(f"`{name}`" in README for name in splits.names())


def test_the_measurements_are_those_that_exist() -> None:
    from benchmarks.speed.__main__ import MEASUREMENTS, parser

    shown = commands("benchmarks.speed")
    assert {words[0] for words in shown} == set(MEASUREMENTS)
    for words in shown:
        assert parser(words[0]).parse_args(words).what == words[0]


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#:]+)\)", README))
def test_the_links_into_the_project_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize(
    ("folder", "count"),
    [
        ("fer2013-test-parts/attention", 4),
        ("fer2013-official/small-cnn", 5),
        ("eeg-generated/eeg", 6),
        ("schematic-distillation/students", 5),
    ],
)
def test_the_tables_of_the_results_are_those_of_the_records(folder: str, count: int) -> None:
    from benchmarks.report import __main__ as report
    from benchmarks.report import formats

    path = ROOT / "results" / folder
    written = (path / f"{path.name}.md").read_text(encoding="utf-8")
    assert formats.render(report.read(path), "markdown") == written
    rows = [line for line in written.splitlines() if line.startswith("| ")]
    assert len(rows) == count + 2 and all(row in README for row in rows)
