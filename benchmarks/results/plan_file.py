"""Plans, stored next to their results.

They tell a report which cells are still missing, and contain a user's table, so a report need not
run the user's file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from attention_fer.common.files import write_json
from benchmarks.plan.cell import Target
from benchmarks.plan.plan import Plan
from benchmarks.plan.table import Row, Table, options

SCHEMA_VERSION = 2
FOLDER = "plans"

_CONVERTED_FIELDS = ("table", "targets", "usual", "asked")
_PLAIN_FIELDS = [f.name for f in fields(Plan) if f.name not in _CONVERTED_FIELDS]
_MAPPING_FIELDS = ("config", "options", "settings", "distillation")


def write(plan: Plan, root: Path) -> None:
    """Store a plan next to the results in `root`; the same plan is stored only once."""
    content = _to_json(plan)
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]
    write_json(root / FOLDER / f"{digest}.json", content)


def read(root: Path) -> list[Plan]:
    """Return the plans stored next to the results in `root`, oldest first; skip unreadable ones."""
    files = sorted(root.glob(f"{FOLDER}/*.json"), key=lambda path: path.stat().st_mtime)
    found = (_read(path) for path in files)
    return [plan for plan in found if plan is not None]


def _read(path: Path) -> Plan | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return _from_json(content) if content["schema_version"] == SCHEMA_VERSION else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _to_json(plan: Plan) -> dict[str, Any]:
    table = plan.table
    rows = list(dict.fromkeys([*table.all_rows(), *table.chosen.values()]))
    number = {row: i for i, row in enumerate(rows)}
    return {
        "schema_version": SCHEMA_VERSION,
        "table": {
            "name": table.name,
            "title": table.title,
            "source": table.source,
            "all": [_row_to_json(row) for row in rows],
            "rows": [number[row] for row in table.rows],
            "chosen": {name: number[row] for name, row in table.chosen.items()},
            "special": {name: [number[r] for r in rows] for name, rows in table.special.items()},
            "published": [
                [number[row], dataset, accuracy]
                for (row, dataset), accuracy in table.published.items()
                if row in number
            ],
        },
        "targets": [asdict(target) for target in plan.targets],
        **{name: getattr(plan, name) for name in _PLAIN_FIELDS},
        "usual": dict(plan.usual),
        "asked": dict(plan.asked),
    }


def _row_to_json(row: Row) -> dict[str, Any]:
    content = {f.name: getattr(row, f.name) for f in fields(Row)}
    content |= {name: dict(content[name]) for name in _MAPPING_FIELDS}
    return {**content, "teacher": None if row.teacher is None else _row_to_json(row.teacher)}


def _row_from_json(content: Mapping[str, Any]) -> Row:
    teacher = content["teacher"]
    return Row(**{**content, "teacher": None if teacher is None else _row_from_json(teacher)})


def _from_json(content: Mapping[str, Any]) -> Plan:
    table = content["table"]
    rows = [_row_from_json(row) for row in table["all"]]
    plain = {name: content[name] for name in _PLAIN_FIELDS}
    return Plan(
        table=Table(
            name=table["name"],
            title=table["title"],
            rows=tuple(rows[i] for i in table["rows"]),
            published={(rows[i], dataset): value for i, dataset, value in table["published"]},
            source=table["source"],
            chosen={name: rows[i] for name, i in table["chosen"].items()},
            special={name: tuple(rows[i] for i in of) for name, of in table["special"].items()},
        ),
        targets=tuple(
            Target(**{**t, "folds": tuple(t["folds"]), "classes": tuple(t["classes"])})
            for t in content["targets"]
        ),
        usual=options(content["usual"]),
        asked=options(content["asked"]),
        **{**plain, "own": None if plain["own"] is None else tuple(plain["own"])},
    )
