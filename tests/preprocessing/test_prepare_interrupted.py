"""A preparation that is stopped, killed or out of room goes on and ends as if nothing had been."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import preprocessing
from preprocessing.dataset import Dataset
from preprocessing.dataset.manifest import FILES

resource = pytest.importorskip("resource", reason="sends signals and sets limits of POSIX")

# The program as it is, with a source that takes its time.
PROGRAM = """
import sys, time
from dataclasses import replace
from preprocessing import run, sources
from preprocessing.dataset import writer
from preprocessing.sources import base

writer._SECONDS = 0.05
plain = sources.get("schematic")

def slow(path, **options):
    raw = plain.open(path, subjects=20, **options)
    def items():
        for number, item in enumerate(raw.items):
            time.sleep(0.001)
            yield item
    return replace(raw, items=items())

base.SOURCES._values["schematic"] = replace(plain, open=slow)
sys.exit(run.main(sys.argv[1:]))
"""
COUNT = 20 * 49


def start(out, *arguments, limit=None):
    def before():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--dataset", "schematic", "--out", str(out), *arguments],
        cwd=Path(preprocessing.__file__).parents[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=before,
    )


def finish(out, *arguments):
    process = start(out, *arguments)
    text, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return text, errors


def wait_for_progress(out, process, least=1):
    record = out.parent / f".{out.name}.partial" / "progress.json"
    end = time.monotonic() + 30
    while not record.exists():
        assert process.poll() is None and time.monotonic() < end, process.stderr.read()
        time.sleep(0.01)


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """What an undisturbed run writes."""
    out = tmp_path_factory.mktemp("straight") / "out"
    finish(out)
    return content(out)


def content(out):
    assert sorted(path.name for path in out.parent.iterdir()) == [out.name]
    Dataset.open(out).verify()
    return {name: (out / name).read_bytes() for name in FILES}


def done_before(errors):
    (line,) = [line for line in errors.splitlines() if "Resuming after" in line]
    return int(line.split("after ")[1].split(" ")[0].replace(",", ""))


def test_ctrl_c_ends_with_130_and_the_same_command_goes_on(straight, tmp_path):
    out = tmp_path / "out"
    process = start(out)
    wait_for_progress(out, process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in errors
    assert "interrupted: rerun the same command to resume" in errors
    assert not out.exists()
    _, errors = finish(out)
    assert 0 < done_before(errors) < COUNT
    assert content(out) == straight


def test_kills_at_any_moment_lose_nothing(straight, tmp_path):
    out = tmp_path / "out"
    chance = random.Random(0)
    for _ in range(4):
        process = start(out)
        wait_for_progress(out, process)
        time.sleep(chance.uniform(0, 0.3))
        process.kill()
        process.communicate()
    assert not out.exists()
    _, errors = finish(out)
    assert 0 < done_before(errors) <= COUNT
    assert content(out) == straight


def test_a_full_disk_is_said_and_the_command_goes_on_when_there_is_room(straight, tmp_path):
    out = tmp_path / "out"
    process = start(out, limit=1_000_000)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2 and "Traceback" not in errors
    assert f"No space left to write {out}. Free some space, then rerun the same" in errors
    assert errors.count("ree some space") == errors.count("to resume") == 1
    assert not out.exists()
    _, errors = finish(out)
    assert 0 < done_before(errors) < COUNT
    assert content(out) == straight


def test_other_settings_do_not_go_on_silently(straight, tmp_path):
    out = tmp_path / "out"
    process = start(out)
    wait_for_progress(out, process)
    process.kill()
    process.communicate()
    other = start(out, "--drop-flat")
    _, errors = other.communicate(timeout=60)
    assert other.returncode == 2
    assert "drop_flat was False, is True" in errors and "--restart" in errors
    _, errors = finish(out, "--drop-flat", "--restart")
    assert "Resuming" not in errors
    assert content(out)["images.npy"] == straight["images.npy"]
