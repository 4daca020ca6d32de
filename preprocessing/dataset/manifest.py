"""The files of a prepared folder, and its `manifest.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attention_fer.common.files import write_text
from preprocessing.dataset.index import INDEX, REPAIR_HINT, OnProblem, raise_problem
from preprocessing.raw_files.files import as_text

SCHEMA_VERSION = 2
IMAGES, DROPPED, SPLITS, MANIFEST = "images.npy", "dropped.csv", "splits.csv", "manifest.json"
SHEETS = "sheets"  # a folder of contact sheets, present only if they were asked for
FILES = (MANIFEST, IMAGES, INDEX, DROPPED, SPLITS)
HASHED = (INDEX, DROPPED, SPLITS)


def write_manifest(folder: Path, content: dict[str, Any]) -> None:
    """Writes `manifest.json` whole or not at all. Raises OSError."""
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
    write_text(folder / MANIFEST, as_text(f"{text}\n"))  # paths may hold bytes that are not text


def read_manifest(folder: Path, on_problem: OnProblem = raise_problem) -> dict[str, Any]:
    """Reads `manifest.json` and checks that the other files of the folder exist.

    Args:
        folder: a prepared folder.
        on_problem: receives a FileNotFoundError for the folder and for each file that is missing,
            and a ValueError for each key of the manifest that is missing or not valid.

    Returns:
        The keys that can be relied on; {} if none can.
    """
    if not folder.is_dir():
        on_problem(
            FileNotFoundError(
                f"No prepared dataset at {folder}: there is no such folder. Make one with "
                f"`python -m preprocessing.run --dataset NAME --source RAW --out {folder}`."
            )
        )
        return {}
    for name in FILES:
        if not (folder / name).is_file():
            on_problem(FileNotFoundError(f"{folder / name} is missing. {REPAIR_HINT}"))
    if not (folder / MANIFEST).is_file():
        return {}
    return _load(folder / MANIFEST, on_problem)


def _load(path: Path, on_problem: OnProblem) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        on_problem(ValueError(f"{path} is not readable JSON ({error}). {REPAIR_HINT}"))
        return {}
    version = found.get("schema_version") if isinstance(found, dict) else None
    if version != SCHEMA_VERSION:
        on_problem(
            ValueError(
                f"{path} must have schema_version {SCHEMA_VERSION}, got {version!r}. {REPAIR_HINT}"
            )
        )
        return {}
    for key, (valid, expected) in _KEYS.items():
        if key in found and not valid(found[key]):
            text = f"{key} must be {expected}, got {short(found.pop(key))}"
            on_problem(ValueError(f"{path}: {text}. {REPAIR_HINT}"))
        elif key not in found and key not in _OPTIONAL:
            on_problem(ValueError(f"{path} lacks {key}. {REPAIR_HINT}"))
    return found


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_counts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_count, value.values()))


def _are_names(value: Any) -> bool:
    texts = isinstance(value, list) and all(isinstance(name, str) and name for name in value)
    return texts and len(value) == len(set(value)) > 0


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)


def _are_hashes(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in HASHED)


_KEYS = {
    "dataset": (lambda value: isinstance(value, str), "a name"),
    "classes": (_are_names, "a list of different names"),
    "seen": (_is_count, "a number"),
    "used": (_is_count, "a number"),
    "dropped": (_are_counts, "a number for each reason"),
    "fingerprint": (lambda value: isinstance(value, str), "64 hexadecimal digits"),
    "files": (_are_hashes, f"the hashes of {', '.join(HASHED)}"),
    "items": (_is_count, "a number"),
    "warnings": (_are_texts, "a list of sentences"),
}
_OPTIONAL = ("items", "warnings")


def short(value: Any) -> str:
    """How a value looks in Python, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
