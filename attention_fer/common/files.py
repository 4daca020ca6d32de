"""Writes files whole or not at all, and hashes them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yields a temporary path next to a file, which becomes the file if the block succeeds.

    Readers see the old file or the new one, never a part. Missing folders are created. If the block
    raises, the temporary file is removed and `path` stays as it was. The new file has the mode of
    the old one, or what the umask leaves of 0o666. A symbolic link stays: its target is replaced.

    Raises:
        OSError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    target.parent.mkdir(parents=True, exist_ok=True)
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    prefix = f".{path.name[:30]}."  # a name may be as long as the file system allows
    name = target.with_name(f"{prefix}{secrets.token_hex(4)}{path.suffix}")
    # Not by mkstemp, which leaves the umask out. A draft is never more open than its file.
    name.touch(0o666 if mode is None else mode | stat.S_IWUSR | stat.S_IRUSR, exist_ok=False)
    try:
        yield name
        with open(name, "rb+") as file:
            os.fsync(file.fileno())
        # Windows replaces no write-protected file, and could not remove a write-protected draft.
        if mode is not None and os.name != "nt":
            os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Writes a file whole or not at all, see `replacing`."""
    with replacing(path) as draft:
        draft.write_bytes(content)


def write_text(path: str | os.PathLike[str], content: str) -> None:
    """Writes a UTF-8 text file with Unix line ends whole or not at all, see `replacing`."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: str | os.PathLike[str], content: Any) -> None:
    """Writes JSON whole or not at all, see `replacing`.

    Raises:
        ValueError: NaN or infinity, which JSON does not have.
        TypeError: a value that JSON cannot hold.
    """
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file as 64 hexadecimal digits, read in blocks. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
