"""Finds the subject in a file's path with a regular expression."""

from __future__ import annotations

import re
from collections.abc import Sequence

from preprocessing.raw_files.files import as_text


class Subjects:
    """Finds subjects in paths.

    Args:
        pattern: regular expression; None if subjects are unknown.
        paths: all paths it will be used with, to detect at once that it matches none.

    Raises:
        ValueError: not a regular expression, or no subject in any of `paths`.
    """

    def __init__(self, pattern: str | None, paths: Sequence[str]):
        self.pattern = pattern
        try:
            self._compiled = None if pattern is None else re.compile(pattern)
        except (re.error, OverflowError) as error:
            raise ValueError(
                f"subject_pattern must be a regular expression that finds the subject in paths "
                f"like {_example(paths)}, got {pattern!r}: {error}."
            ) from error
        if paths and all(self.of(path) is None for path in paths):
            raise ValueError(
                f"subject_pattern must match paths like {_example(paths)}, got {pattern!r}, which "
                f"finds a subject in none of {len(paths):,} paths."
            )

    def of(self, path: str) -> str | None:
        """Returns the subject; "" if subjects are unknown, None if the pattern finds none."""
        if self._compiled is None:
            return ""
        match = self._compiled.search(path)
        if match is None:
            return None
        group: str | int = 0
        if self._compiled.groups:
            group = "subject" if "subject" in self._compiled.groupindex else 1
        return as_text(match[group] or "") or None


def _example(paths: Sequence[str]) -> str:
    return repr(as_text(paths[0])) if paths else "'happy/S005_1.jpg'"
