"""A lock holds against other processes and ends with the process that has it."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from attention_fer.common.locking import LockedError, locked

PROJECT = Path(__file__).resolve().parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from attention_fer.common.locking import locked
stream = locked(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_ends_with_the_process_however_that_ends(tmp_path):
    path = tmp_path / "file"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], cwd=PROJECT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LockedError):
            locked(path)
    finally:
        other.send_signal(signal.SIGKILL)
        other.communicate()
    with locked(path) as stream:
        stream.write(b"mine")
        with pytest.raises(LockedError):
            locked(path)
    with locked(path):
        assert path.read_bytes() == b"mine"


def test_a_file_that_was_deleted_meanwhile_is_locked_anew(tmp_path):
    path = tmp_path / "file"
    with locked(path):
        path.unlink()
        with locked(path), pytest.raises(LockedError):
            locked(path)


def test_drives_without_locks_are_usable(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def none(*given):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with locked(tmp_path / "file") as stream:
        assert stream.writable()
