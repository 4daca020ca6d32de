"""Who is shown, found in a file's path by a regular expression."""

from __future__ import annotations

import re
from collections.abc import Sequence

from preprocessing.raw_files.files import as_text


class Subjects:
    """Finds subjects in paths.

    Args:
        pattern: regular expression; None where subjects are not known.
        paths: all the paths it will be asked for, to find out at once that it fits none.

    Raises:
        ValueError: no regular expression, or none of `paths` gives a subject.
    """

    def __init__(self, pattern: str | None, paths: Sequence[str]):
        self.pattern = pattern
        try:
            self._compiled = None if pattern is None else re.compile(pattern)
        except (re.error, OverflowError) as error:
            raise ValueError(
                f"subject_pattern {pattern!r} is no regular expression: {error}; "
                f"expected one that finds the subject in paths like {_example(paths)}"
            ) from error
        if paths and all(self.of(path) is None for path in paths):
            raise ValueError(
                f"subject_pattern {pattern!r} finds a subject in none of {len(paths):,} paths: "
                f"expected one that fits paths like {_example(paths)}"
            )

    def of(self, path: str) -> str | None:
        """The subject; "" where subjects are not known, None where the pattern finds none."""
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
