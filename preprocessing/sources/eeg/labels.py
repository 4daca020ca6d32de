"""The table of labels: a CSV file that labels stretches or events of recordings."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from preprocessing.sources.eeg.epochs import Cut, Recording, Trial, overlapping

COLUMNS = ("file", "start", "end", "event", "label", "subject")
EXPECTED = (
    "the columns label and either start and end (seconds from the beginning of the recording) or "
    "event (the number of the event or epoch, counted from 0), and optionally file and subject"
)
LINE = "line"  # key of a row's line number, not a column

Row = dict[str, str]


@dataclass(frozen=True)
class Labels:
    """A table of labels.

    Attributes:
        path: the file.
        columns: its columns, some of `COLUMNS`.
        rows: cells by column, and the line number.
    """

    path: Path
    columns: Sequence[str]
    rows: Sequence[Row]

    @property
    def timed(self) -> bool:
        """Whether it gives times rather than numbers of events."""
        return "start" in self.columns

    def refuse(self, rows: Sequence[Row], what: str, advice: str) -> None:
        """Raise ValueError if there are such rows; the message shows the first."""
        if rows:
            cells = ", ".join(f"{name} {rows[0][name]!r}" for name in self.columns)
            raise ValueError(
                f"{self.path}: {len(rows):,} of {len(self.rows):,} lines {what}, such as line "
                f"{rows[0][LINE]} ({cells}): {advice}."
            )


def read_labels(path: str | Path) -> Labels:
    """Read a table.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The columns differ from `EXPECTED`, the table or a label is empty, or a time or
            number is not one.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No table of labels at {path}: give a CSV file with {EXPECTED}.")
    try:
        with open(path, encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            columns = [cell.strip().lower() for cell in next(reader, [])]
            lines = [
                (str(reader.line_num), list(map(str.strip, row))) for row in reader if any(row)
            ]
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a readable CSV file: {error}.") from error
    given = set(columns)
    fits = "label" in given and ({"start", "end"} <= given) != ("event" in given)
    if not fits or not given <= set(COLUMNS) or len(given) != len(columns) or not lines:
        raise ValueError(
            f"{path} must have {EXPECTED}, separated by commas, got the columns "
            f"{', '.join(columns) or 'none'} and {len(lines)} lines of labels."
        )
    for number, cells in lines:
        if len(cells) != len(columns):
            raise ValueError(
                f"{path}, line {number} must have {len(columns)} cells, got {len(cells)}."
            )
    rows = [{LINE: number, **dict(zip(columns, cells, strict=True))} for number, cells in lines]
    found = Labels(path, columns, rows)
    found.refuse([row for row in rows if not row["label"]], "have no label", "fill it in")
    valid, names = (_is_time, ("start", "end")) if found.timed else (_is_number, ("event",))
    wrong = [row for row in rows if not all(valid(row[name]) for name in names)]
    found.refuse(wrong, f"have no number as {' and '.join(names)}", f"expected {EXPECTED}")
    return found


def _is_time(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _is_number(cell: str) -> bool:
    return cell.isascii() and cell.isdigit()


def assign(labels: Labels, recordings: Sequence[Recording], cut: Cut) -> dict[str, list[Trial]]:
    """Return the labelled trials of each recording, by its name.

    Raises:
        ValueError: Rows fit no recording, event or time, events have no row or several, or
            stretches of different labels overlap.
    """
    if labels.timed and (cut.tmin is not None or cut.tmax is not None):
        raise ValueError(f"{labels.path} gives times: tmin and tmax have no effect beside it.")
    trials_of = _timed if labels.timed else _numbered
    rows = _by_recording(labels, [one.name for one in recordings])
    return {one.name: trials_of(labels, one, rows[one.name]) for one in recordings}


def _by_recording(labels: Labels, names: Sequence[str]) -> dict[str, list[Row]]:
    if "file" not in labels.columns:
        if len(names) > 1:
            raise ValueError(
                f"{labels.path} must have a column file, as there are {len(names):,} recordings, "
                f"such as {names[0]}."
            )
        return {names[0]: list(labels.rows)}
    find = _finder(names)
    placed = [(row, find(row["file"])) for row in labels.rows]
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    lost = [row for row, name in placed if name is None]
    labels.refuse(lost, "name no recording, or several", f"there are {shown}")
    return {name: [row for row, where in placed if where == name] for name in names}


def _finder(names: Sequence[str]) -> Callable[[str], str | None]:
    """Find recordings by their path, or by their file name if no other has it."""
    known: dict[str, str | None] = {}
    for name in names:
        short = name.rsplit("/", 1)[-1]
        known[short] = None if short in known else name
    known |= {name: name for name in names}
    return lambda cell: known.get(cell.replace("\\", "/").removeprefix("./"))


def _timed(labels: Labels, recording: Recording, rows: Sequence[Row]) -> list[Trial]:
    length, rate = recording.length, recording.rate
    if not rows:
        return []
    if length is None:
        raise ValueError(
            f"{labels.path} gives times, but {recording.name} has {len(recording.trials)} epochs or "
            "responses: give their numbers in a column event."
        )
    times = [(float(row["start"]), float(row["end"])) for row in rows]
    wrong = [
        row
        for row, (start, end) in zip(rows, times, strict=True)
        if not 0 <= start < end <= length / rate
    ]
    advice = f"{recording.name} lasts from 0 to {length / rate:g} s, and start is below end"
    labels.refuse(wrong, "have times outside the recording", advice)
    trials = [
        Trial(number, round(start * rate), round(end * rate), length, row["label"], _subject(row))
        for number, (row, (start, end)) in enumerate(zip(rows, times, strict=True))
    ]
    for group in overlapping(trials):
        if other := [one for one in group if one.label != group[0].label]:
            raise ValueError(
                f"{labels.path}: stretches of {recording.name} with the labels {group[0].label!r} "
                f"and {other[0].label!r} overlap (its rows {group[0].number + 1} and "
                f"{other[0].number + 1}): give each moment one label."
            )
    return trials


def _numbered(labels: Labels, recording: Recording, rows: Sequence[Row]) -> list[Trial]:
    if not rows:
        return []
    trials = recording.trials
    advice = f"{recording.name} has {len(trials):,} events or epochs, counted from 0"
    wrong = [row for row in rows if int(row["event"]) >= len(trials)]
    labels.refuse(wrong, "name no event", advice)
    first: dict[int, Row] = {}
    again = [row for row in rows if first.setdefault(int(row["event"]), row) is not row]
    labels.refuse(again, "label an event a second time", advice)
    if missing := [one for one in trials if one.number not in first]:
        raise ValueError(
            f"{labels.path} labels {len(first):,} of the {len(trials):,} events or epochs of "
            f"{recording.name}, not number {missing[0].number} ({missing[0].label}): label all, "
            "and leave out classes with --without."
        )
    return [
        replace(one, label=first[one.number]["label"], subject=_subject(first[one.number]))
        for one in trials
    ]


def _subject(row: Row) -> str:
    return row.get("subject", "")
