"""Lists the files below a directory and reports anything that may hide some of them."""

from __future__ import annotations

import errno
import heapq
import os
import stat
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import IO

from preprocessing.raw_files.files import Files, Rejected, is_hidden, state_of


class DirectoryFiles(Files):
    """All files below a directory, each once, however many links lead to it.

    Links to directories are followed after all real directories, links to files after those, both
    in the order of their names: which of two paths to a file counts depends only on the directory.

    Args:
        root: the directory, which is searched when names or problems are asked for.
        only: the names to take, without searching the directory; None for all files.
    """

    def __init__(self, root: Path, only: Sequence[str] | None = None):
        super().__init__("")
        self.root = os.fspath(root)
        self._only = only
        self._seen: set[tuple[int, int]] = set()
        self._links: list[str] = []
        self._file_links: list[tuple[str, tuple[int, int]]] = []

    def names(self) -> list[str]:
        return self._names if self._only is None else sorted(self._only)

    def leave_out(self, name: str) -> None:
        self._names.remove(name)

    def problems(self) -> list[Rejected]:
        self.names()  # searches the directory
        return super().problems()

    def size(self, name: str) -> int:
        return os.stat(os.path.join(self.root, name)).st_size

    def open(self, name: str) -> IO[bytes]:
        return open(os.path.join(self.root, name), "rb")

    def identity(self, names: Iterable[str] | None = None) -> str:
        chosen = self.names() if names is None else names
        return state_of((name, os.path.join(self.root, name)) for name in chosen)

    @cached_property
    def _names(self) -> list[str]:
        """The regular files; everything else becomes a problem. Raises OSError for the root."""
        os.scandir(self.root).close()
        names = self._below("")
        while self._links:
            names += self._below(heapq.heappop(self._links))
        return sorted(names + self._linked_files(names))

    def _below(self, top: str) -> list[str]:
        """Reads a directory and the real directories below it."""
        waiting = [top]
        names: list[str] = []
        while waiting:
            folder = waiting.pop()
            try:
                if self._is_new(folder):
                    with os.scandir(os.path.join(self.root, folder)) as entries:
                        for entry in entries:
                            name = f"{folder}/{entry.name}".lstrip("/")
                            self._entry(entry, name, waiting, names)
            except OSError as error:
                self._report(folder, "unreadable directory", error.strerror)
        return names

    def _is_new(self, folder: str) -> bool:
        path = os.path.join(self.root, folder)
        status = os.stat(path)
        place = (status.st_dev, status.st_ino)
        if place in self._seen:
            detail = _target(path) if os.path.islink(path) else ""
            self._report(folder, "directory read already", detail)
            return False
        self._seen.add(place)
        return True

    def _entry(
        self, entry: os.DirEntry[str], name: str, waiting: list[str], names: list[str]
    ) -> None:
        if is_hidden(entry.name):
            return
        if entry.is_symlink():
            self._link(name)
        elif entry.is_dir(follow_symlinks=False):
            waiting.append(name)
        elif entry.is_file(follow_symlinks=False):
            names.append(name)
        else:
            self._report(name, "not a regular file", _kind(entry.stat().st_mode))

    def _link(self, name: str) -> None:
        path = os.path.join(self.root, name)
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

    def _linked_files(self, names: list[str]) -> list[str]:
        """Returns the files that only links lead to, each under the first of its links."""
        taken = {self._place(name) for name in names} if self._file_links else set()
        added = []
        for name, place in sorted(self._file_links):
            if place in taken:
                detail = _target(os.path.join(self.root, name))
                self._report(name, "file read already", detail)
            else:
                taken.add(place)
                added.append(name)
        return added

    def _place(self, name: str) -> tuple[int, int] | None:
        """Device and inode, the same under every name of a file; None if the file is gone."""
        try:
            status = os.stat(os.path.join(self.root, name))
        except OSError:
            return None
        return status.st_dev, status.st_ino


_LINKS = {errno.ENOENT: "dangling link", errno.ENOTDIR: "dangling link", errno.ELOOP: "link loop"}


def _target(link: str) -> str:
    try:
        return f"link to {os.readlink(link)}"
    except OSError:  # removed meanwhile
        return "link"


def _kind(mode: int) -> str:
    kinds = {stat.S_IFIFO: "named pipe", stat.S_IFSOCK: "socket"}
    return kinds.get(stat.S_IFMT(mode), "device")
