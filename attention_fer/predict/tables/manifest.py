"""What is known about a table of results, as a JSON file next to it."""

from __future__ import annotations

import importlib
import json
import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import attention_fer
from attention_fer.common.files import sha256, write_json

SCHEMA_VERSION = 1
NOT_A_PICTURE = "not a picture"
MEANING = (
    "Expressions that people would most likely see in the faces, not what the people feel. "
    "Not for decisions about people."
)


@dataclass
class PictureCounts:
    """What became of the files: `seen` is `used` plus all of `skipped`.

    Attributes:
        used: pictures with at least one predicted face.
        skipped: the others, by reason.
        faces: predicted ones.
    """

    used: int = 0
    faces: int = 0
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def seen(self) -> int:
        """All files."""
        return self.used + sum(self.skipped.values())

    def add(self, reasons: Sequence[str]) -> None:
        """Counts a picture by the reasons of its rows, "" for a predicted face."""
        faces = sum(not reason for reason in reasons)
        self.faces += faces
        if faces:
            self.used += 1
        else:
            self.skipped[reasons[0]] += 1

    def as_json(self) -> dict[str, Any]:
        """Returns plain data, reasons sorted."""
        skipped = dict(sorted(self.skipped.items()))
        return {"seen": self.seen, "used": self.used, "skipped": skipped, "faces": self.faces}


def manifest_path(table: Path) -> Path:
    """Returns where the manifest of a table lies: `results.manifest.json` of `results.csv`."""
    return table.with_name(f"{table.stem}.manifest.json")


def check_manifest(table: Path) -> None:
    """Checks before any work that no manifest of another table would be replaced.

    Raises:
        ValueError: it would.
    """
    path = manifest_path(table)
    try:
        other = json.loads(path.read_text("utf-8"))["table"]["file"]
    except (OSError, ValueError, LookupError, TypeError):  # none, or none of ours
        return
    if other != table.name and isinstance(other, str) and table.with_name(other).is_file():
        raise ValueError(
            f"{table} would overwrite {path}, which belongs to {other}. Choose another name or "
            "folder for --out."
        )


def versions() -> dict[str, str]:
    """Returns the versions of what can change a result."""
    found = {"attention-fer": attention_fer.__version__, "python": platform.python_version()}
    for name, module in (("numpy", "numpy"), ("pillow", "PIL"), ("onnxruntime", "onnxruntime")):
        found[name] = importlib.import_module(module).__version__
    return found


def write_manifest(
    table: Path, settings: Mapping[str, Any], names: Sequence[str], counts: PictureCounts, rows: int
) -> Path:
    """Writes the manifest of a table and returns its path.

    It holds no time, so equal work gives equal files.
    """
    path = manifest_path(table)
    about = {"file": table.name, "rows": rows, "sha256": sha256(table), "columns": list(names)}
    content = {
        "schema_version": SCHEMA_VERSION,
        "meaning": MEANING,
        "table": about,
        "counts": counts.as_json(),
        **settings,
        "versions": versions(),
    }
    write_json(path, content)
    return path
