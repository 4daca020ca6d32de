"""The files of a raw dataset, alike whether they lie in a directory or inside a zip."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePosixPath
from typing import IO, Protocol

from preprocessing.sources.base import Rejected, UnreadableError

MOST_BYTES = 256 * 2**20
"""Largest image file that is read, so that one damaged entry cannot fill the memory."""

MOST_LINE = 2**20
"""Longest line of a text file in bytes; a row of FER2013 has about 9,000."""

_STEP = 2**20  # bytes asked for at once


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
        """Bytes of a file's content as announced, which in an archive may be untrue."""
        ...

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file for reading from its beginning."""
        ...

    def identity(self, names: Iterable[str] | None = None) -> str:
        """Changes whenever one of these files does, or where None are named, any; see `state_of`.

        An archive is one file.
        """
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
            content = _up_to(stream, most + 1)
        if len(content) > most:
            raise UnreadableError("file too large", f"expected at most {most:,} bytes")
        return content


def _up_to(stream: IO[bytes], most: int) -> bytes:
    """The first `most` bytes, in steps: one large read reserves or unpacks all that is asked."""
    parts = []
    while most and (part := stream.read(min(most, _STEP))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def read_lines(files: Files, name: str) -> Iterator[str | UnreadableError]:
    """Lines of one text file as they come, undecodable bytes replaced.

    In place of a line of more than `MOST_LINE` bytes comes an error; the lines behind it follow.

    Raises:
        UnreadableError: the file cannot be read on.
    """
    encoding = "utf-8-sig"  # some copies start with a byte-order mark
    with _readable(), files.open(name) as stream:
        while line := stream.readline(MOST_LINE + 1):
            if len(line) - line.endswith(b"\n") > MOST_LINE:
                yield UnreadableError("line too long", f"expected at most {MOST_LINE:,} bytes")
                _skip_rest(stream, line)
            else:  # NUL would stop the csv module
                yield line.decode(encoding, errors="replace").replace("\0", "\ufffd")
            encoding = "utf-8"


def _skip_rest(stream: IO[bytes], line: bytes) -> None:
    # The end may have come: readline of a member of a zip gives a little more than its limit.
    while line and not line.endswith(b"\n"):
        line = stream.readline(MOST_LINE)


def state_of(files: Iterable[tuple[str, str | os.PathLike[str]]]) -> str:
    """A hash over the name, size and time of modification of each file.

    Args:
        files: names that do not depend on where the dataset lies, and paths.
    """
    digest = hashlib.sha256()
    for name, path in files:
        try:
            status = os.stat(path)
            state = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:  # to read it will fail too, and that is told of the one file
            state = "unreadable"
        digest.update(f"{name}\0{state}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def joined(identities: Iterable[str]) -> str:
    """One identity for several, in their order."""
    return hashlib.sha256(" ".join(identities).encode()).hexdigest()


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
