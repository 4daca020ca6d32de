"""Reads the JSON file next to a model: its classes, its input, how faces were cropped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

# In this order, after a file with the model's own name; the last is that of a prepared dataset.
METADATA = ("model.json", "classes.json", "manifest.json")


def read_metadata(path: Path) -> tuple[dict[str, Any], Path | None]:
    """Returns the content and the path of the first file next to a model that has its classes.

    Files without classes do not count; without any, the result is `({}, None)`.

    Raises:
        ValueError: a file that is not JSON, or whose classes are not a list of names.
    """
    for name in dict.fromkeys((f"{path.stem}.json", *METADATA)):
        beside = path.with_name(name)
        if beside.is_file():
            content = read_json(beside)
            content = {"classes": content} if isinstance(content, list) else content
            if isinstance(content, dict) and "classes" in content:
                return {**content, "classes": check_names(content["classes"], beside)}, beside
    return {}, None


def read_json(path: Path) -> Any:
    """Returns the content of a file. Raises ValueError that names a file that is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{str(path)!r} must be JSON: {error}") from error


def check_names(given: Any, path: Path | None) -> list[str]:
    """Returns class names, which come from `path` or, if None, from the user.

    Raises:
        ValueError: not a list of different names.
    """
    whole = isinstance(given, list) and given and all(isinstance(name, str) for name in given)
    if not whole or len(set(given)) != len(given):
        where = f" in {str(path)!r}" if path else ""
        raise ValueError(f"Classes{where} must be a list of different names, got {given!r}.")
    return list(given)
