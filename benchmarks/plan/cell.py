"""A cell: one network trained once, identified by everything that can change its number."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import Any

from benchmarks.plan.settings import Settings
from benchmarks.plan.table import Row

# The number of what a cell does. Raise one when a code change alters what the same cell measures:
# its stored results are then run again.
RECIPE = 1
# With a teacher, or augmentations besides flip and zoom.
RECIPE_AUGMENTED = 2

# Flat names of facts in a spec, where they differ from those of `Row`.
_RENAMED = {"settings": "changes", "recipe": "trained_by"}
# Facts of every spec. The others are left out at their defaults, so that a fact added later does
# not change the hash of the results that are there.
_ALWAYS = frozenset(
    {"backbone", "attention", "variant", "dataset", "fingerprint", "protocol", "seed", "backend"}
)


@dataclass(frozen=True)
class Target:
    """A prepared dataset and how it is divided.

    Attributes:
        dataset: name of the prepared dataset.
        fingerprint: hash of its content.
        protocol: name of its split in `preprocessing.splits`.
        folds: hash of each division of the protocol, see `benchmarks.plan.splits.digests`.
        classes: names of its classes.
        synthetic: whether its images are generated.
    """

    dataset: str
    fingerprint: str
    protocol: str
    folds: tuple[str, ...] = ("",)
    classes: tuple[str, ...] = ()
    synthetic: bool = False


@dataclass(frozen=True, eq=False)
class Cell:
    """One training run.

    Cells are equal if they have the same `digest`. It covers everything that can change the
    result, except the content of weight files that options name, and what the weights "imagenet"
    are on the machine that runs it.

    Attributes:
        row: the network and what is special about its training.
        target: what it is trained and measured on.
        settings: how it is trained, with the row's own settings applied.
        seed: of the initial weights, the order of the data and the augmentation.
        backend: Keras backend.
        variant: "corrected" (as in the papers) or "published" (as in their published code).
        fold: index of the division in `target.folds`.
        replicas: devices that share each batch.
        code: hash of the user's file that defines the table or the module, "" for built-in ones.
        teacher: the cell whose network teaches this one.
    """

    row: Row
    target: Target
    settings: Settings
    seed: int
    backend: str
    variant: str = "corrected"
    fold: int = 0
    replicas: int = 1
    code: str = ""
    teacher: Cell | None = None

    @property
    def split(self) -> str:
        """Hash of the rows of the dataset on each side of the split."""
        return self.target.folds[self.fold]

    @property
    def teachers(self) -> tuple[Cell, ...]:
        """The teacher, its own teacher and so on, in the order in which they are trained."""
        return () if self.teacher is None else (*self.teacher.teachers, self.teacher)

    @property
    def recipe(self) -> int:
        """Version of what training this cell means, see `RECIPE`."""
        augmented = self.teacher is not None or self.settings.augmentation
        return RECIPE_AUGMENTED if augmented else RECIPE

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that can change the result, as JSON; `from_spec` reads it."""
        facts = {k: dict(v) if k in _MAPPINGS else v for k, v in self._facts.items()}
        if self.teacher is not None:
            facts["teacher"] = self.teacher.spec
        return {**facts, "settings": asdict(self.settings), "recipe": self.recipe}

    @cached_property
    def digest(self) -> str:
        """Ten hexadecimal digits that identify the cell.

        Settings at their defaults are left out, so that a setting added later, whose default is
        what was done before, does not change the digest of the results that are there.
        """
        facts = {**self._facts, "settings": _unusual(self.settings), "recipe": self.recipe}
        if self.teacher is not None:
            facts["teacher"] = self.teacher.digest
        text = json.dumps(facts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @cached_property
    def slug(self) -> str:
        """Readable folder name: dataset, network, seed, fold and the digest."""
        row = self.row
        parts = [self.target.dataset, row.backbone, row.attention, *_in_short(row)]
        parts = [re.sub(r"[^A-Za-z0-9_.-]+", ".", part).strip(".")[:40] for part in parts]
        fold = [f"f{self.fold}"] if self.fold else []
        return "-".join([*parts, f"s{self.seed}", *fold, self.digest])

    @property
    def label(self) -> str:
        """Name shown while it runs."""
        fold = f" fold {self.fold}" if self.fold else ""
        return f"{self.target.dataset} {self.row.label} seed {self.seed}{fold}"

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Cell:
        """Reads a stored spec.

        Its target has neither classes nor the hashes of other folds, which a spec does not hold.

        Raises:
            TypeError, KeyError, AttributeError, ValueError: it is not the spec of a cell.
        """
        facts = {**spec, "fold": spec.get("fold", 0)}
        del facts["recipe"]
        teacher = facts.pop("teacher", None)
        taught_by = None if teacher is None else cls.from_spec(teacher)
        settings = Settings.from_json(facts.pop("settings"))
        folds = ("",) * facts["fold"] + (facts.pop("split", ""),)
        target = Target(**{name: facts.pop(name) for name in _TARGET}, folds=folds)
        own = {name: facts.pop(flat) for name, flat in _ROW.items() if flat in facts}
        row = Row(**own, teacher=None if taught_by is None else taught_by.row)
        return cls(row=row, target=target, settings=settings, teacher=taught_by, **facts)

    @property
    def _facts(self) -> dict[str, Any]:
        """The facts of the spec but for settings and teacher, as they are hashed."""
        row, target = self.row, self.target
        facts = {flat: getattr(row, name) for name, flat in _ROW.items()}
        facts |= {name: getattr(target, name) for name in _TARGET}
        facts |= {name: getattr(self, name) for name in (*_OWN, "split")}
        return {k: v for k, v in facts.items() if k in _ALWAYS or v not in _LEFT_OUT.get(k, ())}

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Cell) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)


def without_attention(cell: Cell) -> Cell:
    """The same cell with its backbone without attention."""
    return replace(cell, row=cell.row.plain)


@lru_cache(maxsize=64)
def _unusual(settings: Settings) -> dict[str, Any]:
    default = asdict(Settings())
    return {key: value for key, value in asdict(settings).items() if value != default[key]}


def _in_short(row: Row) -> list[str]:
    """What is special about a row, as parts of a slug: `reduction_ratio8`."""
    matched = [f"as-{row.matched}"] if row.matched else []
    own = [f"{k}{v}" for k, v in (*row.config, *row.options, *row.settings)]
    taught = [f"by-{row.teacher.backbone}{row.round}"] if row.teacher else []
    return [*matched, *own, *([row.recipe] if row.recipe else []), *taught]


_ROW = {f.name: _RENAMED.get(f.name, f.name) for f in fields(Row) if f.name != "teacher"}
_TARGET = ("dataset", "fingerprint", "protocol")
_OWN = [f.name for f in fields(Cell) if f.name not in ("row", "target", "settings", "teacher")]
_LEFT_OUT = {
    **{_ROW[f.name]: (f.default,) for f in fields(Row) if f.name in _ROW},
    **{f.name: (f.default,) for f in fields(Cell) if f.name in _OWN},
    "split": ("",),
}
_MAPPINGS = {flat for name, flat in _ROW.items() if getattr(Row("vgg16"), name) == ()}
