"""A table as data: rows x datasets, each row with the row it is compared to."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from attention_fer.checks import one_of
from benchmarks.settings import Settings, profile

VARIANTS = ("corrected", "published")
PUBLISHED = Path(__file__).parent / "tables" / "published.csv"

Options = tuple[tuple[str, Any], ...]
"""Names and values, sorted by name: a mapping that can be compared and hashed."""


def options(given: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Options:
    """The mapping as `Options`; lists become tuples."""
    pairs = given.items() if isinstance(given, Mapping) else given
    return tuple(sorted((key, _fixed(value)) for key, value in pairs))


def _fixed(value: Any) -> Any:
    return tuple(map(_fixed, value)) if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class Row:
    """One network of a table, with what is special in its training.

    The last three may be given as mappings.

    Attributes:
        backbone: a name of `attention_fer.models`.
        attention: a registered attention module, or "none".
        matched: for a control, the module whose number of parameters the backbone without
            attention is widened to; else "".
        config: of the attention module, or of the one that is matched: {"reduction_ratio": 8}.
        options: of the backbone's builder: {"activation": "selu"}.
        settings: what differs from the training of the other rows: {"optimizer": "sgd"}; see
            `benchmarks.settings.Settings`.
    """

    backbone: str
    attention: str = "none"
    matched: str = ""
    config: Options | Mapping[str, Any] = ()
    options: Options | Mapping[str, Any] = ()
    settings: Options | Mapping[str, Any] = ()

    def __post_init__(self) -> None:
        for name in ("config", "options", "settings"):
            object.__setattr__(self, name, options(getattr(self, name)))

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
        return _words((*options(self.options), *options(self.settings)))

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
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    published: Mapping[tuple[Row, str], float] = field(default_factory=dict)
    source: str = ""
    chosen: Mapping[str, Row] = field(default_factory=dict)
    special: Mapping[str, tuple[Row, ...]] = field(default_factory=dict)
    quick: Mapping[str, Any] = field(default_factory=dict)

    def profile(self, name: str, **changes: Any) -> Settings:
        """The settings of a profile for this table, with the changes that are not None.

        Raises:
            ValueError: an unknown profile, or a value out of range.
        """
        given = {key: value for key, value in changes.items() if value is not None}
        return profile(name, **{**(self.quick if name == "quick" else {}), **given})

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
        """The table of the rows with these backbones and attentions, all for None.

        Raises:
            ValueError: a name that no row has.
        """
        everything = self.all_rows()
        names = _known("backbone", backbones, dict.fromkeys(row.backbone for row in everything))
        kinds = _known("attention", attentions, dict.fromkeys(row.attention for row in everything))

        def kept(rows: Iterable[Row]) -> tuple[Row, ...]:
            return tuple(row for row in rows if row.backbone in names and row.attention in kinds)

        special = {dataset: kept(rows) for dataset, rows in self.special.items()}
        return replace(self, rows=kept(self.rows), special=special)

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


def _known(what: str, names: Iterable[str] | None, allowed: Iterable[str]) -> set[str]:
    allowed = list(allowed)
    if names is None:
        return set(allowed)
    return {one_of(f"{what} of this table", name, allowed) for name in names}
