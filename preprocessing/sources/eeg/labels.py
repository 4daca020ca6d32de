"""The table of labels: a file such as CSV that labels stretches or events of recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.files import UnreadableError, is_unicode
from preprocessing.sources import tables
from preprocessing.sources.eeg.epochs import Cut, Recording, Segment, overlapping

OPTIONAL = frozenset({"file", "subject"})
EXPECTED = (
    "the columns label and either start and end (seconds from the beginning of the recording) or "
    "event (the number of the event or epoch, counted from 0), and optionally file and subject"
)


LabelRow = dict[str, str]


@dataclass(frozen=True)
class Labels:
    """A table of labels.

    Attributes:
        path: the file.
        columns: its columns.
        rows: cells by column, and the number of the line as "line".
    """

    path: Path
    columns: Sequence[str]
    rows: Sequence[LabelRow]

    def error(self, row: LabelRow, expected: str) -> ValueError:
        """Return the error of a row."""
        cells = ", ".join(f"{name} {row[name]!r}" for name in self.columns)
        return ValueError(f"{self.path}, line {row['line']}: expected {expected}, got {cells}.")


def read_labels(path: str | Path) -> Labels:
    """Read a table.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It cannot be read, its columns differ from `EXPECTED`, or it has no rows.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"No table of labels at {path}: give a CSV file with {EXPECTED}.")
    files = DirectoryFiles(path.parent, [path.name])
    try:
        if not is_unicode(files, path.name):
            raise ValueError(f"{path} must be in UTF-8 or UTF-16.")
        columns = tables.header(files, path.name)
        lines = list(tables.rows(files, path.name))
    except UnreadableError as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error
    given = set(columns)
    needed = {"label", "event"} if "event" in given else {"label", "start", "end"}
    if not lines or len(given) < len(columns) or not needed <= given <= needed | OPTIONAL:
        raise ValueError(
            f"{path} must have {EXPECTED}, got the columns "
            f"{', '.join(columns) or 'none'} and {len(lines)} lines of labels."
        )
    rows = []
    for line, cells in lines:
        if isinstance(cells, UnreadableError):
            raise ValueError(f"{path}, line {line}: {cells.reason} ({cells}).")
        rows.append({"line": str(line), **cells})
    return Labels(path, columns, rows)


def assign(table: Labels, recordings: Sequence[Recording], cut: Cut) -> list[Recording]:
    """Return the recordings with the trials that the table labels.

    Raises:
        ValueError: A row has no label, or fits no recording, event or time; events have no row or
            several; or stretches of different labels overlap.
    """
    timed = "start" in table.columns
    if timed and (cut.tmin is not None or cut.tmax is not None):
        raise ValueError(f"{table.path} gives times: tmin and tmax have no effect with it.")
    rows: dict[str, list[LabelRow]] = {one.name: [] for one in recordings}
    if "file" not in table.columns and len(rows) > 1:
        raise ValueError(f"{table.path} must have a column file for {len(rows):,} recordings.")
    files = [name.rsplit("/", 1)[-1] for name in rows]
    known = {file: name for file, name in zip(files, rows, strict=True) if files.count(file) == 1}
    known |= {name: name for name in rows}
    for row in table.rows:
        cell = row.get("file", recordings[0].name).replace("\\", "/").removeprefix("./")
        if cell not in known:
            raise table.error(row, f"the path of one recording, such as {recordings[0].name}")
        if not row["label"]:
            raise table.error(row, "a label")
        rows[known[cell]].append(row)
    found = _timed if timed else _numbered
    return [replace(one, trials=found(table, one, rows[one.name])) for one in recordings]


def _timed(table: Labels, recording: Recording, rows: Sequence[LabelRow]) -> list[Segment]:
    length, rate = recording.length, recording.rate
    trials = []
    for number, row in enumerate(rows):
        if length is None:
            raise table.error(row, f"a column event, as {recording.name} has epochs and no times")
        start, end = _number(row["start"]), _number(row["end"])
        if not 0 <= start < end <= length / rate:
            raise table.error(row, f"0 <= start < end <= {length / rate:g} s of {recording.name}")
        span = round(start * rate), round(end * rate)
        trials.append(Segment(number, *span, length, row["label"], row.get("subject", "")))
    for first, *others in overlapping(trials):
        for other in others:
            if other.label != first.label:
                raise ValueError(
                    f"{table.path}: stretches of {recording.name} with the labels {first.label!r} "
                    f"and {other.label!r} overlap (its rows {first.number + 1} and "
                    f"{other.number + 1}): give each moment one label."
                )
    return trials


def _numbered(table: Labels, recording: Recording, rows: Sequence[LabelRow]) -> list[Segment]:
    labelled: dict[float, LabelRow] = {}
    numbers = {trial.number for trial in recording.trials}
    for row in rows:
        event = _number(row["event"])
        if event not in numbers or event in labelled:
            has = f"{recording.name} has {len(numbers):,}, counted from 0"
            raise table.error(row, f"each event or epoch once, and {has}")
        labelled[event] = row
    if labelled and len(labelled) < len(numbers):
        missing = next(one for one in recording.trials if one.number not in labelled)
        raise ValueError(
            f"{table.path} must label all {len(numbers):,} events or epochs of {recording.name}, "
            f"got none for number {missing.number} ({missing.label}). Leave out classes with "
            "--without."
        )
    return [
        replace(trial, label=row["label"], subject=row.get("subject", ""))
        for trial in recording.trials
        for row in [labelled.get(trial.number)]
        if row
    ]


def _number(cell: str) -> float:
    """Return a number; nan, which is in no range, for other texts."""
    try:
        return float(cell)
    except ValueError:
        return float("nan")
