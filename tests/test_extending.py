"""What CONTRIBUTING promises: a module is one file and one import line, and everything knows it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from attention_fer import layers
from preprocessing.prepare import prepare

PROJECT = Path(__file__).resolve().parents[1]
MODULE = '''"""One gate per channel, from its mean."""

from typing import Any

from keras import ops

from attention_fer.layers.base import AttentionModule
from attention_fer.layers.registry import register


@register("mean_gate")
class MeanGate(AttentionModule):
    """One gate per channel, from its mean."""

    def __init__(self, start: str = "paper", data_format: str | None = None, **kwargs: Any):
        super().__init__(start=start, data_format=data_format, **kwargs)

    def build(self, input_shape):
        super().build(input_shape)
        self.scale = self.add_weight(shape=(), initializer=self.last_initializer(), name="scale")

    def last_initializer(self):
        return "zeros" if self.start == "identity" else "ones"

    def gates(self, inputs, training=None):
        mean = ops.mean(inputs, axis=self.spatial_axes)
        return {"channel": self.per_channel(self.to_gate(mean * ops.cast(self.scale, mean.dtype)))}
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A copy of the project with one more file and one more line."""
    root = tmp_path_factory.mktemp("project")
    ignored = shutil.ignore_patterns("__pycache__", "*.png")
    for package in ("attention_fer", "preprocessing", "benchmarks", "tests"):
        shutil.copytree(PROJECT / package, root / package, ignore=ignored)
    shutil.copy(PROJECT / "setup.cfg", root)
    layers = root / "attention_fer" / "layers"
    (layers / "mean_gate.py").write_text(MODULE)
    with open(layers / "__init__.py", "a") as file:
        file.write("\nfrom attention_fer.layers.mean_gate import MeanGate  # noqa: F401\n")
    return root


@pytest.fixture
def run(project):
    def run(*arguments):
        environment = {**os.environ, "PYTHONPATH": str(project), "COLUMNS": "200"}
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(
            command, cwd=project, env=environment, capture_output=True, text=True, check=False
        )

    return run


def test_the_command_lists_it(run):
    done = run("-m", "benchmarks.run", "--help")
    names = ", ".join(["none", *sorted([*layers.names(), "mean_gate"])])
    assert names in " ".join(done.stdout.split())


def test_a_table_takes_it(run, tmp_path):
    dataset = prepare(
        "schematic", None, tmp_path / "data" / "schematic", subjects=10, per_subject=14
    )
    data = ["--data", dataset.path.parent, "--out", tmp_path]
    table = ["--table", "attention", "--backbones", "vgg16", "--attentions", "none", "mean_gate"]
    done = run("-m", "benchmarks.run", *table, *data, "--profile", "quick", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "2 cells" in done.stdout


@pytest.mark.slow
def test_the_contract_tests_cover_it(run):
    tests = ["test_layers_contract.py", "test_layers_keras_harness.py", "test_layers_saving.py"]
    paths = [f"tests/attention_fer/{name}" for name in tests]
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", *paths, "-k", "mean_gate")
    assert done.returncode == 0, done.stdout
    passed = int(done.stdout.rpartition(" passed")[0].split()[-1])
    assert passed > 20
