"""Archives that are not a zip on disk: tar, gzip, bzip2, xz, and archives inside archives.

They are unpacked into a temporary file, which lasts as long as the object that reads it: members
are then read in any order without unpacking what precedes them again.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import tarfile
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from preprocessing.raw_files.files import Files

MOST_UNPACKED = 64 * 2**30
"""Largest archive that is unpacked, so that a damaged one cannot fill the disk; bytes."""

_STEP = 2**20  # bytes per read

_COMPRESSIONS: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OTHERS = {
    b"Rar!": "a RAR archive, which cannot be read: unpack it first",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive, which cannot be read: unpack it first",
}

_NO_DATA = {
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"version https://git-lfs": "a pointer of Git LFS instead of the file: run git lfs pull",
    b"pk\x03\x04": "an archive or an Excel file: unpack it, or save it as CSV",
}
"""Starts of files, in lower case, that are not what their names say."""

SUFFIXES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".rar", ".7z")
"""How the names of archives end; names without an ending are possible too."""


def what_else(start: bytes) -> str:
    """Says what a file is that starts with these bytes and holds no data; "" if unknown."""
    lower = start.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    return next((kind for mark, kind in _NO_DATA.items() if lower.startswith(mark)), "")


def is_zip(start: bytes) -> bool:
    """Whether a file that starts with these bytes is a zip archive."""
    return start.startswith(_ZIP)


def is_packed(start: bytes) -> bool:
    """Whether a file that starts with these 512 bytes is an archive that this module reads."""
    return _is_tar(start) or start.startswith(tuple(_COMPRESSIONS))


def _is_tar(start: bytes) -> bool:
    return start[257:262] == b"ustar"


def other_archive(start: bytes) -> str:
    """Says what an archive is that starts with these bytes and cannot be read; "" for others."""
    return next((kind for mark, kind in _OTHERS.items() if start.startswith(mark)), "")


def stored(stream: IO[bytes], where: str) -> IO[bytes]:
    """Copies a stream into a temporary file. Raises ValueError for more than `MOST_UNPACKED`."""
    result = tempfile.TemporaryFile()  # noqa: SIM115 - it outlives this function
    try:
        size = 0
        while part := stream.read(_STEP):
            size += len(part)
            if size > MOST_UNPACKED:
                raise ValueError(f"{where} must unpack to at most {MOST_UNPACKED:,} bytes.")
            result.write(part)
        result.seek(0)
    except BaseException:
        result.close()
        raise
    return result


def unpacked(stream: IO[bytes], where: str) -> IO[bytes]:
    """Returns the decompressed content of a stream as a temporary file; itself if not compressed.

    Raises:
        ValueError: the content is damaged or too large.
    """
    start = stream.read(8)
    stream.seek(0)
    for mark, opener in _COMPRESSIONS.items():
        if start.startswith(mark):
            try:
                return stored(opener(stream), where)
            except (OSError, EOFError, lzma.LZMAError) as error:
                raise ValueError(
                    f"{where} must be a complete archive, got: {error}. Download it again, or give "
                    "the directory with its unpacked content."
                ) from error
    return stream


class PackedFiles(Files):
    """The members of a tar archive, or the one file that was compressed.

    Args:
        stream: the archive; it is closed when nothing refers to this object.
        name: its name.
        identity: changes with the archive.
        prefix: precedes its name in the source of a sample.

    Raises:
        ValueError: the archive is damaged.
    """

    def __init__(self, stream: IO[bytes], name: str, identity: str, prefix: str = ""):
        super().__init__(f"{prefix}{name}/")
        self._lock = threading.Lock()
        self._identity = identity
        self._places: dict[str, tuple[int, int]] = {}  # offset and size
        weakref.finalize(self, stream.close)
        self._stream = unpacked(stream, f"{prefix}{name}")
        weakref.finalize(self, self._stream.close)
        if _is_tar(self._stream.read(512)):
            self._read_tar(f"{prefix}{name}")
        else:
            size = self._stream.seek(0, io.SEEK_END)
            self._places[Path(name).stem or name] = (0, size)

    def names(self) -> list[str]:
        return sorted(self._places)

    def leave_out(self, name: str) -> None:
        del self._places[name]

    def size(self, name: str) -> int:
        return self._places[name][1]

    def open(self, name: str) -> IO[bytes]:
        return io.BufferedReader(_Slice(self._stream, self._lock, *self._places[name]))

    def identity(self, names: Iterable[str] | None = None) -> str:
        return self._identity

    def _read_tar(self, where: str) -> None:
        self._stream.seek(0)
        try:
            with tarfile.open(fileobj=self._stream, mode="r:") as archive:
                for info in archive:
                    self._take(info)
        except tarfile.TarError as error:
            raise ValueError(
                f"{where} must be a complete tar archive, got: {error}. Download it again."
            ) from error

    def _take(self, info: tarfile.TarInfo) -> None:
        if info.isdir():
            return
        plain = info.isreg() and not info.issparse()
        special = "" if plain else "link or other special member of a tar"
        if name := self._accepted(info.name, self._places, special):
            self._places[name] = (info.offset_data, info.size)


class _Slice(io.RawIOBase):
    """A part of a file that several threads read."""

    def __init__(self, stream: IO[bytes], lock: threading.Lock, start: int, size: int):
        super().__init__()
        self._stream, self._lock = stream, lock
        self._at, self._end = start, start + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with self._lock:
            self._stream.seek(self._at)
            data = self._stream.read(min(len(buffer), self._end - self._at))
        self._at += len(data)
        buffer[: len(data)] = data
        return len(data)
