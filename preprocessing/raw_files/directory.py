"""Lists the files below a directory and reports whatever may hide some of them."""

from __future__ import annotations

import errno
import heapq
import os
import stat
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO

from preprocessing.raw_files.files import Files, Rejected, as_text, is_hidden, state_of


class DirectoryFiles(Files):
    """All files below a directory, each once, however many links lead to it.

    Links to directories are followed after all real directories, links to files after those, both
    in the order of their names: which of two paths to a file counts depends only on the directory.

    Args:
        root: the directory.
        only: the names to take, without searching the directory; None for all files.
    """

    def __init__(self, root: Path, only: Sequence[str] | None = None):
        self.root = os.fspath(root)
        self.prefix = ""
        self._only = only

    def names(self) -> list[str]:
        return sorted(self._walk.names if self._only is None else self._only)

    def problems(self) -> list[Rejected]:
        return sorted(self._walk.problems, key=_by_source) if self._only is None else []

    def size(self, name: str) -> int:
        return os.stat(os.path.join(self.root, name)).st_size

    def open(self, name: str) -> IO[bytes]:
        return open(os.path.join(self.root, name), "rb")

    def identity(self, names: Iterable[str] | None = None) -> str:
        chosen = self.names() if names is None else names
        return state_of((name, os.path.join(self.root, name)) for name in chosen)

    @cached_property
    def _walk(self) -> _Walk:
        walk = _Walk(self.root)
        walk.all()
        return walk


def _by_source(item: Rejected) -> tuple[str, str]:
    return item.source, item.reason


class _Walk:
    """One pass through a directory.

    Attributes:
        names: the regular files.
        problems: everything else.
    """

    def __init__(self, root: str):
        self.names: list[str] = []
        self.problems: list[Rejected] = []
        self._root = root
        self._seen: set[tuple[int, int]] = set()
        self._links: list[str] = []
        self._file_links: list[tuple[str, tuple[int, int]]] = []

    def all(self) -> None:
        """Reads the root. Raises OSError if it cannot be read."""
        os.scandir(self._root).close()
        self._below("")
        while self._links:
            self._below(heapq.heappop(self._links))
        if self._file_links:
            self._take_linked_files()

    def _below(self, top: str) -> None:
        """Reads a directory and the real directories below it."""
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            try:
                if self._is_new(folder):
                    with os.scandir(os.path.join(self._root, folder)) as entries:
                        for entry in entries:
                            self._entry(entry, f"{folder}/{entry.name}".lstrip("/"), waiting)
            except OSError as error:
                self._report(folder, "unreadable directory", error.strerror)

    def _is_new(self, folder: str) -> bool:
        path = os.path.join(self._root, folder)
        status = os.stat(path)
        place = (status.st_dev, status.st_ino)
        if place in self._seen:
            detail = _target(path) if os.path.islink(path) else ""
            self._report(folder, "directory read already", detail)
            return False
        self._seen.add(place)
        return True

    def _entry(self, entry: os.DirEntry[str], name: str, waiting: list[str]) -> None:
        if is_hidden(entry.name):
            return
        if entry.is_symlink():
            self._link(name)
        elif entry.is_dir(follow_symlinks=False):
            waiting.append(name)
        elif entry.is_file(follow_symlinks=False):
            self.names.append(name)
        else:
            self._report(name, "not a regular file", _kind(entry.stat().st_mode))

    def _link(self, name: str) -> None:
        path = os.path.join(self._root, name)
        try:
            status = os.stat(path)
        except OSError as error:
            self._report(name, _LINKS.get(error.errno or 0, "unreadable link"), error.strerror)
            return
        if stat.S_ISDIR(status.st_mode):
            heapq.heappush(self._links, name)
        elif stat.S_ISREG(status.st_mode):
            self._file_links.append((name, (status.st_dev, status.st_ino)))
        else:
            self._report(name, "not a regular file", _kind(status.st_mode))

    def _take_linked_files(self) -> None:
        """Adds the files that only links lead to, each under the first of its links."""
        taken = {self._place(name) for name in self.names}
        for name, place in sorted(self._file_links):
            if place in taken:
                detail = _target(os.path.join(self._root, name))
                self._report(name, "file read already", detail)
            else:
                taken.add(place)
                self.names.append(name)

    def _place(self, name: str) -> tuple[int, int] | None:
        """Device and inode, the same under every name of a file; None if the file is gone."""
        try:
            status = os.stat(os.path.join(self._root, name))
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _report(self, name: str, reason: str, detail: str | None) -> None:
        self.problems.append(Rejected(as_text(name), reason, as_text(detail or "")))


_LINKS = {errno.ENOENT: "dangling link", errno.ENOTDIR: "dangling link", errno.ELOOP: "link loop"}


def _target(link: str) -> str:
    try:
        return f"link to {os.readlink(link)}"
    except OSError:  # removed meanwhile
        return "link"


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket"}
    return kinds.get(stat.S_IFMT(mode), "device")
