"""A table as data: rows x datasets, each row with the row it is compared to."""

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
PUBLISHED = Path(__file__).parents[1] / "tables" / "published.csv"

Options = tuple[tuple[str, Any], ...]
"""Names and values, sorted by name: a mapping that can be compared and hashed."""


def options(given: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Options:
    """The mapping as `Options`; lists become tuples."""
    pairs = given.items() if isinstance(given, Mapping) else given
    return tuple(sorted((key, as_tuples(value)) for key, value in pairs))


@dataclass(frozen=True)
class Row:
    """One network of a table, with what is special in its training.

    `config`, `options`, `settings` and `distillation` may be given as mappings.

    Attributes:
        backbone: a name of `attention_fer.models`.
        attention: a registered attention module, or "none".
        matched: for a control, the module whose number of parameters the backbone without
            attention is widened to; else "".
        config: of the attention module, or of the one that is matched: {"reduction_ratio": 8}.
        options: of the backbone's builder: {"activation": "selu"}.
        settings: what differs from the training of the other rows: {"optimizer": "sgd"}; see
            `benchmarks.plan.settings.Settings`.
        recipe: name of the recipe it is trained by, see `attention_fer.recipes`; "" for the
            profile's own training.
        teacher: the row whose network teaches this one, trained before it with the same seed.
        distillation: how it teaches: {"kind": "soft", "temperature": 3.0, "weight": 0.5}; see
            `attention_fer.training.distillation`.
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

    def __post_init__(self) -> None:
        for name in ("config", "options", "settings", "distillation"):
            object.__setattr__(self, name, options(getattr(self, name)))
        if self.recipe:
            recipes.get(self.recipe)
        if bool(self.distillation) != (self.teacher is not None):
            raise ValueError(
                "A row has a teacher and says how it teaches, or neither; given: "
                f"teacher={self.teacher and self.teacher.label!r}, "
                f"distillation={dict(options(self.distillation))}."
            )

    @property
    def plain(self) -> Row:
        """The same backbone without attention, all else equal."""
        placement = ("attention_position", "attention_stages")
        kept = tuple(pair for pair in options(self.options) if pair[0] not in placement)
        return replace(self, attention="none", matched="", config=(), options=kept)

    @property
    def control(self) -> Row:
        """The backbone without attention, widened to this row's number of parameters."""
        return replace(self.plain, matched=self.attention, config=self.config)

    @property
    def network(self) -> str:
        """The attention and its configuration, in words."""
        config = f" ({_words(options(self.config))})" if self.config else ""
        if self.matched:
            return f"none, widened to the parameters of {self.matched}{config}"
        return f"{self.attention}{config}"

    @property
    def setting(self) -> str:
        """The options of network and training, in words; "" where there are none."""
        recipe = f"recipe {self.recipe}" if self.recipe else ""
        own = _words((*options(self.options), *options(self.settings)))
        return ", ".join(filter(None, [recipe, own, self._lesson]))

    @property
    def round(self) -> int:
        """How many teachers stand one behind the other; 0 without one."""
        return 0 if self.teacher is None else 1 + self.teacher.round

    @property
    def _lesson(self) -> str:
        if self.teacher is None:
            return ""
        chain = f", round {self.round}" if self.round > 1 else ""
        teacher = " ".join([self.teacher.backbone, self.teacher.attention.replace("none", "")])
        return f"taught by {teacher.strip()} ({_words(options(self.distillation))}{chain})"

    @property
    def label(self) -> str:
        """The whole row, in words."""
        return ", ".join(filter(None, [f"{self.backbone} {self.network}", self.setting]))


@dataclass(frozen=True)
class Table:
    """What a table shows.

    Attributes:
        name: what the command line calls it.
        title: its caption.
        rows: the networks, in order.
        published: accuracy in percent by (row, dataset name), where a figure was published.
        source: where the published figures come from, and how they came about.
        chosen: by dataset name, "" for all others, the row that the others are compared to; none
            for comparing each with its backbone without attention.
        special: by dataset name, the rows of datasets that have others than `rows`.
        quick: what this table changes of the quick profile.
        generated: the source of `preprocessing` that stands in where nothing is prepared. A table
            is measured on the prepared datasets of its kind: faces, or maps that are none.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    published: Mapping[tuple[Row, str], float] = field(default_factory=dict)
    source: str = ""
    chosen: Mapping[str, Row] = field(default_factory=dict)
    special: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    quick: Mapping[str, Any] = field(default_factory=dict)
    generated: str = "schematic"

    def profile(self, name: str) -> dict[str, Any]:
        """What a profile changes in this table. Raises ValueError for an unknown one."""
        changes = PROFILES[one_of("profile", name, PROFILES)]
        return {**changes, **(self.quick if name == "quick" else {})}

    def reference(self, row: Row, dataset: str) -> Row:
        """The row that `row` is compared to; the row itself if it is the reference."""
        return self.chosen.get(dataset, self.chosen.get("", row.plain))

    def of(self, dataset: str) -> tuple[Row, ...]:
        """The rows that a dataset gets."""
        return self.special.get(dataset, self.rows)

    def all_rows(self) -> tuple[Row, ...]:
        """The rows of all datasets, none twice."""
        rows = [self.rows, *self.special.values()]
        return tuple(dict.fromkeys(row for group in rows for row in group))

    def select(
        self, backbones: Iterable[str] | None = None, attentions: Iterable[str] | None = None
    ) -> Table:
        """The rows with these backbones and attentions; None for those of the table.

        Any registered name may be asked for. A combination that the table lacks becomes a new row
        after the others, trained with the recipe and settings that all rows share.

        Raises:
            ValueError: a name that nobody registered.
        """
        rows = self.all_rows()
        own_backbones = list(dict.fromkeys(row.backbone for row in rows))
        own_attentions = list(dict.fromkeys(row.attention for row in rows))
        kinds = {"none": None, **dict.fromkeys(registered.attentions())}
        names = _known("backbone", backbones, own_backbones, registered.backbones())
        modules = _known("attention module", attentions, own_attentions, kinds)

        def selected(rows: Sequence[Row]) -> tuple[Row, ...]:
            kept = [row for row in rows if row.backbone in names and row.attention in modules]
            there = {(row.backbone, row.attention) for row in rows}
            new = [
                Row(backbone, attention, **_shared(rows))
                for backbone, attention in product(names, modules)
                if (backbone, attention) not in there
                and not (backbone in own_backbones and attention in own_attentions)
            ]
            return tuple(kept + new)

        special = {dataset: selected(rows) for dataset, rows in self.special.items()}
        return replace(self, rows=selected(self.rows), special=special)

    def trained(self, recipe: str) -> Table:
        """The table with every row that names no recipe of its own trained by `recipe`.

        Raises:
            ValueError: an unknown recipe.
        """
        special = {dataset: _by(recipe, rows) for dataset, rows in self.special.items()}
        chosen = {name: _by(recipe, [row])[0] for name, row in self.chosen.items()}
        return replace(self, rows=_by(recipe, self.rows), special=special, chosen=chosen)

    def with_controls(self) -> Table:
        """The table with a control after the last row of each network with attention."""
        special = {dataset: _controlled(rows) for dataset, rows in self.special.items()}
        return replace(self, rows=_controlled(self.rows), special=special)


def published_accuracies() -> dict[tuple[Row, str], float]:
    """Accuracy in percent of the published attention table, by row and dataset."""
    with open(PUBLISHED, encoding="utf-8", newline="") as file:
        return {
            (Row(line["backbone"], line["attention"]), dataset): float(line[f"{dataset}_accuracy"])
            for line in csv.DictReader(file)
            for dataset in ("ckplus", "jaffe", "fer2013")
        }


def _by(recipe: str, rows: Iterable[Row]) -> tuple[Row, ...]:
    def one(row: Row) -> Row:
        teacher = None if row.teacher is None else one(row.teacher)
        return replace(row, recipe=row.recipe or recipe, teacher=teacher)

    return tuple(map(one, rows))


def _controlled(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.backbone, []).append(row)
    for group in found.values():
        group += [row.control for row in group if row.attention != "none"]
    return tuple(dict.fromkeys(row for group in found.values() for row in group))


def _words(pairs: Options) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {_value(value)}" for key, value in pairs)


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_value, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _known(
    what: str, asked: Iterable[str] | None, own: Iterable[str], registered: Iterable[str]
) -> list[str]:
    allowed = list(dict.fromkeys([*own, *registered]))
    return list(own) if asked is None else [one_of(what, name, allowed) for name in asked]


def _shared(rows: Sequence[Row]) -> dict[str, Any]:
    """Recipe and settings, where they are the same in all rows."""
    first = rows[0]
    return {
        name: getattr(first, name)
        for name in ("recipe", "settings")
        if all(getattr(row, name) == getattr(first, name) for row in rows)
    }
