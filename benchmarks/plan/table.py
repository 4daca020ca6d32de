"""A table as data: rows and datasets, and the row that each row is compared to."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from attention_fer import recipes
from attention_fer.common.checks import one_of
from attention_fer.common.rules import as_tuples
from benchmarks.plan import registered
from benchmarks.plan.settings import PROFILES

VARIANTS = ("corrected", "published")
ALL = "all"
PUBLISHED = Path(__file__).parents[1] / "tables" / "published.csv"

Options = tuple[tuple[str, Any], ...]
"""Pairs of name and value, sorted by name: a mapping that can be compared and hashed."""


def options(given: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Options:
    """Return a mapping as `Options`; lists become tuples."""
    pairs = given.items() if isinstance(given, Mapping) else given
    return tuple(sorted((key, as_tuples(value)) for key, value in pairs))


@dataclass(frozen=True)
class Row:
    """One network of a table, and how its training differs from that of the other rows.

    `config`, `options`, `settings` and `distillation` may be passed as mappings.

    Attributes:
        backbone: name of a backbone in `attention_fer.models`.
        attention: name of a registered attention module, or "none".
        matched: for a parameter-matched baseline, the module whose number of parameters the
            backbone without attention is widened to; else "".
        config: arguments of the attention module, or of the matched one: {"reduction_ratio": 8}.
        options: arguments of the backbone's builder: {"activation": "selu"}.
        settings: settings that differ from those of the other rows: {"optimizer": "sgd"}; see
            `benchmarks.plan.settings.Settings`.
        recipe: name of the training recipe, see `attention_fer.recipes`; "" for the profile's.
        teacher: the row whose network teaches this one; it is trained first, with the same seed.
        distillation: how the teacher teaches: {"kind": "soft", "temperature": 3.0, "weight": 0.5};
            see `attention_fer.training.distillation`.
        warm_start: whether training starts from the teacher's weights instead of random ones. The
            networks must be the same, except that strides may differ and that the student may have
            attention which its teacher lacks.
    """

    backbone: str
    attention: str = "none"
    matched: str = ""
    config: Options | Mapping[str, Any] = ()
    options: Options | Mapping[str, Any] = ()
    settings: Options | Mapping[str, Any] = ()
    recipe: str = ""
    teacher: Row | None = None
    distillation: Options | Mapping[str, Any] = ()
    warm_start: bool = False

    def __post_init__(self) -> None:
        for name in ("config", "options", "settings", "distillation"):
            object.__setattr__(self, name, options(getattr(self, name)))
        if self.recipe:
            recipes.get(self.recipe)
        if bool(self.distillation) != (self.teacher is not None):
            raise ValueError(
                "teacher and distillation must be given together or not at all, got "
                f"teacher={self.teacher and self.teacher.label!r}, "
                f"distillation={dict(options(self.distillation))}."
            )
        if self.warm_start and self.teacher is None:
            raise ValueError("warm_start needs a teacher to start from, got teacher=None.")

    @property
    def plain(self) -> Row:
        """The same backbone without attention, all else equal."""
        placement = ("attention_position", "attention_stages")
        kept = tuple(pair for pair in options(self.options) if pair[0] not in placement)
        return replace(self, attention="none", matched="", config=(), options=kept)

    @property
    def control(self) -> Row:
        """The parameter-matched baseline: widened to as many parameters, without attention."""
        return replace(self.plain, matched=self.attention, config=self.config)

    @property
    def network(self) -> str:
        """The attention and its configuration, as text."""
        config = f" ({_format_options(options(self.config))})" if self.config else ""
        if self.matched:
            return f"none, widened to the parameters of {self.matched}{config}"
        return f"{self.attention}{config}"

    @property
    def setting(self) -> str:
        """The options of network and training, as text; "" without any."""
        recipe = f"recipe {self.recipe}" if self.recipe else ""
        own = _format_options((*options(self.options), *options(self.settings)))
        return ", ".join(filter(None, [recipe, own, self._teaching]))

    @property
    def round(self) -> int:
        """Number of teachers in the chain: teacher, teacher's teacher and so on; 0 without one."""
        return 0 if self.teacher is None else 1 + self.teacher.round

    @property
    def _teaching(self) -> str:
        if self.teacher is None:
            return ""
        chain = f", round {self.round}" if self.round > 1 else ""
        teacher = " ".join([self.teacher.backbone, self.teacher.attention.replace("none", "")])
        start = ", warm start" if self.warm_start else ""
        how = f"{_format_options(options(self.distillation))}{start}{chain}"
        return f"taught by {teacher.strip()} ({how})"

    @property
    def label(self) -> str:
        """The whole row, as text."""
        return ", ".join(filter(None, [f"{self.backbone} {self.network}", self.setting]))


