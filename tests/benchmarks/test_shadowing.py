"""Modules of the user's named like packages of ours are never imported by `attention-fer`."""

import os
import subprocess
import sys

import pytest

CRASH = "raise SystemExit('a module of the user was imported')\n"


@pytest.fixture
def mine(tmp_path):
    """A folder with a package and a module that end the process which imports them."""
    folder = tmp_path / "mine"
    (folder / "benchmarks").mkdir(parents=True)
    (folder / "benchmarks" / "__init__.py").write_text(CRASH)
    (folder / "preprocessing.py").write_text(CRASH)
    return folder


@pytest.fixture
def script(tmp_path):
    """What pip writes for the entry point."""
    path = tmp_path / "bin" / "attention-fer"
    path.parent.mkdir()
    path.write_text("import sys\nfrom attention_fer.cli import main\nsys.exit(main())\n")
    return [sys.executable, str(path)]


@pytest.mark.slow
def test_a_table_runs_beside_them(mine, script, command, environment, tmp_path):
    out = tmp_path / "runs"
    arguments = command(out, "--attentions", "none")
    table = [*script, "table", *arguments[arguments.index("--table") + 1 :]]
    path = os.pathsep.join([str(mine), environment["PYTHONPATH"]])
    done = subprocess.run(
        table,
        cwd=mine,
        env={**environment, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 cells, 0 done, 1 to run" in done.stdout and "failed" not in done.stdout


@pytest.mark.parametrize("module", ["benchmarks/__init__.py", "preprocessing.py"])
def test_they_would_end_what_imports_them(module, mine):
    done = subprocess.run(
        [sys.executable, str(mine / module)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "of the user" in done.stderr
