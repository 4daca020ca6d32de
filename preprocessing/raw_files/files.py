"""One interface to the files of a directory and of a zip, bounded reading, and lost items."""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any


class UnreadableError(Exception):
    """An item that cannot be read.

    Args:
        reason: its category, in the same words for every item of a kind, such as `"undecodable
            image"`.
        detail: what was found in this item, and what was expected; the message of the error.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class Rejected:
    """A raw item that did not become an image of the dataset.

    Attributes:
        source: where it lies, e.g. `archive.zip/train/angry/Training_1.jpg`.
        reason: its category, the same words for every item of a kind.
        detail: what was found in this item.
        label: its class name if known.
    """

    source: str
    reason: str
    detail: str = ""
    label: str = ""


MOST_BYTES = 256 * 2**20
"""Largest image file that is read, so that one damaged entry cannot fill the memory; bytes."""

MOST_LINE = 2**20
"""Longest line of a text file; a row of FER2013 has about 9,000 bytes."""

_STEP = 2**20  # bytes per read


class Files:
    """Named files. Names are relative, with forward slashes; hidden files are left out.

    Several threads may read at once.

    Args:
        prefix: precedes a name in the source of a sample.
    """

    def __init__(self, prefix: str):
        self.prefix = prefix
        self._problems: list[Rejected] = []

    def names(self) -> list[str]:
        """All files that can be opened, sorted."""
        raise NotImplementedError

    def leave_out(self, name: str) -> None:
        """Takes a file out of the names, such as an archive whose members are read."""
        raise NotImplementedError

    def problems(self) -> list[Rejected]:
        """Everything else found, sorted; it may hide samples."""
        return sorted(self._problems, key=lambda item: (item.source, item.reason))

    def size(self, name: str) -> int:
        """Announced size of a file in bytes, which may be wrong in an archive."""
        raise NotImplementedError

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Opens a file for reading."""
        raise NotImplementedError

    def identity(self, names: Iterable[str] | None = None) -> str:
        """A hash that changes with any of these files, or of all if None; see `state_of`.

        An archive counts as one file.
        """
        raise NotImplementedError

    def source(self, name: str) -> str:
        """Where a sample came from, as text that can be written to any file."""
        return as_text(self.prefix + name)

    def _accepted(self, path: str, known: Collection[str], special: str = "") -> str:
        """Returns the name of a member of an archive; "" for one that cannot be opened.

        Of several members with one name the last counts, as in unpacking.

        Args:
            path: its path in the archive, with forward slashes.
            known: the names of the members before it.
            special: what it is if it is not a regular file.
        """
        name = "/".join(part for part in path.split("/") if part not in ("", "."))
        if unsafe(path):
            self._report(path, "unsafe path of a member", "expected a path inside the archive")
            return ""
        if is_hidden(name):
            return ""
        if special:
            self._report(name, "not a regular file", special)
            return ""
        if name in known:
            detail = f"an earlier one of {self.size(name):,} bytes"
            self._report(name, "member replaced by a later one of its name", detail)
        return name

    def _report(self, name: str, reason: str, detail: str | None) -> None:
        self._problems.append(Rejected(self.source(name), reason, as_text(detail or "")))


