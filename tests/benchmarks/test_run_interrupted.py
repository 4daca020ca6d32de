"""Runs that are killed, interrupted or run twice: no partial results remain, and they resume."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from processes import alive, folders, holder, started, training, until, workers

from benchmarks.results.store import Store

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="finds the worker processes in /proc"
)


def seeds(out):
    """The stored results by seed."""
    return {r.cell.seed: r for r in Store(out / "attention").results()}


def stamps(out):
    return {seed: (r.path / "result.json").stat().st_mtime_ns for seed, r in seeds(out).items()}


def assert_complete(out, n):
    found = seeds(out)
    assert sorted(found) == list(range(n)) and all(result.done for result in found.values())
    assert Store(out / "attention").problems() == []
    assert not folders(out, "*.partial") and not folders(out, ".locks")


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_run_are_made_up_for_by_the_same_command(
    command, run, environment, tmp_path
):
    arguments = ("--attentions", "none", "--seeds", "3")
    with started(command(tmp_path, *arguments), environment) as process:
        until(lambda: 0 in seeds(tmp_path) and training(tmp_path))
        (folder,) = folders(tmp_path, "*-s1-*.partial")
        os.kill(until(lambda: holder(folder)), signal.SIGKILL)
        until(lambda: 1 in seeds(tmp_path) and training(tmp_path))
        running = until(lambda: workers(process))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: not any(map(alive, running)), 30)
    before, found = stamps(tmp_path), seeds(tmp_path)
    assert {seed: result.status for seed, result in found.items()} == {0: "done", 1: "failed"}
    assert found[1].record["error"].startswith("The process ended with signal 9. Perhaps: Out of")
    assert folders(tmp_path, "*.partial")
    done = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 cells, 1 done, 2 to run" in done.stdout
    assert stamps(tmp_path)[0] == before[0]
    assert_complete(tmp_path, 3)


@pytest.mark.slow
def test_kills_at_any_moment_lose_and_mix_nothing(command, run, environment, tmp_path):
    arguments = ("--attentions", "none", "--seeds", "6", "--jobs", "2")
    chance = random.Random(0)
    kept = {}
    for turn in range(6):
        with started(command(tmp_path, *arguments), environment) as process:
            until(lambda: workers(process) or process.poll() is not None)
            time.sleep(chance.uniform(0, 20))
            if turn % 2 and (running := workers(process)):
                os.kill(chance.choice(running), signal.SIGKILL)
                time.sleep(chance.uniform(0, 5))
            process.kill()
            process.wait()
        now = stamps(tmp_path)
        assert now.items() >= kept.items(), "a finished cell was lost or made again"
        assert Store(tmp_path / "attention").problems() == []
        kept = {seed: now[seed] for seed, result in seeds(tmp_path).items() if result.done}
    done = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert stamps(tmp_path).items() >= kept.items()
    assert_complete(tmp_path, 6)


@pytest.mark.parametrize("whole_group", [pytest.param(False, marks=pytest.mark.slow), True])
def test_ctrl_c_ends_with_130_and_leaves_nothing_half_done(
    command, environment, tmp_path, whole_group
):
    arguments = ("--attentions", "none", "--seeds", "2", "--epochs", "500", "--patience", "500")
    with started(command(tmp_path, *arguments), environment) as process:
        until(lambda: training(tmp_path))
        running = until(lambda: workers(process))
        # A terminal sends the signal to the whole group, the workers among it.
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 130
        until(lambda: not any(map(alive, running)), 30)
    assert "interrupted: rerun" in output and "Traceback" not in output
    assert not folders(tmp_path, "*.partial")
    assert not folders(tmp_path, "*/result.json")


@pytest.mark.slow
def test_two_runs_share_a_folder_and_one_takes_over_what_the_killed_other_had(
    command, environment, tmp_path
):
    arguments = ("--attentions", "none", "--seeds", "2")
    with started(command(tmp_path, *arguments), environment) as first:
        until(lambda: training(tmp_path))
        # Stopped, it keeps its lock and can store nothing, however long the other takes.
        os.kill(first.pid, signal.SIGSTOP)
        (taken,) = folders(tmp_path, "*.partial")
        with started(command(tmp_path, *arguments), environment) as second:
            until(lambda: 1 in seeds(tmp_path))
            time.sleep(2)
            assert second.poll() is None and 0 not in seeds(tmp_path) and taken.is_dir()
            os.kill(first.pid, signal.SIGKILL)
            output, _ = second.communicate(timeout=200)
    assert second.returncode == 0, output
    assert "seed 0: another run is training it" in output
    assert "seed 0: the other run did not finish it" in output
    assert_complete(tmp_path, 2)


@pytest.mark.slow
def test_a_full_disk_ends_the_run_with_a_reason(command, environment, tmp_path):
    resource = pytest.importorskip("resource")
    with started(command(tmp_path, "--attentions", "none", "--seeds", "2"), environment) as process:
        until(lambda: training(tmp_path))
        (folder,) = folders(tmp_path, "*.partial")
        # No file of the cell can grow from now on.
        resource.prlimit(until(lambda: holder(folder)), resource.RLIMIT_FSIZE, (100, 100))
        output, _ = process.communicate(timeout=200)
    assert process.returncode == 1
    assert "error: [Errno 27] File too large while a cell wrote its results" in output
    assert "rerun the same command" in output and "Traceback" not in output
    assert seeds(tmp_path) == {} and not folders(tmp_path, "*.partial")


@pytest.mark.slow
def test_a_worker_ends_with_its_runner_even_before_it_has_a_job(environment):
    worker = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.run.worker"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    output, errors = worker.communicate("", timeout=60)
    assert worker.returncode == 1
    assert all(json.loads(line)["event"] for line in output.splitlines())
    assert "Traceback" not in errors
