"""The machine's GPUs, and how cells share them."""

import os

import pytest

from benchmarks.plan.job import Execution
from benchmarks.run import setup
from benchmarks.run.executors.local import gpu_shares
from benchmarks.run.executors.process import environment


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Makes a machine with so many GPUs: a program that lists them as NVIDIA's does."""

    def make(count, chosen=None):
        program = tmp_path / "nvidia-smi"
        name = "NVIDIA GeForce RTX 3060 Laptop GPU"  # "GPU " twice in a line
        lines = "".join(f"echo 'GPU {i}: {name} (UUID: GPU-{i})'\n" for i in range(count))
        program.write_text(f"#!/bin/sh\n{lines}" if count else "#!/bin/sh\nexit 9\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if chosen is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
        return setup.visible_gpus()

    return make


@pytest.mark.skipif(os.name != "posix", reason="the program is a shell script")
@pytest.mark.parametrize(
    ("count", "chosen", "visible"),
    [
        (3, None, ["0", "1", "2"]),
        (3, "2,0", ["2", "0"]),
        (3, "", []),
        (3, "GPU-1", ["GPU-1"]),
        (3, "-1", []),
        (3, "1,-1,2", ["1"]),
        (0, None, []),
        (0, "0", []),
    ],
)
def test_visible_gpus_are_those_of_the_driver_that_the_user_left(machine, count, chosen, visible):
    assert machine(count, chosen) == visible


def test_a_machine_without_the_drivers_program_has_none(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert setup.visible_gpus() == []


@pytest.mark.parametrize(
    ("jobs", "gpus", "replicas", "seen"),
    [
        (2, [], 1, [None, None]),
        (2, ["0"], 1, [None, None]),
        (2, ["0", "3"], 1, [("0",), ("3",)]),
        (3, ["0", "1"], 1, [("0",), ("1",), ("0",)]),
        (2, ["0", "1", "2", "3"], 2, [("0", "1"), ("2", "3")]),
        (1, ["0", "1"], 2, [("0", "1")]),
    ],
)
def test_every_gpu_is_used_before_any_is_shared(jobs, gpus, replicas, seen):
    assert gpu_shares(jobs, gpus, replicas) == seen


def test_a_cell_cannot_have_more_gpus_than_there_are():
    with pytest.raises(ValueError, match="--replicas.*0, got 2"):
        gpu_shares(1, [], 2)


def test_a_cells_process_sees_its_share_alone(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,6")
    assert environment("jax", 1, Execution())["CUDA_VISIBLE_DEVICES"] == "5,6"
    found = environment("jax", 1, Execution(), ["6"])
    assert found["CUDA_VISIBLE_DEVICES"] == "6"
    assert found["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("4", 4), ("all", 3)])
def test_replicas_are_a_number_or_all(text, number):
    assert setup._parse_replicas(text, ["0", "1", "2"]) == number


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_other_replicas_are_refused(text):
    with pytest.raises(ValueError, match=f"--replicas.*'all'.*got '{text}'"):
        setup._parse_replicas(text, [])
