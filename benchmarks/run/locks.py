"""One lock per cell, so that several runs may share a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Yield whether this process got the lock of a file; release it when the block ends.

    The operating system releases the lock when its holder dies for any reason.

    Raises:
        OSError: the file cannot be created, or its file system does not support locks.
    """
    lock = FileLock(path, timeout=0)
    try:
        _acquire(lock, path)
    except Timeout:
        yield False
        return
    except NotImplementedError:
        raise OSError(
            f"{path.parent} must be on a file system with locks. Choose another folder with --out"
        ) from None
    try:
        yield True
    finally:
        lock.release()


def remove(path: Path) -> None:
    """Remove the lock file of a finished cell; the caller must hold the lock.

    A process that waits for the removed file then gets its lock, and must check whether the cell is
    finished.
    """
    with contextlib.suppress(OSError):  # some systems do not remove open files
        path.unlink()


def remove_folder(folder: Path) -> None:
    """Remove the folder of the lock files if it is empty."""
    with contextlib.suppress(OSError):
        folder.rmdir()


def _acquire(lock: FileLock, path: Path) -> None:
    for attempts_left in reversed(range(20)):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
            return
        except (FileExistsError, FileNotFoundError):
            # Another run has just removed the folder, maybe between two steps of mkdir, which then
            # reports that it exists.
            if not attempts_left:
                raise
