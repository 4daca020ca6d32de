"""A small prepared dataset, and the command that runs a table on it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from preprocessing.dataset import Dataset
from preprocessing.prepare import prepare

PROJECT = Path(__file__).resolve().parents[2]
# One epoch of a tiny network on a few images.
TINY = {"width": 0.0625, "epochs": 1, "train-samples": 32, "eval-samples": 16, "batch-size": 16}


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """140 schematic faces of ten people: six in train, two in validation, two in test."""
    out = tmp_path_factory.mktemp("data") / "schematic"
    return prepare("schematic", None, out, subjects=10, per_subject=14)


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    """Environment of a process that finds the project, computes on the CPU and is quiet."""
    path = os.pathsep.join(filter(None, [str(PROJECT), os.environ.get("PYTHONPATH")]))
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "COLUMNS": "300", "CUDA_VISIBLE_DEVICES": ""}
    return {**os.environ, **quiet, "PYTHONPATH": path}


@pytest.fixture(scope="session")
def command(dataset: Dataset) -> Callable[..., list[str]]:
    """The command line of a run of `attention` on the small dataset."""

    def make(out: Path, *arguments: str) -> list[str]:
        table = [sys.executable, "-m", "benchmarks.run", "--table", "attention", "--jobs", "1"]
        where = ["--data", str(dataset.path.parent), "--out", str(out), "--profile", "quick"]
        tiny = [text for key, value in TINY.items() for text in (f"--{key}", str(value))]
        return [*table, *where, "--backbones", "vgg16", *tiny, *arguments]

    return make


@pytest.fixture(scope="session")
def run(
    command: Callable[..., list[str]], environment: dict[str, str]
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command to its end."""

    def execute(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(out, *arguments),
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return execute
