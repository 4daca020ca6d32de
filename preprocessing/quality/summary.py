"""Summary of a prepared dataset on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from attention_fer.common.console import escaped
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.manifest import SHEETS


def show(dataset: Dataset, console: Console) -> None:
    """Prints counts by split and class, dropped items, quality findings and the fingerprint."""
    manifest = dataset.manifest
    found = manifest["distribution"]
    console.print(f"{dataset.name}: {escaped(found)}" if found else dataset.name)
    console.print(_counts(dataset))
    console.print(f"seen {manifest['seen']:,}, used {manifest['used']:,}{_dropped(manifest)}")
    if manifest["items"] != manifest["seen"]:
        console.print(f"in {manifest['items']:,} photographs, some with several faces")
    for line in _findings(manifest["quality"]):
        console.print(line)
    if dataset.synthetic:
        console.print("synthetic images: for trying things out, not for results")
    console.print(f"fingerprint {dataset.fingerprint}")
    console.print(f"written to {dataset.path}")
    if (dataset.path / SHEETS).exists():
        console.print(f"contact sheets in {dataset.path / SHEETS}: look at them")


def _counts(dataset: Dataset) -> Table:
    """A row per class, a column per split."""
    counts = dataset.manifest["counts"]
    table = Table("class", *(split or "no split" for split in counts), "total")
    for column in table.columns[1:]:
        column.justify = "right"
    for label in dataset.classes:
        numbers = [column[label] for column in counts.values()]
        table.add_row(escaped(label), *map("{:,}".format, [*numbers, sum(numbers)]))
    totals = [sum(column.values()) for column in counts.values()]
    table.add_section()
    table.add_row("total", *map("{:,}".format, [*totals, sum(totals)]))
    return table


def _dropped(manifest: dict[str, Any]) -> str:
    dropped = manifest["dropped"]
    if not dropped:
        return ""
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in dropped.items())
    return f", dropped {sum(dropped.values()):,}: {reasons}"


def _findings(quality: dict[str, Any]) -> list[str]:
    copies = quality["duplicates"]
    if not copies["groups"]:
        return [f"flat images {quality['flat']['images']:,}, no duplicates"]
    borders = quality["spanning_splits"].items()
    spanning = [f"{border} {found['groups']:,}" for border, found in borders]
    return [
        f"flat images {quality['flat']['images']:,}",
        f"duplicates: {copies['groups']:,} groups with {copies['surplus']:,} surplus copies, "
        f"{quality['conflicting_labels']['groups']:,} groups with conflicting labels",
        f"groups of duplicates across splits: {', '.join(spanning) or 'none'}",
    ]
