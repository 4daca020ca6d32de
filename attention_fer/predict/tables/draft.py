"""The rows of an unfinished run on disk, from which the same command continues."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attention_fer.common.locking import LockedError, locked
from attention_fer.predict.rows import FaceRow

StoredPicture = tuple[list[str], list[dict[str, Any]]]
"""A picture: the reasons of its rows, and their values by column."""


class Draft:
    """A file with the settings of a run in the first line and a group of pictures in each other.

    A line is written at once and counts when it is complete. A run continues after whole groups,
    because a network may give other last digits to a face in another group.

    Only one run at a time writes a table: use it in a `with` statement, which ends that.

    Args:
        table: the table that the run will write; the draft is a hidden file next to it.
        settings: everything that can change the rows. A draft of other settings is discarded.

    Attributes:
        resumed: pictures that an earlier run left.
        discarded: whether there was a draft of other settings.

    Raises:
        OSError: another run writes this table, or the folder cannot be written.
    """

    def __init__(self, table: Path, settings: Mapping[str, Any]):
        self.path = table.with_name(f".{table.name}.draft")
        self._head = json.dumps(settings, sort_keys=True) + "\n"
        table.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock = locked(self.path)
        except LockedError as error:
            raise OSError(
                f"Another run is writing {table}. Wait for it to finish, or choose another --out."
            ) from error
        self.discarded = False
        self.resumed = self._complete()
        if not self.resumed:
            # As bytes: in text, Windows would end lines otherwise than `_complete` expects.
            self.path.write_bytes(self._head.encode())

    def __enter__(self) -> Draft:
        return self

    def __exit__(self, *error: object) -> None:
        self._lock.close()

    def append(self, group: Sequence[Sequence[FaceRow]], values: Sequence[Any]) -> None:
        """Stores a group of pictures, on disk before it returns.

        Args:
            group: the rows of each picture.
            values: the same as values by column.
        """
        entries = [
            ([row.reason for row in rows], found) for rows, found in zip(group, values, strict=True)
        ]
        with open(self.path, "ab") as stream:
            stream.write(json.dumps(entries, allow_nan=False).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())

    def pictures(self) -> Iterator[StoredPicture]:
        """Yields every stored picture, in order."""
        with open(self.path, encoding="utf-8") as stream:
            next(stream)
            for line in stream:
                yield from json.loads(line)

    def remove(self) -> None:
        """Deletes the file."""
        if os.name == "nt":  # which deletes no open file
            self._lock.close()
        self.path.unlink(missing_ok=True)

    def _complete(self) -> int:
        """Counts the pictures of complete groups and cuts off what follows them."""
        if not self.path.stat().st_size:
            return 0
        with open(self.path, "rb+") as stream:
            if stream.readline() != self._head.encode():
                self.discarded = True
                return 0
            pictures, end = 0, stream.tell()
            while (line := stream.readline()).endswith(b"\n"):
                pictures, end = pictures + len(json.loads(line)), stream.tell()
            stream.truncate(end)
        return pictures
