"""Opens a path as named files: a directory, an archive, archives in either, or a single file."""

from __future__ import annotations

import stat
import struct
import threading
import weakref
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO

from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.files import Files, UnreadableError, state_of
from preprocessing.raw_files.images import is_photograph
from preprocessing.raw_files.packed import (
    SUFFIXES,
    PackedFiles,
    is_packed,
    is_zip,
    other_archive,
    stored,
    what_else,
)

_START = 512  # bytes that tell what a file is
_DEPTH = 3  # archives inside archives, so that none can contain itself


def container(path: str | Path, expected: str) -> Files:
    """Opens a directory, an archive, or a single file of another kind.

    An archive is a zip or a tar, also compressed, whatever its name. If all it holds is another
    archive, that is opened.

    Args:
        path: where to look.
        expected: what the path should hold, for the error message.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: a damaged archive, or something that is neither file nor directory.
    """
    files = _outer(Path(path), expected)
    inner = _inside(files) if isinstance(files, (ZipFiles, PackedFiles)) else {}
    return next(iter(inner.values())) if len(inner) == 1 == len(files.names()) else files


def _outer(path: Path, expected: str) -> Files:
    if not path.exists():
        raise FileNotFoundError(f"No file or directory at {path}. Give {expected}.")
    if path.is_dir():
        return DirectoryFiles(path)
    if not path.is_file():  # opening a named pipe would block forever
        raise ValueError(f"{path} is neither a file nor a directory. Give {expected}.")
    with open(path, "rb") as stream:
        kind = other_archive(stream.read(_START))
    if kind:
        raise ValueError(f"{path} is {kind}.")
    return _archive(path) or DirectoryFiles(path.parent, [path.name])


def _archive(path: Path, name: str | None = None) -> Files | None:
    """Opens a file if it is an archive, by its content. Raises ValueError for a damaged one.

    Args:
        path: the file.
        name: its path in a directory; None for its own name.
    """
    name = name or path.name
    with open(path, "rb") as stream:
        start = stream.read(_START)
    if path.suffix.lower() == ".zip" or (_may_be_archive(name) and is_zip(start)):
        return ZipFiles(path, name)
    if not (_may_be_archive(name) and is_packed(start)):
        return None
    return PackedFiles(open(path, "rb"), name, state_of([(name, path)]))


def _may_be_archive(name: str) -> bool:
    """Whether a name ends like an archive's or not at all: a .docx is a zip as well.

    Some downloads give a zip the name of the .csv in it.
    """
    suffix = Path(name).suffix.lower()
    return suffix in (*SUFFIXES, ".csv") or not suffix


def containers(path: str | Path, expected: str) -> list[Files]:
    """Opens `path`, each archive inside it if it is a directory, and archives in those.

    In the folders below a directory, archives are known by the endings of their names. An archive
    that is opened is not among the names of what holds it.

    Args and errors as for `container`.
    """
    path = Path(path)
    first = _outer(path, expected)
    found = [first]
    if path.is_dir():
        beside = {name: _archive(path / name, name) for name in filter(_may_hold, first.names())}
        found += _taken_out(first, {name: files for name, files in beside.items() if files})
    latest = [files for files in found if not isinstance(files, DirectoryFiles)]
    for _ in range(_DEPTH):
        latest = [inner for files in latest for inner in _taken_out(files, _inside(files))]
        found += latest
    return found


def _taken_out(files: Files, opened: dict[str, Files]) -> list[Files]:
    """Takes the archives that were opened out of the names of the files that they are among."""
    for name in opened:
        files.leave_out(name)
    return list(opened.values())


def _may_hold(name: str) -> bool:
    top = "/" not in name
    return _may_be_archive(name) if top else PurePosixPath(name).suffix.lower() in SUFFIXES


def _inside(files: Files) -> dict[str, Files]:
    """Opens the archives inside an archive, by name. Raises ValueError for a damaged one."""
    result: dict[str, Files] = {}
    for name in files.names():
        if not _may_be_archive(name):
            continue
        try:
            with files.open(name) as stream:
                start = stream.read(_START)
            if not (is_zip(start) or is_packed(start)):
                continue
            with files.open(name) as stream:
                copy = stored(stream, files.source(name))
        except UnreadableError:  # reading it as a file will fail, too, and say so
            continue
        identity = f"{files.identity()} {name}"
        if is_zip(start):
            result[name] = ZipFiles(copy, name, identity, files.prefix)
        else:
            result[name] = PackedFiles(copy, name, identity, files.prefix)
    return result


def listing(found: list[Files], most: int = 8) -> str:
    """The first few names, for an error message, and which of these files hold no data."""
    named = [(files, name) for files in found for name in files.names()]
    shown = ", ".join(_described(files, name) for files, name in named[:most]) or "nothing"
    return f"{shown}, ... ({len(named):,} files)" if len(named) > most else shown


def _described(files: Files, name: str) -> str:
    """The source of a file, with what it is if that is not what its name says."""
    start = b""
    if not is_photograph(name):
        with suppress(OSError, UnreadableError), files.open(name) as stream:
            start = stream.read(_START)
    kind = other_archive(start)
    if not kind and Path(name).suffix.lower() not in SUFFIXES:
        kind = what_else(start)
    return f"{files.source(name)} ({kind})" if kind else files.source(name)


def _state(name: str, path: Path | IO[bytes]) -> str:
    return state_of([(name, path)]) if isinstance(path, Path) else name


_UNIX = 3  # made on Unix: the attributes of a member then distinguish links from files

_BOUNDED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Compressions of which zipfile unpacks no more than requested. It unpacks the others by the block,
and a few hundred bytes can make a block that fills the memory."""

_DAMAGE = (zipfile.BadZipFile, EOFError, NotImplementedError, ValueError, struct.error)
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "XZ", 98: "PPMd"}


class ZipFiles(Files):
    """The members of a zip archive.

    `ZipFile` closes the archive once nothing refers to this object.

    Args:
        path: the archive, or a copy of it.
        name: its name; None for that of the path.
        identity: changes with the archive; None to compute it from the path.
        prefix: precedes its name in the source of a sample.

    Raises:
        ValueError: the file is not a complete zip archive.
    """

    def __init__(
        self,
        path: Path | IO[bytes],
        name: str | None = None,
        identity: str | None = None,
        prefix: str = "",
    ):
        name = path.name if name is None else name
        super().__init__(f"{prefix}{name}/")
        self._lock = threading.Lock()
        self._members: dict[str, zipfile.ZipInfo] = {}
        if not isinstance(path, Path):
            weakref.finalize(self, path.close)
        try:
            self._zip = zipfile.ZipFile(path)
        except _DAMAGE as error:
            raise ValueError(
                f"{path if isinstance(path, Path) else prefix + name} must be a complete zip "
                f"archive, got: {error}. Download it again, or give the directory with its "
                "unpacked content."
            ) from error
        self._identity = identity or _state(name, path)
        for info in self._zip.infolist():
            self._take(info)

    def names(self) -> list[str]:
        return sorted(self._members)

    def leave_out(self, name: str) -> None:
        del self._members[name]

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
        path = info.filename.replace("\\", "/")
        if path.endswith("/"):  # a directory, also in archives made on Windows
            return
        is_link = info.create_system == _UNIX and stat.S_ISLNK(info.external_attr >> 16)
        special = "symbolic link inside a zip" if is_link else ""
        if name := self._accepted(path, self._members, special):
            self._members[name] = info
