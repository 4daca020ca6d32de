"""``manifest.json``: readable, and every key of the kind that it must be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from preprocessing.dataset.folder import MANIFEST, REQUIRED, SCHEMA_VERSION
from preprocessing.dataset.index import MEND
from preprocessing.quality.check.files import HASHED
from preprocessing.quality.check.report import Report

_KEYS = (*REQUIRED, "files")
_MAY_LACK = ("items",)


def read_manifest(path: Path, report: Report) -> dict[str, Any]:
    """What can be relied on in the manifest; {} if nothing can."""
    try:
        found = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError, RecursionError) as error:
        report.error(f"{MANIFEST} is not readable JSON ({error}); {MEND}")
        return {}
    version = found.get("schema_version") if isinstance(found, dict) else None
    if version != SCHEMA_VERSION:
        report.error(
            f"{MANIFEST} has schema_version {version!r}, this program reads {SCHEMA_VERSION}; "
            f"{MEND}"
        )
        return {}
    for key in (*_KEYS, *_MAY_LACK):
        if key not in found:
            if key in _KEYS:
                report.error(f"{MANIFEST} lacks {key}; {MEND}")
        elif key in _VALID and not _VALID[key](found[key]):
            report.error(f"{MANIFEST}: {key} is {short(found.pop(key))}, {_EXPECTED[key]}; {MEND}")
    return found


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _names(value: Any) -> bool:
    texts = isinstance(value, list) and all(isinstance(name, str) and name for name in value)
    return texts and len(value) == len(set(value)) > 0


def _hashes(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), str) for name in HASHED)


_VALID = {
    "dataset": lambda value: isinstance(value, str),
    "classes": _names,
    "seen": _number,
    "used": _number,
    "dropped": lambda value: isinstance(value, dict) and all(map(_number, value.values())),
    "fingerprint": lambda value: isinstance(value, str),
    "files": _hashes,
    "items": _number,
}
_EXPECTED = {
    "dataset": "expected a name",
    "classes": "expected different names",
    "seen": "expected a number",
    "used": "expected a number",
    "dropped": "expected a number for each reason",
    "fingerprint": "expected 64 hexadecimal digits",
    "files": f"expected the hashes of {', '.join(HASHED)}",
    "items": "expected a number",
}


def short(value: Any) -> str:
    """How a value looks in Python, cut to 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
