"""README, documentation and results: snippets run, commands are understood, links are right."""

import os
import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from attention_fer.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "results" / "README.md"])
TEXT = {page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8") for page in PAGES}
MODULES = {
    "preprocessing.run": "prepare",
    "benchmarks.run": "table",
    "benchmarks.report": "report",
    "attention_fer.explain": "explain",
    "attention_fer.predict": "predict",
    "attention_fer.serve": "serve",
    "benchmarks.release": "release",
    "benchmarks.gates": "gates",
}
# First words of other lines in bash blocks.
OTHERS = {"make", "pip", "ray", "#!/bin/bash", "#SBATCH"}


def blocks(language):
    """Code blocks of all pages, as (page, code)."""
    found = [(name, re.findall(rf"^ *```{language}\n(.*?)```", text, flags=re.S | re.M))
             for name, text in TEXT.items()]  # fmt: skip
    return [(name, block) for name, of in found for block in of]


def commands():
    """Commands of all pages, as (name of the subcommand or module, arguments)."""
    for _, block in blocks("bash"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=not line.lstrip().startswith("#"))
            if words[:1] == ["attention-fer"]:
                yield words[1], words[2:]
            elif words[:2] == ["python", "-m"]:
                yield words[2], words[3:]
            elif words:
                assert words[0] in OTHERS, line


def parsers():
    import attention_fer.explain.__main__ as explain
    import attention_fer.predict.__main__ as predict
    import attention_fer.serve.__main__ as serve
    import benchmarks.gates.__main__ as gates
    import benchmarks.release.__main__ as release
    import benchmarks.report.__main__ as report
    import benchmarks.run.arguments as table
    import preprocessing.run as prepare

    return {
        "predict": predict.parser,
        "serve": serve.parser,
        "prepare": prepare.parser,
        "check": prepare.parser,
        "table": partial(table.parser, ""),
        "report": report._parser,
        "explain": explain.parser,
        "release": release.parser,
        "gates": gates.parser,
    }


def test_every_python_block_runs_alone(tmp_path):
    # Each in a namespace of its own; one process, because frameworks take seconds to load.
    code = "import sys\nfor block in sys.argv[1:]:\n    exec(compile(block, block, 'exec'), {})"
    found = [block for _, block in blocks("python")]
    assert any("CBAM" in block for block in found) and len(found) > 8
    done = subprocess.run(
        [sys.executable, "-c", code, *found],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"16 places in resnet50v2, attached\n.*\nconv2_block1_3_conv ", done.stdout)
    assert "weights kept: 272 of 272 arrays" in done.stdout


def test_the_commands_are_understood():
    import benchmarks.faces.__main__ as faces
    import benchmarks.speed.__main__ as speed

    measuring = {"benchmarks.faces": faces, "benchmarks.speed": speed}
    shown = list(commands())
    names = {name for name, _ in shown}
    assert set(COMMANDS) < names <= {*COMMANDS, *MODULES, *measuring}
    for name, words in shown:
        if name in measuring:
            assert measuring[name].parser(words[0]).parse_args(words).what == words[0]
            continue
        command = MODULES.get(name, name)
        arguments = words if name in MODULES else COMMANDS[name].translate(words)
        program = f"python -m {name}" if name in MODULES else f"attention-fer {name}"
        parsers()[command](program).parse_args(arguments)
    for package, module in measuring.items():
        assert {words[0] for name, words in shown if name == package} == set(module.MEASUREMENTS)


def test_every_table_dataset_detector_split_and_module_is_documented():
    from benchmarks import tables
    from benchmarks.plan import registered
    from preprocessing import detectors, sources, splits

    assert all(f"`{name}`" in TEXT["docs/tables.md"] for name in tables.names())
    names = (*sources.names(), *detectors.names(), *splits.names())
    assert all(f"`{name}`" in TEXT["docs/preparing.md"] for name in names)
    assert all(f"`{name}`" in TEXT["docs/layers.md"] for name in registered.attentions())
    assert all(f"`{name}`" in TEXT["docs/backbones.md"] for name in registered.backbones())


def test_the_readme_is_short_and_its_two_commands_exist():
    readme = TEXT["README.md"]
    assert len(readme.splitlines()) <= 250
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"^make (\w+)", readme, flags=re.M))
    assert named == {"table", "test"}
    assert all(re.search(rf"^{target}:", makefile, flags=re.M) for target in named)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_links_lead_to_files(page):
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert all((page.parent / t).is_file() for t in targets if "://" not in t)


@pytest.mark.parametrize(
    ("folder", "count", "tables"),
    [
        ("fer2013-small-resnet/attention", 1, 2),
        ("fer2013-attention/attention", 7, 2),
        ("fer2013-shipped/students", 4, 2),
        ("eeg-generated/eeg", 6, 1),
        ("schematic-distillation/students", 5, 1),
    ],
)
def test_the_tables_of_the_results_are_those_of_the_records(folder, count, tables):
    from benchmarks.report import __main__ as report
    from benchmarks.report import formats

    path = ROOT / "results" / folder
    written, found = (path / f"{path.name}.md").read_text(encoding="utf-8"), report.read(path)
    assert formats.render(found, "markdown") == written
    figures = (path / f"{path.name}.csv").read_text(encoding="utf-8")
    assert formats.render(found, "csv") == figures
    rows = [line for line in written.splitlines() if line.startswith("| ")]
    assert len(rows) == tables * (count + 2)
    assert all(row in TEXT["results/README.md"] for row in rows)


def test_gains_by_chance_beside_the_records_are_those_of_the_records():
    from benchmarks.report import __main__ as report
    from benchmarks.report import chance, formats

    for path in (ROOT / "results").rglob("chance.csv"):
        found = chance.chance_reports(report.read(path.parent))
        assert formats.CHANCE_FORMATS["csv"](found) == path.read_text(encoding="utf-8")
    shown = ROOT / "results" / "fer2013-attention" / "attention" / "chance.png"
    assert (DOCS / "chance.png").read_bytes() == shown.read_bytes()


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2].partition("\nhooks:")[0]
    named = set(re.findall(r"\S+\.md", navigation))
    assert named == {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}


def test_links_of_the_repository_become_those_of_the_site():
    sys.path.insert(0, str(DOCS))
    try:
        import hooks
    finally:
        sys.path.remove(str(DOCS))
    text = hooks.on_page_markdown("{{ README.md }}")
    assert text.startswith("# ") and "](docs/" not in text and ".md)" in text
    given = "![a](docs/a.png) [b](CONTRIBUTING.md#b) [c](preprocessing/run.py) [d](https://d.org)"
    expected = "![a](a.png) [b](contributing.md#b) c [d](https://d.org)"
    assert hooks._LINK.sub(hooks._link, given) == expected


def test_the_site_builds_without_a_warning(tmp_path):
    pytest.importorskip("mkdocstrings", reason="needs the extra docs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "reference" / "benchmarks.html").read_text()
    assert 'id="benchmarks.statistics.paired.compare"' in text
    assert 'id="benchmarks.table.Row"' in text
