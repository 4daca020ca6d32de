"""A table as data: rows x datasets, each row with the row it is compared to."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from attention_fer.checks import one_of

VARIANTS = ("corrected", "published")
PUBLISHED = Path(__file__).parent / "tables" / "published.csv"


@dataclass(frozen=True)
class Row:
    """One network of a table.

    Attributes:
        backbone: a name of `attention_fer.models`.
        attention: a registered attention module, or "none".
    """

    backbone: str
    attention: str = "none"

    @property
    def baseline(self) -> Row:
        """The same backbone without attention."""
        return Row(self.backbone)

    @property
    def is_baseline(self) -> bool:
        return self.attention == "none"


@dataclass(frozen=True)
class Table:
    """What a table shows.

    Attributes:
        name: what the command line calls it.
        title: its caption.
        rows: the networks, in order.
        published: accuracy in percent by (row, dataset name), where a figure was published.
        source: where the published figures come from.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    published: Mapping[tuple[Row, str], float] = field(default_factory=dict)
    source: str = ""

    def select(
        self, backbones: Iterable[str] | None = None, attentions: Iterable[str] | None = None
    ) -> tuple[Row, ...]:
        """The rows with these backbones and attentions, all for None.

        Raises:
            ValueError: a name that no row has.
        """
        wanted = [
            _known("backbone", backbones, dict.fromkeys(row.backbone for row in self.rows)),
            _known("attention", attentions, dict.fromkeys(row.attention for row in self.rows)),
        ]
        return tuple(
            row for row in self.rows if row.backbone in wanted[0] and row.attention in wanted[1]
        )


def published_accuracies() -> dict[tuple[Row, str], float]:
    """Accuracy in percent of the published attention table, by row and dataset."""
    with open(PUBLISHED, encoding="utf-8", newline="") as file:
        return {
            (Row(line["backbone"], line["attention"]), dataset): float(line[f"{dataset}_accuracy"])
            for line in csv.DictReader(file)
            for dataset in ("ckplus", "jaffe", "fer2013")
        }


def _known(what: str, names: Iterable[str] | None, allowed: Iterable[str]) -> set[str]:
    allowed = list(allowed)
    if names is None:
        return set(allowed)
    return {one_of(f"{what} of this table", name, allowed) for name in names}
