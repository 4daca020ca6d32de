"""Copies the result of a control that equals its backbone without attention."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks.results.predictions import PREDICTIONS
from benchmarks.results.store import RESULT


def copied(source: Path, folder: Path) -> dict[str, Any]:
    """Copy the predictions of a result, and return its record but for the spec.

    Training would give the same numbers. `equals` names that result; timing and provenance are
    copied from it.

    Args:
        source: folder of the result.
        folder: where the predictions go.
    """
    record = json.loads((source / RESULT).read_text(encoding="utf-8"))
    shutil.copyfile(source / PREDICTIONS, folder / PREDICTIONS)
    own = ("schema_version", "spec", "files")
    return {**{key: record[key] for key in record if key not in own}, "equals": source.name}
