"""Where a network comes from: the stored cell, its command, the other seeds."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from benchmarks.plan.plan import Plan
from benchmarks.plan.table import VARIANTS
from benchmarks.results import plan_file
from benchmarks.results.store import Result, Store


def find_result(folder: Path) -> Result:
    """Return the cell stored in a folder, or the only one with its network in a table's folder.

    Raises:
        ValueError: no such cell, or several.
    """
    folder = folder.resolve()
    own = [r for r in Store(folder.parent).results() if r.path.name == folder.name]
    saved = [r for r in own or Store(folder).results() if r.done and r.saved]
    if len(saved) == 1:
        return saved[0]
    if saved:
        names = ", ".join(result.path.name for result in saved)
        raise ValueError(f"RESULT must be one cell, got {folder} with {len(saved)}: {names}.")
    reasons = [f" {why}." for path, why in Store(folder.parent).problems() if path == folder]
    raise ValueError(
        f"RESULT must be the folder of a finished cell with its network, got {folder}:"
        f"{''.join(reasons) or ' there is no network.'} Train it with --save-models."
    )


def read_classes(path: Path) -> tuple[str, ...]:
    """Return the classes of a stored network. Raises ValueError if its file does not list them."""
    try:
        return tuple(json.loads(path.read_text(encoding="utf-8"))["classes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} must list the classes of the network: {error!r}.") from error


def training(result: Result, command: str | None = None) -> dict[str, Any]:
    """Return how a cell was trained, as plain data.

    Args:
        result: result of the cell.
        command: that trained it; None to derive it from the stored plan.
    """
    cell, record = result.cell, result.record
    metrics, provenance = record["metrics"], record["provenance"]
    return {
        "cell": cell.label,
        "command": command or _command(result),
        "seed": cell.seed,
        "seeds": _seeds(result),
        "taught_by": [teacher.label for teacher in cell.teachers],
        **{name: metrics[name] for name in ("n_train", "n_validation", "epochs", "best_epoch")},
        "seconds": record["timing"]["train"],
        **{name: provenance[name] for name in ("time", "processor", "cores", "accelerators")},
        "versions": provenance["versions"],
        "spec": json.loads(json.dumps(cell.spec)),
    }


def _seeds(result: Result) -> list[dict[str, Any]]:
    """All stored seeds of the same row, with what they reached; the shipped one among them."""
    same = [
        other
        for other in Store(result.path.parent).results()
        if other.done
        and other.cell.row == result.cell.row
        and other.cell.settings == result.cell.settings
        and other.cell.target.fingerprint == result.cell.target.fingerprint
    ]
    return [
        {
            "seed": other.cell.seed,
            "validation_accuracy": other.record["metrics"]["validation_accuracy"],
            "test_accuracy": other.record["metrics"]["accuracy"],
        }
        for other in sorted(same, key=lambda other: other.cell.seed)
    ]


def _command(result: Result) -> str:
    """The command of the stored plan that trained a cell; "" without such a plan.

    A plan with files of the user's has none, since it does not say where they are.
    """
    plans = [p for p in plan_file.read(result.path.parent) if result.cell in p.cells and not p.code]
    return _command_of(plans[-1], result) if plans else ""


def _command_of(plan: Plan, result: Result) -> str:
    cell = result.cell
    words = ["python", "-m", "benchmarks.run", "--table", plan.table.name]
    words += ["--datasets", cell.target.dataset]
    words += ["--backbones", cell.row.backbone, "--attentions", cell.row.attention]
    words += ["--recipe", cell.row.recipe] if cell.row.recipe else []
    words += ["--profile", plan.profile, "--seeds", str(plan.seeds)]
    words += ["--variant", plan.variant] if plan.variant != VARIANTS[0] else []
    for name, value in plan.asked:
        words += ["--set", f"{name}={json.dumps(value)}"]
    return shlex.join([*words, "--save-models"])
