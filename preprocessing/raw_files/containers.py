"""Opens a path as named files: a directory, a zip, the zips in a directory, or a single file."""

from __future__ import annotations

import re
import stat
import struct
import threading
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.files import Files, UnreadableError, is_hidden, state_of


def container(path: str | Path, expected: str) -> Files:
    """Opens a directory, a .zip, or a single file of another kind.

    Args:
        path: where to look.
        expected: what the path should hold, for the error message.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: a damaged .zip, or something that is neither file nor directory.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"No file or directory at {path}. Give {expected}.")
    if path.is_dir():
        return DirectoryFiles(path)
    if not path.is_file():  # opening a named pipe would block forever
        raise ValueError(f"{path} is neither a file nor a directory. Give {expected}.")
    if path.suffix.lower() == ".zip":
        return ZipFiles(path)
    return DirectoryFiles(path.parent, [path.name])


def containers(path: str | Path, expected: str) -> list[Files]:
    """Opens `path` and, if it is a directory, each zip directly inside it.

    Args and errors as for `container`.
    """
    path = Path(path)
    first = container(path, expected)
    if not path.is_dir():
        return [first]
    beside = (name for name in first.names() if "/" not in name)
    return [first, *(ZipFiles(path / name) for name in beside if name.lower().endswith(".zip"))]


def listing(found: list[Files], most: int = 8) -> str:
    """The first few names, for an error message."""
    names = [files.source(name) for files in found for name in files.names()]
    shown = ", ".join(names[:most]) or "nothing"
    return f"{shown}, ... ({len(names):,} files)" if len(names) > most else shown


_UNIX = 3  # made on Unix: the attributes of a member then distinguish links from files

_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compressions of which zipfile unpacks no more than requested. It unpacks the others by the block,
and a few hundred bytes can make a block that fills the memory."""

_DAMAGE = (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, struct.error)
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}


class ZipFiles(Files):
    """The members of a zip archive.

    Of several members with one name the last counts, as in unpacking. `ZipFile` closes the archive
    once nothing refers to this object.

    Raises:
        ValueError: the file is not a complete zip archive.
    """

    def __init__(self, path: Path):
        super().__init__(f"{path.name}/")
        self._lock = threading.Lock()
        self._members: dict[str, zipfile.ZipInfo] = {}
        try:
            self._zip = zipfile.ZipFile(path)
        except _DAMAGE as error:
            raise ValueError(
                f"{path} must be a complete zip archive, got: {error}. Download it again, or give "
                "the directory with its unpacked content."
            ) from error
        self._identity = state_of([(path.name, path)])
        for info in self._zip.infolist():
            self._take(info)

    def names(self) -> list[str]:
        return sorted(self._members)

    def size(self, name: str) -> int:
        return self._members[name].file_size

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        info = self._members[name]
        if info.flag_bits & 0x1:
            raise UnreadableError("encrypted zip member", "expected a zip without a password")
        if info.compress_type not in _BOUNDED:
            method = _METHODS.get(info.compress_type, f"method {info.compress_type}")
            detail = f"{method}, expected deflate: unpack it, or pack it again"
            raise UnreadableError("unsupported zip compression", detail)
        # ZipFile counts its open members without a lock; it locks only reads.
        with self._lock:
            stream = self._zip.open(info)
        try:
            yield stream
        finally:
            with self._lock:
                stream.close()

    def identity(self, names: Iterable[str] | None = None) -> str:
        return self._identity

    def _take(self, info: zipfile.ZipInfo) -> None:
        parts = info.filename.replace("\\", "/").split("/")
        if parts[-1] == "":  # a directory, also in archives made on Windows
            return
        if parts[0] == "" or ".." in parts or re.fullmatch("[A-Za-z]:", parts[0]):
            detail = "expected a path inside the archive"
            self._report(info.filename, "unsafe path of a zip member", detail)
            return
        name = "/".join(part for part in parts if part not in ("", "."))
        if is_hidden(name):
            return
        if info.create_system == _UNIX and stat.S_ISLNK(info.external_attr >> 16):
            self._report(name, "not a regular file", "symbolic link inside a zip")
            return
        if name in self._members:
            detail = f"an earlier one of {self.size(name):,} bytes"
            self._report(name, "zip member replaced by a later one of its name", detail)
        self._members[name] = info