@dataclass(frozen=True)
class Table:
    """The networks of a table and what they are compared to.

    Attributes:
        name: name on the command line.
        title: caption.
        rows: the networks, in order.
        published: published accuracies in percent, by (row, dataset name).
        source: origin of the published figures, and how they were obtained.
        chosen: by dataset name, "" for all other datasets: the row that the others are compared
            to. By default each row is compared to its backbone without attention.
        special: by dataset name, rows that replace `rows` for that dataset.
        settings: the table's changes to every profile; a recipe does not undo them.
        quick: the table's further changes to the quick profile.
        generated: the source in `preprocessing` that is generated if nothing is prepared. A table
            uses the prepared datasets of the same kind of images as this source: faces or maps.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    published: Mapping[tuple[Row, str], float] = field(default_factory=dict)
    source: str = ""
    chosen: Mapping[str, Row] = field(default_factory=dict)
    special: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    quick: Mapping[str, Any] = field(default_factory=dict)
    generated: str = "schematic"

    def profile(self, name: str) -> dict[str, Any]:
        """Return a profile's changes in this table. Raises ValueError for an unknown profile."""
        changes = PROFILES[one_of("profile", name, PROFILES)]
        return {**changes, **self.settings, **(self.quick if name == "quick" else {})}

    def reference(self, row: Row, dataset: str) -> Row:
        """Return the row that `row` is compared to; `row` itself if it is the reference."""
        return self.chosen.get(dataset, self.chosen.get("", row.plain))

    def of(self, dataset: str) -> tuple[Row, ...]:
        """Return the rows for a dataset."""
        return self.special.get(dataset, self.rows)

    def all_rows(self) -> tuple[Row, ...]:
        """Return the rows of all datasets without duplicates."""
        rows = [self.rows, *self.special.values()]
        return tuple(dict.fromkeys(row for group in rows for row in group))

    def select(
        self, backbones: Iterable[str] | None = None, attentions: Iterable[str] | None = None
    ) -> Table:
        """Return the table with these backbones and attentions; None keeps those of the table.

        Any registered name is accepted; `["all"]` stands for all of them. A combination that the
        table lacks becomes a new row after the others, with the recipe and settings that all rows
        share, if it has a name that the table lacks or both are given.

        Raises:
            ValueError: a name that is not registered.
        """
        rows = self.all_rows()
        own_backbones = list(dict.fromkeys(row.backbone for row in rows))
        own_attentions = list(dict.fromkeys(row.attention for row in rows))
        both = backbones is not None and attentions is not None
        kinds = {"none": None, **dict.fromkeys(registered.attentions())}
        names = _check_names("backbone", backbones, own_backbones, registered.backbones())
        modules = _check_names("attention module", attentions, own_attentions, kinds)

        def selected(rows: Sequence[Row]) -> tuple[Row, ...]:
            kept = [row for row in rows if row.backbone in names and row.attention in modules]
            there = {(row.backbone, row.attention) for row in rows}
            new = [
                Row(backbone, attention, **_shared_training(rows))
                for backbone, attention in product(names, modules)
                if (backbone, attention) not in there
                and (both or backbone not in own_backbones or attention not in own_attentions)
            ]
            return tuple(kept + new)

        special = {dataset: selected(rows) for dataset, rows in self.special.items()}
        return replace(self, rows=selected(self.rows), special=special)

    def with_recipe(self, recipe: str) -> Table:
        """Return the table with `recipe` for every row that names none.

        Raises:
            ValueError: an unknown recipe.
        """
        special = {dataset: _with_recipe(recipe, rows) for dataset, rows in self.special.items()}
        chosen = {name: _with_recipe(recipe, [row])[0] for name, row in self.chosen.items()}
        return replace(self, rows=_with_recipe(recipe, self.rows), special=special, chosen=chosen)

    def with_controls(self) -> Table:
        """Return the table with a control for each row with attention, grouped by backbone."""
        special = {dataset: _add_controls(rows) for dataset, rows in self.special.items()}
        return replace(self, rows=_add_controls(self.rows), special=special)


def published_accuracies() -> dict[tuple[Row, str], float]:
    """Return the accuracies in percent of the published attention table, by row and dataset."""
    with open(PUBLISHED, encoding="utf-8", newline="") as file:
        return {
            (Row(line["backbone"], line["attention"]), dataset): float(line[f"{dataset}_accuracy"])
            for line in csv.DictReader(file)
            for dataset in ("ckplus", "jaffe", "fer2013")
        }


def _with_recipe(recipe: str, rows: Iterable[Row]) -> tuple[Row, ...]:
    def one(row: Row) -> Row:
        teacher = None if row.teacher is None else one(row.teacher)
        return replace(row, recipe=row.recipe or recipe, teacher=teacher)

    return tuple(map(one, rows))


def _add_controls(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.backbone, []).append(row)
    for group in found.values():
        group += [row.control for row in group if row.attention != "none"]
    return tuple(dict.fromkeys(row for group in found.values() for row in group))


def _format_options(pairs: Options) -> str:
    return ", ".join(_format_option(key, value) for key, value in pairs)


_NONE = {
    "train_samples": "all train samples",
    "eval_samples": "all eval samples",
    "kernel_size": "adaptive kernel size",
    "drop_copies": "with copies",
}
"""How None and False are worded for options where "no NAME" would be wrong."""


def _format_option(key: str, value: Any) -> str:
    name = key.replace("_", " ")
    if value in (None, (), ""):
        return _NONE.get(key, f"no {name}")
    if isinstance(value, bool):
        return name if value else _NONE.get(key, f"no {name}")
    return f"{name} {_format_value(value)}"


def _format_value(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_format_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _check_names(
    what: str, asked: Iterable[str] | None, own: Iterable[str], registered: Iterable[str]
) -> list[str]:
    allowed = list(dict.fromkeys([*own, *registered]))
    if asked is None:
        return list(own)
    asked = list(asked)
    return allowed if asked == [ALL] else [one_of(what, name, allowed) for name in asked]


def _shared_training(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the recipe and the settings, if they are the same in all rows."""
    first = rows[0]
    return {
        name: getattr(first, name)
        for name in ("recipe", "settings")
        if all(getattr(row, name) == getattr(first, name) for row in rows)
    }
