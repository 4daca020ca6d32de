"""One report as a terminal table, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

if TYPE_CHECKING:
    from benchmarks.report import Entry, Report
    from benchmarks.table import Row

FORMATS = ("text", "markdown", "csv")
NOTE = (
    "± is the standard deviation over seeds. Difference: accuracy minus that of the same backbone "
    "without attention, in points, paired by seed, with a 95 % bootstrap interval over test "
    "images; training noise comes on top of it. A direction is claimed only where the interval "
    "and every one of at least two seeds agree; one seed allows no verdict."
)


def console() -> Console:
    """The terminal; where there is none, as in a file, wide enough for a table of one dataset."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=120)


def show(report: Report, form: str, console: Console) -> None:
    """Prints a report in one of `FORMATS`."""
    if form == "text":
        console.print(text(report))
        return
    console.print(
        {"markdown": markdown, "csv": as_csv}[form](report),
        end="",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


def header(report: Report) -> list[str]:
    """The column titles; n and seeds stand here where all rows of a dataset agree on them."""
    columns = ["backbone", "attention", "parameters"]
    for dataset in report.datasets:
        columns.append(f"{dataset} accuracy %{_shared(report, dataset)}")
        columns += ["difference", "published %"]
    return columns


def cells(report: Report, row: Row) -> list[str]:
    """A row's texts, in the order of `header`."""
    entries = [report.entries.get((row, dataset)) for dataset in report.datasets]
    parameters = next((e.parameters for e in entries if e and e.parameters), None)
    texts = [row.backbone, row.attention, f"{parameters:,}" if parameters else ""]
    for dataset, entry in zip(report.datasets, entries, strict=True):
        shared = bool(_shared(report, dataset))
        texts += _of_entry(entry, shared) if entry else ["", "", ""]
    return texts


def text(report: Report) -> RichTable:
    """For the terminal."""
    caption = Text("\n".join([*_origin(report), NOTE]))
    table = RichTable(title=report.table.title, caption=caption, box=box.SIMPLE_HEAD)
    for i, title in enumerate(header(report)):
        table.add_column(
            Text(title.replace(" (n", "\n(n")), justify="left" if i < 2 else "right", no_wrap=i < 4
        )
    previous = None
    for row in report.rows:
        if previous not in (None, row.backbone):
            table.add_section()
        previous = row.backbone
        table.add_row(*map(Text, cells(report, row)))
    return table


def markdown(report: Report) -> str:
    """For a README."""
    titles = header(report)
    lines = [f"### {report.table.title}", "", _line(titles)]
    lines.append(_line(["---", "---"] + ["---:"] * (len(titles) - 2)))
    lines += [_line(cells(report, row)) for row in report.rows]
    return "\n".join([*lines, "", *(part + "\n" for part in [*_origin(report), NOTE])])


def as_csv(report: Report) -> str:
    """A line for each row and dataset, numbers unrounded, for a program to read."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ["dataset", "backbone", "attention", "parameters", "accuracy", "sd", "seeds", "n",
         "difference", "low", "high", "verdict", "published", "failed", "missing"]
    )  # fmt: skip
    for (row, dataset), entry in report.entries.items():
        mean, sd = entry.accuracy or (None, None)
        d = entry.difference
        n = entry.results[0].record["metrics"]["n_test"] if entry.results else None
        paired = [d.mean, d.low, d.high, d.verdict] if d else [None] * 4
        writer.writerow(
            [dataset, row.backbone, row.attention, entry.parameters, mean, sd, len(entry.results),
             n, *paired, entry.published, len(entry.failures), entry.missing]
        )  # fmt: skip
    return file.getvalue()


def machine(provenance: Mapping[str, Any]) -> str:
    """Hardware and versions of a result, in words."""
    versions = provenance["versions"]
    backend = [f"{name} {versions[name]}" for name in versions if name not in {"attention-fer"}]
    where = ", ".join(provenance["accelerators"]) or "CPU only"
    return (
        f"{provenance['processor']}, {provenance['cores']} cores, {where} "
        f"(Python {provenance['python']}, {', '.join(backend)})"
    )


def _of_entry(entry: Entry, shared: bool) -> list[str]:
    """Accuracy, difference with interval and verdict, published figure."""
    accuracy, difference = "missing", ""
    if entry.failures:
        accuracy = f"failed: {entry.failures[0]}"
    if entry.accuracy:
        mean, sd = entry.accuracy
        accuracy = f"{mean:.2f}" + (f" ± {sd:.2f}" if sd is not None else "")
        accuracy += "" if shared else f" ({_basis(entry)})"
    if entry.difference:
        d = entry.difference
        difference = f"{d.mean:+.2f} [{d.low:+.2f}, {d.high:+.2f}] {d.verdict}".strip()
    return [accuracy, difference, f"{entry.published:.2f}" if entry.published else ""]


def _shared(report: Report, dataset: str) -> str:
    """` (n = 686, 2 seeds)` if that holds for every row of the dataset, else nothing."""
    bases = {_basis(e) for (_, name), e in report.entries.items() if name == dataset}
    return f" ({bases.pop()})" if len(bases) == 1 and None not in bases else ""


def _basis(entry: Entry) -> str | None:
    """Test images and seeds behind an entry, None where nothing is done."""
    if not entry.results:
        return None
    done, planned = len(entry.results), entry.planned
    seeds = f"{done} seed{'s' if done > 1 else ''}"
    part = seeds if done == planned else f"{done} of {planned} seeds"
    return f"n = {entry.results[0].record['metrics']['n_test']}, {part}"


def _origin(report: Report) -> list[str]:
    source = f"Published figures: {report.table.source}." if report.table.source else ""
    return [*report.captions, *([source] if source else [])]


def _line(texts: list[str]) -> str:
    return "| " + " | ".join(part.replace("|", "\\|").replace("\n", " ") for part in texts) + " |"
