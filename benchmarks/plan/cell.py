"""A cell: one network trained once, identified by everything that can affect its result."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property, lru_cache
from typing import Any

from benchmarks.plan.settings import Settings
from benchmarks.plan.table import Row

# Version of what training a cell means. Raise it when a code change alters what the same cell
# measures: stored results of the old version no longer count, and the cells are run again.
RECIPE = 1
# The same for cells with a teacher, or with augmentations besides flip and zoom.
RECIPE_AUGMENTED = 2

# Names in a spec, where they differ from those of `Row`.
_RENAMED = {"settings": "changes", "recipe": "trained_by"}
# Facts that every spec states. The others are left out at their defaults, so that a fact added
# later does not change the hash of existing results.
_ALWAYS = frozenset(
    {"backbone", "attention", "variant", "dataset", "fingerprint", "protocol", "seed", "backend"}
)


@dataclass(frozen=True)
class Target:
    """A prepared dataset and its split.

    Attributes:
        dataset: name of the prepared dataset.
        fingerprint: hash of its content.
        protocol: name of the split in `preprocessing.splits`.
        folds: hash of each fold of the split, see `benchmarks.plan.datasets.digests`.
        classes: names of the classes.
        synthetic: whether the images are generated.
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

    Cells are equal if they have the same `digest`. It covers everything that can affect the
    result, except the contents of weight files that options name, and which weights "imagenet"
    stands for on the machine that runs the cell.

    Attributes:
        row: the network, and how its training differs from that of other rows.
        target: the dataset and split it is trained and tested on.
        settings: how it is trained, including the row's own settings.
        seed: seed of the initial weights, the data order and the augmentation.
        backend: Keras backend.
        variant: "corrected" (as in the papers) or "published" (as in their published code).
        fold: index of the fold in `target.folds`.
        replicas: number of devices that share each batch.
        code: hash of the user's file that defines the table or the module; "" for built-in ones.
        teacher: the cell whose network teaches this one; None without a teacher.
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
        """The teacher, the teacher's teacher and so on, in the order they are trained."""
        return () if self.teacher is None else (*self.teacher.teachers, self.teacher)

    @property
    def recipe(self) -> int:
        """Version of what training this cell means, see `RECIPE`."""
        augmented = self.teacher is not None or self.settings.augmentation
        return RECIPE_AUGMENTED if augmented else RECIPE

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that can affect the result, ready for JSON; `from_spec` reads it."""
        facts = {k: dict(v) if k in _MAPPING_FIELDS else v for k, v in self._facts.items()}
        if self.teacher is not None:
            facts["teacher"] = self.teacher.spec
        return {**facts, "settings": asdict(self.settings), "recipe": self.recipe}

    @cached_property
    def digest(self) -> str:
        """Ten hexadecimal digits that identify the cell.

        Settings at their defaults are left out. A setting added later, whose default is what was
        done before, therefore does not change the digest of existing results.
        """
        facts = {**self._facts, "settings": _non_defaults(self.settings), "recipe": self.recipe}
        if self.teacher is not None:
            facts["teacher"] = self.teacher.digest
        text = json.dumps(facts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @cached_property
    def slug(self) -> str:
        """Readable folder name: dataset, network, seed, fold and digest."""
        # File systems allow 255 bytes, and a working folder adds 17 characters.
        return f"{'-'.join(self._name_parts)[:_LONGEST]}-{self.digest}"

    @property
    def run_name(self) -> str:
        """Name in TensorBoard: `fer2013/resnet50-se-s0-8016`, with four digits of the digest.

        The digits tell cells apart that differ in their settings alone.
        """
        dataset, *network = self._name_parts
        return f"{dataset}/{'-'.join(network)[:_LONGEST]}-{self.digest[:4]}"

    @property
    def label(self) -> str:
        """Name shown while the cell runs."""
        fold = f" fold {self.fold}" if self.fold else ""
        return f"{self.target.dataset} {self.row.label} seed {self.seed}{fold}"

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Cell:
        """Return the cell of a stored spec.

        A spec holds neither the classes nor the hashes of other folds, so the target lacks them.

        Raises:
            TypeError, KeyError, AttributeError, ValueError: `spec` is not the spec of a cell.
        """
        facts = {**spec, "fold": spec.get("fold", 0)}
        del facts["recipe"]
        teacher = facts.pop("teacher", None)
        taught_by = None if teacher is None else cls.from_spec(teacher)
        settings = Settings(**facts.pop("settings"))
        folds = ("",) * facts["fold"] + (facts.pop("split", ""),)
        target = Target(**{name: facts.pop(name) for name in _TARGET_FIELDS}, folds=folds)
        own = {name: facts.pop(flat) for name, flat in _ROW_FIELDS.items() if flat in facts}
        row = Row(**own, teacher=None if taught_by is None else taught_by.row)
        return cls(row=row, target=target, settings=settings, teacher=taught_by, **facts)

    @property
    def _name_parts(self) -> list[str]:
        """Dataset, network, seed and fold, each as part of a file name."""
        row = self.row
        parts = [self.target.dataset, row.backbone, row.attention, *_slug_parts(row)]
        parts = [re.sub(r"[^A-Za-z0-9_.-]+", ".", part).strip(".")[:40] for part in parts]
        fold = [f"f{self.fold}"] if self.fold else []
        return [*parts, f"s{self.seed}", *fold]

    @property
    def _facts(self) -> dict[str, Any]:
        """The facts of the spec except settings and teacher, in the form that is hashed."""
        row, target = self.row, self.target
        facts = {flat: getattr(row, name) for name, flat in _ROW_FIELDS.items()}
        facts |= {name: getattr(target, name) for name in _TARGET_FIELDS}
        facts |= {name: getattr(self, name) for name in (*_CELL_FIELDS, "split")}
        return {k: v for k, v in facts.items() if k in _ALWAYS or v not in _DEFAULTS.get(k, ())}

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Cell) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)


@lru_cache(maxsize=64)
def _non_defaults(settings: Settings) -> dict[str, Any]:
    """Return the settings that differ from their defaults."""
    default = asdict(Settings())
    return {key: value for key, value in asdict(settings).items() if value != default[key]}


def _slug_parts(row: Row) -> list[str]:
    """Return the parts of a slug that describe a row's options: `reduction_ratio8`."""
    matched = [f"as-{row.matched}"] if row.matched else []
    own = [f"{k}{v}" for k, v in (*row.config, *row.options, *row.settings)]
    taught = [f"by-{row.teacher.backbone}{row.round}"] if row.teacher else []
    return [*matched, *own, *([row.recipe] if row.recipe else []), *taught]


_ROW_FIELDS = {f.name: _RENAMED.get(f.name, f.name) for f in fields(Row) if f.name != "teacher"}
_LONGEST = 220  # characters of the readable part of a name
_TARGET_FIELDS = ("dataset", "fingerprint", "protocol")
_NESTED = ("row", "target", "settings", "teacher")
_CELL_FIELDS = [f.name for f in fields(Cell) if f.name not in _NESTED]
_DEFAULTS = {
    **{_ROW_FIELDS[f.name]: (f.default,) for f in fields(Row) if f.name in _ROW_FIELDS},
    **{f.name: (f.default,) for f in fields(Cell) if f.name in _CELL_FIELDS},
    "split": ("",),
}
_MAPPING_FIELDS = {flat for name, flat in _ROW_FIELDS.items() if getattr(Row("vgg16"), name) == ()}
