"""One lock a cell, so that several runs may work on one folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Whether the lock of this file is ours now; it is free again when the block ends.

    The operating system frees it when its holder dies, however that happens.

    Raises:
        OSError: the file cannot be made, or its file system has no locks.
    """
    lock = FileLock(path, timeout=0)
    try:
        _acquire(lock, path)
    except Timeout:
        yield False
        return
    except NotImplementedError:
        raise OSError(
            f"{path.parent} is on a file system without locks: give --out on one that has them"
        ) from None
    try:
        yield True
    finally:
        lock.release()


def forget(path: Path) -> None:
    """Removes the lock file of a finished cell; the caller holds its lock.

    Who waits for the removed file gets its lock, and must see first that the cell is finished.
    """
    with contextlib.suppress(OSError):  # some systems do not remove what is open
        path.unlink()


def tidy(folder: Path) -> None:
    """Removes the folder of the lock files if it is empty."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def _acquire(lock: FileLock, path: Path) -> None:
    for attempt in range(3):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
            return
        except FileNotFoundError:
            # Another run has just tidied the folder away.
            if attempt == 2:
                raise
