"""A plan: everything a command asks for, as data from which its cells follow.

It is stored beside the results, so that a report knows what is still missing, and knows a user's
own table without running its file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.plan.cell import Cell
from benchmarks.plan.settings import Settings
from benchmarks.plan.table import Row, Table, options
from benchmarks.results.store import write_json

SCHEMA_VERSION = 1
FOLDER = "plans"


@dataclass(frozen=True)
class Target:
    """What a table is measured on.

    Attributes:
        dataset: name of the prepared dataset.
        fingerprint: hash of its content.
        protocol: name of its split.
        folds: hash of each of its splits, see `benchmarks.train.data.digests`.
        classes: names of its classes.
        synthetic: whether its images are generated.
    """

    dataset: str
    fingerprint: str
    protocol: str
    folds: tuple[str, ...]
    classes: tuple[str, ...] = ()
    synthetic: bool = False


@dataclass(frozen=True)
class Plan:
    """A table on targets.

    Attributes:
        table: its rows and what they are compared to.
        targets: datasets with their splits.
        settings: training, before a row's and a dataset's own changes.
        seeds: how many; they are numbered from 0.
        variant, backend, replicas, code: see `benchmarks.plan.cell.Cell`.
        kept: names of the settings that no row's recipe changes: the quick profile's own, and
            those that were asked for.
    """

    table: Table
    targets: tuple[Target, ...]
    settings: Settings
    seeds: int
    variant: str
    backend: str
    replicas: int = 1
    code: str = ""
    kept: tuple[str, ...] = ()

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All cells; what is compared stands together, seed by seed and fold by fold.

        A teacher stands before those it teaches, whether it is a row of the table or not.
        """
        found: dict[Cell, None] = {}
        for cell in self._cells():
            found.update(dict.fromkeys([*cell.teachers, cell]))
        return tuple(found)

    def _cells(self) -> Iterator[Cell]:
        for target in self.targets:
            rows = self.table.of(target.dataset)
            settings = {row: self._settings(row, target) for row in _with_teachers(rows)}
            for seed in range(self.seeds):
                for fold in range(len(target.folds)):
                    for row in rows:
                        yield self._cell(row, settings, target, seed, fold)

    def _settings(self, row: Row, target: Target) -> Settings:
        settings = self.settings
        if row.recipe:
            settings = settings.trained(row.recipe, self.kept)
        return settings.changed(**dict(row.settings)).of(target.dataset)

    def _cell(
        self, row: Row, settings: Mapping[Row, Settings], target: Target, seed: int, fold: int
    ) -> Cell:
        teacher = None
        if row.teacher is not None:
            teacher = self._cell(row.teacher, settings, target, seed, fold)
        return Cell(
            backbone=row.backbone,
            attention=row.attention,
            variant=self.variant,
            dataset=target.dataset,
            fingerprint=target.fingerprint,
            protocol=target.protocol,
            settings=settings[row],
            seed=seed,
            backend=self.backend,
            split=target.folds[fold],
            fold=fold,
            matched=row.matched,
            config=options(row.config),
            options=options(row.options),
            changes=options(row.settings),
            replicas=self.replicas,
            code=self.code,
            trained_by=row.recipe,
            teacher=teacher,
            distillation=options(row.distillation),
        )


def _with_teachers(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        yield row
        if row.teacher is not None:
            yield from _with_teachers([row.teacher])


def write(plan: Plan, root: Path) -> None:
    """Stores a plan beside the results of `root`; the same plan twice is stored once."""
    content = _to_json(plan)
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:10]
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    write_json(root / FOLDER / f"{digest}.json", content)


def read(root: Path) -> list[Plan]:
    """The plans stored beside the results of `root`, the oldest first; unreadable ones are none."""
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
    rows = list(dict.fromkeys([*plan.table.all_rows(), *plan.table.chosen.values()]))
    number = {row: i for i, row in enumerate(rows)}
    table = plan.table
    return {
        "schema_version": SCHEMA_VERSION,
        "table": {
            "name": table.name,
            "title": table.title,
            "source": table.source,
            "all": [_row(row) for row in rows],
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
        "settings": asdict(plan.settings),
        **{name: getattr(plan, name) for name in ("seeds", "variant", "backend", "replicas")},
        "code": plan.code,
        "kept": list(plan.kept),
    }


def _row(row: Row) -> dict[str, Any]:
    names = ("config", "options", "settings", "distillation")
    pairs = {name: dict(getattr(row, name)) for name in names}
    plain = {name: getattr(row, name) for name in ("backbone", "attention", "matched", "recipe")}
    return {**plain, **pairs, "teacher": None if row.teacher is None else _row(row.teacher)}


def _row_of(content: Mapping[str, Any]) -> Row:
    teacher = content.get("teacher")
    return Row(**{**content, "teacher": None if teacher is None else _row_of(teacher)})


def _from_json(content: Mapping[str, Any]) -> Plan:
    table = content["table"]
    rows = [_row_of(row) for row in table["all"]]
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
        settings=Settings.from_json(content["settings"]),
        kept=tuple(content.get("kept", ())),
        **{name: content[name] for name in ("seeds", "variant", "backend", "replicas", "code")},
    )
