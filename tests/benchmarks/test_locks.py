"""One lock per cell: one holder at a time, released when the holder dies."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from processes import until

from benchmarks.run import locks

HOLD = """
import sys, time
from pathlib import Path
from benchmarks.run.locks import claim
with claim(Path(sys.argv[1])) as mine:
    print(mine, flush=True)
    time.sleep(60)
"""


def claimed(path):
    with locks.claim(path) as mine:
        return mine


def test_one_holder_at_a_time(tmp_path):
    path = tmp_path / ".locks" / "cell.lock"
    with locks.claim(path) as mine:
        assert mine and not claimed(path)
        assert claimed(path.with_name("other.lock"))
    assert claimed(path)


def test_another_process_holds_it_until_it_is_killed(tmp_path, environment):
    path = tmp_path / ".locks" / "cell.lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "True\n"
            assert not claimed(path)
        finally:
            holder.kill()
    until(lambda: claimed(path), 5)


def test_a_lock_is_free_after_an_error(tmp_path):
    path = tmp_path / "cell.lock"
    try:
        with locks.claim(path) as mine:
            assert mine
            raise KeyError
    except KeyError:
        pass
    assert claimed(path)


def test_forgotten_locks_leave_no_file_and_no_folder(tmp_path):
    path = tmp_path / ".locks" / "cell.lock"
    with locks.claim(path):
        locks.remove(path)
    with locks.claim(path.with_name("failed.lock")):
        pass
    locks.remove_folder(path.parent)
    assert [p.name for p in path.parent.iterdir()] == ["failed.lock"]
    locks.remove(path.with_name("failed.lock"))
    locks.remove_folder(path.parent)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def _switches_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_switches_often")
def test_a_run_may_end_while_another_begins_a_cell(tmp_path):
    def begin_and_end(i):
        path = tmp_path / ".locks" / f"{i % 2}.lock"
        with locks.claim(path) as mine:
            if mine:
                locks.remove(path)
        locks.remove_folder(path.parent)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(begin_and_end, range(3000)))
    assert list(tmp_path.iterdir()) == []
