"""A taught network beats the same network alone, seed by seed, in the table of `results/`."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.results.store import Store

TABLE = Path(__file__).resolve().parents[2] / "results" / "schematic-distillation" / "students.py"
SEEDS = 2


@pytest.mark.slow
def test_a_teacher_helps_a_student_that_sees_few_faces(tmp_path, environment):
    mine = tmp_path / "students.py"
    less = "from dataclasses import replace\nTABLE = replace(TABLE, rows=(ALONE, FIRST))\n"
    mine.write_text(TABLE.read_text(encoding="utf-8") + less, encoding="utf-8")
    command = [sys.executable, "-m", "benchmarks.run", "--table", str(mine), "--jobs", "2"]
    options = ["--datasets", "schematic", "--profile", "quick", "--seeds", str(SEEDS)]
    where = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "runs")]
    done = subprocess.run([*command, *options, *where], env=environment, check=False)
    assert done.returncode == 0
    found = list(Store(tmp_path / "runs" / "students").results())
    alone, taught = (
        {
            one.cell.seed: one.record["metrics"]["accuracy"]
            for one in found
            if one.cell.row.backbone == "cnn_v1" and (one.cell.teacher is not None) == by_teacher
        }
        for by_teacher in (False, True)
    )
    gains = {seed: taught[seed] - alone[seed] for seed in range(SEEDS)}
    assert min(gains.values()) > 0, gains
