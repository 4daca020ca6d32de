"""What a check found."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class CheckReport:
    """What is wrong with a prepared dataset, a sentence each, and what it holds.

    Attributes:
        path: the folder.
        errors: its files are damaged, or contradict each other or what they promise.
        warnings: what deserves caution although the folder is as it was prepared.
        doubts: those of the warnings that the preparation gave: what could be a mistake.
        facts: what could be read: "manifest", "shape", "counts", "subjects", "columns", "boxes",
            "quality", "fingerprint" and "splits", as far as there is no error.
    """

    path: Path
    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether there is no error."""
        return not self.errors

    def error(self, text: str) -> None:
        """Adds an error once; it names files without the folder, which may lie anywhere."""
        text = text.replace(f"{self.path}{os.sep}", "")
        if text not in self.errors:
            self.errors.append(text)

    def warn(self, text: str) -> None:
        """Adds a warning once."""
        if text not in self.warnings:
            self.warnings.append(text)


NONE_LEFT = "No image of {} is left."
"""Said of a class, when a dataset is prepared and when it is checked."""


def counted(number: int, thing: str) -> str:
    """`1 group`, `2 groups`."""
    return f"{number:,} {thing}{'s' if number != 1 else ''}"
