"""A cell: one network trained once, with an identity made of all that can change its number."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields
from functools import cached_property, lru_cache
from typing import Any

from benchmarks.plan.settings import Settings
from benchmarks.plan.table import Options, Row, options

# Raised whenever a change of the code changes what the same cell would measure.
RECIPE = 1

_PAIRS = ("config", "options", "changes", "distillation")
# Fields younger than the first records. At these values they are left out of the spec, so that
# such a record keeps its hash.
_YOUNGER: dict[str, Any] = {
    "split": "",
    "matched": "",
    "config": (),
    "options": (),
    "changes": (),
    "fold": 0,
    "replicas": 1,
    "code": "",
    "trained_by": "",
    "teacher": None,
    "distillation": (),
}


@dataclass(frozen=True)
class Cell:
    """One training run.

    It is known by all that can change its number, but for the content of files of weights that its
    options name, and what weights "imagenet" means where it runs.

    Attributes:
        backbone, attention: of the row, see `benchmarks.plan.table.Row`.
        variant: "corrected" (the papers) or "published" (their published implementation).
        dataset: name of the prepared dataset.
        fingerprint: hash of its content.
        protocol: name of its split in `preprocessing.splits`.
        settings: how it is trained, the row's changes included.
        seed: of initial weights, data order and augmentation.
        backend: Keras backend that computes it.
        split: hash of the rows on each side of the split, see `data.digests`; "" in records from
            before splits were stored with their dataset.
        fold: which split of a protocol that has several, from 0.
        matched, config, options: of the row.
        changes: the row's own settings, which `settings` has taken in.
        replicas: devices that share each batch.
        code: hash of the user's file that made the table, "" for the tables here.
        trained_by: name of the row's recipe, which `settings` has taken in.
        teacher: the cell whose network teaches this one.
        distillation: of the row.
    """

    backbone: str
    attention: str
    variant: str
    dataset: str
    fingerprint: str
    protocol: str
    settings: Settings
    seed: int
    backend: str
    split: str = ""
    fold: int = 0
    matched: str = ""
    config: Options = ()
    options: Options = ()
    changes: Options = ()
    replicas: int = 1
    code: str = ""
    trained_by: str = ""
    teacher: Cell | None = None
    distillation: Options = ()

    @property
    def row(self) -> Row:
        """The row of the table."""
        return Row(
            self.backbone,
            self.attention,
            self.matched,
            self.config,
            self.options,
            self.changes,
            self.trained_by,
            None if self.teacher is None else self.teacher.row,
            self.distillation,
        )

    @property
    def teachers(self) -> tuple[Cell, ...]:
        """Its teacher, the teacher's teacher and so on; the first to be trained comes first."""
        return () if self.teacher is None else (*self.teacher.teachers, self.teacher)

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that can change the number, as JSON."""
        spec = _fields(self)
        for key in spec.keys() & set(_PAIRS):
            spec[key] = dict(spec[key])
        if self.teacher is not None:
            spec["teacher"] = self.teacher.spec
        return {**spec, "settings": asdict(self.settings), "recipe": RECIPE}

    @cached_property
    def slug(self) -> str:
        """Readable folder name: dataset, network, seed, fold and a short hash of the spec."""
        parts = [self.dataset, self.backbone, self.attention, *_in_short(self)]
        parts = [re.sub(r"[^A-Za-z0-9_.-]+", ".", part).strip(".")[:40] for part in parts]
        fold = [f"f{self.fold}"] if self.fold else []
        return "-".join([*parts, f"s{self.seed}", *fold, self.digest])

    @cached_property
    def digest(self) -> str:
        """Ten hexadecimal digits that stand for the spec.

        Settings at their default are left out, so that a setting added later, whose default is
        what was done before, does not orphan the results that are there.
        """
        spec = {**_fields(self), "settings": _unusual(self.settings), "recipe": RECIPE}
        if self.teacher is not None:
            spec["teacher"] = self.teacher.digest
        text = json.dumps(spec, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def label(self) -> str:
        """What people are shown while it runs."""
        fold = f" fold {self.fold}" if self.fold else ""
        return f"{self.dataset} {self.row.label} seed {self.seed}{fold}"

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> Cell:
        """The cell of a stored spec.

        Raises:
            TypeError, KeyError, AttributeError: it is none.
        """
        taken = {key: options(spec.get(key, ())) for key in _PAIRS}
        kept = {key: value for key, value in spec.items() if key != "recipe"}
        if spec.get("teacher") is not None:
            kept["teacher"] = cls.from_spec(spec["teacher"])
        return cls(**{**kept, **taken, "settings": Settings.from_json(spec["settings"])})


def _fields(cell: Cell) -> dict[str, Any]:
    found = {name: getattr(cell, name) for name in _NAMES}
    return {k: v for k, v in found.items() if k not in _YOUNGER or v != _YOUNGER[k]}


@lru_cache(maxsize=64)
def _unusual(settings: Settings) -> dict[str, Any]:
    default = asdict(Settings())
    return {key: value for key, value in asdict(settings).items() if value != default[key]}


def _in_short(cell: Cell) -> list[str]:
    """What is special about a cell's row: `reduction_ratio8`."""
    matched = [f"as-{cell.matched}"] if cell.matched else []
    own = [f"{k}{v}" for k, v in (*cell.config, *cell.options, *cell.changes)]
    taught = [f"by-{cell.teacher.backbone}{cell.row.round}"] if cell.teacher else []
    return [*matched, *own, *([cell.trained_by] if cell.trained_by else []), *taught]


_NAMES = tuple(field.name for field in fields(Cell))
