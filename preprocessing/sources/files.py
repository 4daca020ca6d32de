"""The files of a raw dataset, alike whether they lie in a directory or inside a zip."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePosixPath
from typing import IO, Protocol

from .base import Rejected, UnreadableError

MOST_BYTES = 256 * 2**20
"""Largest image file that is read, so that one damaged entry cannot fill the memory."""


class Files(Protocol):
    """Named files. Names are relative, with forward slashes; hidden files are left out.

    Reading is safe from several threads at once.
    """

    prefix: str
    """Goes before a name to say where a sample came from."""

    def names(self) -> list[str]:
        """Every file that can be opened, sorted."""
        ...

    def problems(self) -> list[Rejected]:
        """Everything found that is no such file, sorted: the samples it hides are not seen."""
        ...

    def size(self, name: str) -> int:
        """Bytes of a file's content."""
        ...

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file for reading from its beginning."""
        ...

    def source(self, name: str) -> str:
        """Where a sample came from, as text that any file can hold."""
        return as_text(self.prefix + name)


def read_bytes(files: Files, name: str, *, most: int = MOST_BYTES) -> bytes:
    """Content of one file of at most `most` bytes. Raises `UnreadableError` where it cannot."""
    with _readable():
        size = files.size(name)
        if size > most:
            raise UnreadableError("file too large", f"{size:,} bytes, expected at most {most:,}")
        with files.open(name) as stream:
            return stream.read()


def read_lines(files: Files, name: str) -> Iterator[str]:
    """Lines of one text file as they come, undecodable bytes replaced. Raises `UnreadableError`."""
    with _readable(), files.open(name) as stream:
        for number, line in enumerate(stream):
            # Some copies start with a byte-order mark; NUL would stop the csv module.
            encoding = "utf-8" if number else "utf-8-sig"
            yield line.decode(encoding, errors="replace").replace("\0", "\ufffd")


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except UnreadableError:
        raise
    except Exception as error:  # damaged archives raise nearly anything from inside decompressors
        raise UnreadableError("unreadable file", as_text(str(error))) from error


def is_hidden(name: str) -> bool:
    """Whether a path belongs to an operating system rather than to the dataset."""
    return any(
        part.startswith(".") or part.lower() in ("__macosx", "thumbs.db", "desktop.ini")
        for part in PurePosixPath(name).parts
    )


def as_text(name: str) -> str:
    """A file name as text that can be encoded: bytes that are none become backslash escapes."""
    return name.encode("utf-8", "backslashreplace").decode()
