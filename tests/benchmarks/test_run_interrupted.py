"""Runs that are killed or interrupted: nothing half done stays, and the rest goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.store import Store

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir(), reason="finds the worker processes in /proc"
)


@contextmanager
def started(command, environment):
    """A running command in a process group of its own; killed in any case."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Tests that run in the background inherit an ignored SIGINT, which Python leaves ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def workers(process):
    """Process numbers of the command's children."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    return [int(number) for file in tasks for number in file.read_text().split()]


def alive(number):
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def until(condition, seconds=120):
    """Waits for a condition and returns its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{condition} did not come true"
        time.sleep(0.05)
    return value


def folders(out, pattern):
    return sorted((out / "attention").glob(pattern))


def training(out):
    """Whether some cell has begun to train: its curves are there, its result is not."""
    return folders(out, "*.partial/tensorboard/*")


def test_a_killed_run_leaves_no_process_and_goes_on_where_it_was(
    command, run, environment, tmp_path
):
    arguments = ("--attentions", "none", "--seeds", "3")
    with started(command(tmp_path, *arguments), environment) as process:
        until(lambda: folders(tmp_path, "*/result.json") and training(tmp_path))
        running = until(lambda: workers(process))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: not any(map(alive, running)), 30)
    stored = {r.cell.seed: r for r in Store(tmp_path / "attention").results()}
    assert stored and all(result.done for result in stored.values())
    assert len(stored) < 3
    before = {seed: (r.path / "result.json").stat().st_mtime_ns for seed, r in stored.items()}
    done = run(tmp_path, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"3 cells, {len(stored)} done, {3 - len(stored)} to run" in done.stdout
    after = {r.cell.seed: r for r in Store(tmp_path / "attention").results()}
    assert sorted(after) == [0, 1, 2] and all(result.done for result in after.values())
    for seed, stamp in before.items():
        assert (after[seed].path / "result.json").stat().st_mtime_ns == stamp
    assert "3 seeds" in done.stdout
    assert not folders(tmp_path, "*.partial")


@pytest.mark.parametrize("whole_group", [False, True])
def test_ctrl_c_ends_with_130_and_leaves_nothing_half_done(
    command, environment, tmp_path, whole_group
):
    arguments = ("--attentions", "none", "--epochs", "500", "--patience", "500")
    with started(command(tmp_path, *arguments), environment) as process:
        until(lambda: training(tmp_path))
        running = until(lambda: workers(process))
        # A terminal sends the signal to the whole group, the workers among it.
        (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 130
        until(lambda: not any(map(alive, running)), 30)
    assert "Interrupted" in output and "Traceback" not in output
    assert not folders(tmp_path, "*.partial")
    assert not folders(tmp_path, "*/result.json")


def test_a_worker_ends_with_its_runner_even_before_it_has_a_job(environment):
    worker = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.worker"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    output, _ = worker.communicate("", timeout=60)
    assert all(json.loads(line)["event"] for line in output.splitlines())
