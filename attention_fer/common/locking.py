"""A lock on a file that ends with the process that holds it, however that ends.

Predicting uses it instead of filelock, because it locks the file that is written, leaves no lock
file next to a user's table, and works on network drives without locks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO


class LockedError(OSError):
    """Another process holds the lock, or this one does already."""


def locked(path: Path) -> IO[bytes]:
    """Opens a file, which is made if necessary, and locks it. Closing it unlocks it.

    Some network drives have no locks; there, the file is only opened.

    Raises:
        LockedError: somebody else holds the lock.
        OSError: the file cannot be written.
    """
    while True:
        stream = open(path, "ab")  # noqa: SIM115 - the caller closes it
        try:
            _lock(stream)
            if _is(stream, path):
                return stream
        except BaseException:
            stream.close()
            raise
        stream.close()  # its last holder has just deleted it


def _is(stream: IO[bytes], path: Path) -> bool:
    """Whether a file is still found under its name."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


def _lock(stream: IO[bytes]) -> None:
    try:
        _function()(stream.fileno())
    except (BlockingIOError, PermissionError) as error:
        raise LockedError(str(error)) from error
    except OSError:  # the drive has no locks: nothing else may be refused because of that
        return


def _function() -> Callable[[int], None]:
    try:
        import fcntl
    except ImportError:
        return _on_windows
    return lambda handle: fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _on_windows(handle: int) -> None:
    import msvcrt

    os.lseek(handle, 1 << 40, os.SEEK_SET)  # others cannot read the byte that is locked
    msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
