"""The documentation: its snippets run, its commands are understood, its links lead somewhere."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from attention_fer.cli import COMMANDS, main

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
# What needs the file of another command, or trains networks, is only parsed.
RUN = {"prepare", "check"}


def blocks(language):
    found = [re.findall(rf"```{language}\n(.*?)```", p.read_text(), flags=re.S) for p in PAGES]
    return [block for page in found for block in page]


def commands():
    lines = "\n".join(blocks("bash")).replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True) for line in lines if line]


def parsers():
    import attention_fer.explain.__main__ as explain
    import benchmarks.report.__main__ as report
    import benchmarks.run.arguments as table
    import preprocessing.run as prepare

    return {
        "prepare": prepare.parser,
        "check": prepare.parser,
        "table": partial(table.parser, ""),
        "report": report._parser,
        "explain": explain.parser,
    }


def test_the_commands_are_understood():
    shown = commands()
    assert {words[0] for words in shown} == {"attention-fer"}
    assert {words[1] for words in shown} == set(COMMANDS)
    for _, name, *arguments in shown:
        parsers()[name](f"attention-fer {name}").parse_args(COMMANDS[name].translate(arguments))


def test_the_snippets_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _, name, *arguments in commands():
        if name in RUN:
            with contextlib.redirect_stdout(io.StringIO()):
                assert main([name, *arguments]) == 0
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks("python"))],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_the_links_lead_to_files(page):
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    assert all((page.parent / t).is_file() for t in targets if "://" not in t)


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2].partition("\nhooks:")[0]
    named = set(re.findall(r"\S+\.md", navigation))
    assert named == {page.relative_to(DOCS).as_posix() for page in PAGES}


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
