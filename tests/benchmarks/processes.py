"""Commands that run beside a test, and what becomes of their processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def started(
    command: Sequence[str], environment: dict[str, str], before: Callable[[], None] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A running command in a process group of its own; killed in any case."""

    def prepare() -> None:
        # Tests that run in the background inherit an ignored SIGINT, which Python leaves ignored.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if before is not None:
            before()

    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=prepare,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def workers(process: subprocess.Popen[str]) -> list[int]:
    """Process numbers of the command's children."""
    tasks = Path(f"/proc/{process.pid}/task").glob("*/children")
    return [int(number) for file in tasks for number in file.read_text().split()]


def alive(number: int) -> bool:
    """Whether a process runs."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def holder(folder: Path) -> int | None:
    """The process that has the log of a working folder open: the worker at work in it."""
    for descriptor in Path("/proc").glob("[0-9]*/fd/2"):
        try:
            if Path(os.readlink(descriptor)).parent == folder.resolve():
                return int(descriptor.parts[2])
        except OSError:
            continue
    return None


def until(condition: Callable[[], Any], seconds: float = 120) -> Any:
    """Waits for a condition and returns its value."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, f"{condition} did not come true"
        time.sleep(0.05)
    return value


def folders(out: Path, pattern: str) -> list[Path]:
    """What is in the folder of the table `attention`."""
    return sorted((out / "attention").glob(pattern))


def training(out: Path) -> list[Path]:
    """The curves of cells that have begun to train and have no result yet."""
    begun = {path.name.rsplit(".", 2)[0][-10:-6] for path in folders(out, "*.partial")}
    return [path for path in folders(out, "tensorboard/*/*/*") if path.parent.name[-4:] in begun]