def read_bytes(files: Files, name: str, *, most: int = MOST_BYTES) -> bytes:
    """Reads a file of at most `most` bytes. Raises `UnreadableError`."""
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
    """The first `most` bytes, in steps: one large read would reserve all of them at once."""
    parts = []
    while most and (part := stream.read(min(most, _STEP))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def read_lines(files: Files, name: str) -> Iterator[str | UnreadableError]:
    """Yields the lines of a text file in UTF-8 or UTF-16, and others as Windows-1252.

    Spreadsheets write the latter; see `is_unicode`. Bytes that it does not have are replaced. A
    line of more than `MOST_LINE` bytes yields an error instead; the lines after it follow.

    Raises:
        UnreadableError: the file cannot be read any further.
    """
    encoding = "utf-8-sig"  # some copies start with a byte-order mark
    with _readable(), files.open(name) as opened:
        start = _up_to(opened, 4)
    with _readable(), files.open(name) as opened:
        stream = _in_utf8(opened, start)
        while line := stream.readline(MOST_LINE + 1):
            if len(line) - line.endswith(b"\n") > MOST_LINE:
                yield UnreadableError("line too long", f"expected at most {MOST_LINE:,} bytes")
                _skip_rest(stream, line)
            else:  # NUL would stop the csv module
                yield _decoded(line, encoding).replace("\0", "\ufffd")
            encoding = "utf-8"


def is_unicode(files: Files, name: str) -> bool:
    """Whether a text file is in UTF-8 or UTF-16. Raises `UnreadableError`."""
    with _readable(), files.open(name) as opened:
        start = _up_to(opened, 4)
    decoder = codecs.getincrementaldecoder("utf-8")()
    with _readable(), files.open(name) as opened:
        stream = _in_utf8(opened, start)
        try:
            while part := stream.read(_STEP):
                decoder.decode(part)
            decoder.decode(b"", True)
        except UnicodeDecodeError:
            return False
    return True


def _decoded(line: bytes, encoding: str) -> str:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")


def _in_utf8(stream: IO[bytes], start: bytes) -> IO[bytes]:
    """Recodes UTF-16, which begins with a byte-order mark or a letter and a zero byte."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return io.BufferedReader(_Recoded(stream, "utf-16"))
    zeros = [byte == 0 for byte in start]
    for encoding, pattern in (("utf-16-le", [False, True] * 2), ("utf-16-be", [True, False] * 2)):
        if zeros == pattern:
            return io.BufferedReader(_Recoded(stream, encoding))
    return stream


class _Recoded(io.RawIOBase):
    """The text of a stream in UTF-8."""

    def __init__(self, stream: IO[bytes], encoding: str):
        super().__init__()
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._waiting = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._waiting:
            part = self._stream.read(_STEP)
            self._waiting = self._decoder.decode(part, not part).encode()
            if not part and not self._waiting:
                return 0
        taken, self._waiting = self._waiting[: len(buffer)], self._waiting[len(buffer) :]
        buffer[: len(taken)] = taken
        return len(taken)


def _skip_rest(stream: IO[bytes], line: bytes) -> None:
    # At the end already? readline of a zip member returns a little more than its limit.
    while line and not line.endswith(b"\n"):
        line = stream.readline(MOST_LINE)


def state_of(files: Iterable[tuple[str, str | os.PathLike[str]]]) -> str:
    """Hashes the name, size and modification time of each file.

    Args:
        files: pairs of a name, independent of where the dataset lies, and a path.
    """
    digest = hashlib.sha256()
    for name, path in files:
        try:
            status = os.stat(path)
            state = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:  # reading it will fail, too, and reject this file alone
            state = "unreadable"
        digest.update(f"{name}\0{state}\0".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def joined(identities: Iterable[str]) -> str:
    """Joins several identities, in order, into one."""
    return hashlib.sha256(" ".join(identities).encode()).hexdigest()


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except UnreadableError:
        raise
    except Exception as error:  # decompressors raise almost anything on damaged archives
        raise UnreadableError("unreadable file", as_text(str(error))) from error


def unsafe(path: str) -> bool:
    """Whether a member of an archive would lie outside the folder it is unpacked to."""
    parts = path.replace("\\", "/").split("/")
    return parts[0] == "" or ".." in parts or bool(re.fullmatch("[A-Za-z]:", parts[0]))


def is_hidden(name: str) -> bool:
    """Whether a path belongs to an operating system rather than to the dataset."""
    return any(
        part.startswith(".") or part.lower() in ("__macosx", "thumbs.db", "desktop.ini")
        for part in PurePosixPath(name).parts
    )


def as_text(name: str) -> str:
    """A file name as text that can be encoded; bytes that are not text become escapes."""
    return name.encode("utf-8", "backslashreplace").decode()
