"""The table of labels: a CSV file that says which stretch or event of which recording is what."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from preprocessing.sources.eeg.recording import Recording
from preprocessing.sources.eeg.windows import Cut, Trial, overlaps

COLUMNS = ("file", "start", "end", "event", "label", "subject")
EXPECTED = (
    "the columns label and either start and end (seconds from the beginning of the recording) or "
    "event (the number of the event or epoch, counted from 0), and, if wanted, file and subject"
)


@dataclass(frozen=True)
class Line:
    """One line of the table: its number in the file, and its cells by column."""

    number: int
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells.get(column, "")


@dataclass(frozen=True)
class Labels:
    """A table of labels.

    Attributes:
        path: the file.
        columns: those it has, some of `COLUMNS`.
        lines: in order.
    """

    path: Path
    columns: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def timed(self) -> bool:
        """Whether it names times and not events."""
        return "start" in self.columns

    def refuse(self, lines: Sequence[Line], what: str, advice: str) -> None:
        """Raise ValueError if there are such lines; the message shows the first."""
        if lines:
            cells = ", ".join(f"{name} {cell!r}" for name, cell in lines[0].cells.items())
            raise ValueError(
                f"{self.path}: {len(lines):,} of {len(self.lines):,} lines {what}, as line "
                f"{lines[0].number} ({cells}): {advice}"
            )


def read_labels(path: str | Path) -> Labels:
    """Read a table.

    Raises:
        FileNotFoundError: there is none.
        ValueError: other columns, an empty table or label, or times and numbers that are none.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no table of labels at {path}: give a CSV file with {EXPECTED}")
    with open(path, encoding="utf-8-sig", newline="") as stream:
        try:
            rows = csv.reader(stream, strict=True)
            columns = tuple(cell.strip().lower() for cell in next(rows, []))
            _check_columns(path, columns)
            lines = [(rows.line_num, [cell.strip() for cell in row]) for row in rows if any(row)]
        except (csv.Error, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not a readable CSV file: {error}") from error
    found = Labels(path, columns, tuple(_line(path, columns, *line) for line in lines))
    if not lines:
        raise ValueError(f"{path} has no line behind its header: expected {EXPECTED}")
    found.refuse([one for one in found.lines if not one["label"]], "have no label", "fill it in")
    checks = ((_time, "start", "end"),) if found.timed else ((_number, "event"),)
    for valid, *names in checks:
        wrong = [one for one in found.lines if not all(valid(one[name]) for name in names)]
        found.refuse(wrong, f"have no number as {' and '.join(names)}", f"expected {EXPECTED}")
    return found


def _check_columns(path: Path, columns: tuple[str, ...]) -> None:
    given = set(columns)
    fits = "label" in given and ({"start", "end"} <= given) != ("event" in given)
    if not fits or not given <= set(COLUMNS) or len(given) != len(columns):
        raise ValueError(
            f"{path} has the columns {', '.join(columns) or 'none'}: expected {EXPECTED}, with "
            "commas between"
        )


def _line(path: Path, columns: tuple[str, ...], number: int, cells: list[str]) -> Line:
    if len(cells) != len(columns):
        raise ValueError(f"{path}, line {number}: {len(cells)} cells, expected {len(columns)}")
    return Line(number, dict(zip(columns, cells, strict=True)))


def _time(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _number(cell: str) -> bool:
    return cell.isascii() and cell.isdigit()


def assign(labels: Labels, recordings: Sequence[Recording], cut: Cut) -> dict[str, list[Trial]]:
    """The labelled stretches of each recording, by its name.

    Raises:
        ValueError: lines that fit no recording, no event or no time of it, events without or with
            several lines, or stretches of different labels that overlap.
    """
    lines = _by_recording(labels, [one.name for one in recordings])
    if not labels.timed:
        return {one.name: _numbered(labels, one, lines[one.name], cut) for one in recordings}
    if cut.tmin is not None or cut.tmax is not None:
        raise ValueError(f"{labels.path} has times itself: tmin and tmax have no effect beside it")
    found = {one.name: _timed(labels, one, lines[one.name]) for one in recordings}
    _check_overlaps(labels, found)
    return found


def _by_recording(labels: Labels, names: Sequence[str]) -> dict[str, list[Line]]:
    if "file" not in labels.columns and len(names) > 1:
        raise ValueError(
            f"{labels.path} has no column file, but there are {len(names):,} recordings, such as "
            f"{names[0]}: add one"
        )
    place = _places(names) if "file" in labels.columns else lambda cell: names[0]
    placed = [(one, place(one["file"])) for one in labels.lines]
    lost = [one for one, name in placed if name is None]
    advice = f"there are {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
    labels.refuse(lost, "name a file that is not there, or several", advice)
    return {name: [one for one, where in placed if where == name] for name in names}


def _places(names: Sequence[str]) -> Callable[[str], str | None]:
    """Finds the recording that a cell means: by its path, or by a file name that is but once."""
    known: dict[str, str | None] = {}
    for name in names:
        short = name.rsplit("/", 1)[-1]
        known[short] = None if short in known else name
    known |= {name: name for name in names}
    return lambda cell: known.get(cell.replace("\\", "/").removeprefix("./"))


def _timed(labels: Labels, recording: Recording, lines: Sequence[Line]) -> list[Trial]:
    if lines and not recording.continuous:
        raise ValueError(
            f"{labels.path} has times, {recording.name} has {len(recording.lengths)} epochs or "
            "responses and no time of its own: give their numbers in a column event"
        )
    end = recording.lengths[0] / recording.rate
    wrong = [one for one in lines if not 0 <= float(one["start"]) < float(one["end"]) <= end]
    advice = f"{recording.name} lasts from 0 to {end:g} s, and a start comes before its end"
    labels.refuse(wrong, "have times outside the recording", advice)
    return [
        Trial(
            number,
            0,
            round(float(one["start"]) * recording.rate),
            round(float(one["end"]) * recording.rate),
            one["label"],
            one["subject"],
        )
        for number, one in enumerate(lines)
    ]


def _numbered(labels: Labels, recording: Recording, lines: Sequence[Line], cut: Cut) -> list[Trial]:
    count, advice = len(recording.marks), _events(recording)
    if not lines:
        return []
    labels.refuse([o for o in lines if int(o["event"]) >= count], "name none that is there", advice)
    first: dict[int, Line] = {}
    again = [one for one in lines if first.setdefault(int(one["event"]), one) is not one]
    labels.refuse(again, "label an event a second time", advice)
    if len(first) != count:
        missing = next(place for place in range(count) if place not in first)
        raise ValueError(
            f"{labels.path} labels {len(first):,} of the {count:,} events or epochs of "
            f"{recording.name}, not number {missing} ({recording.marks[missing].name}): label all, "
            "and leave classes out with --without"
        )
    return [
        Trial(
            place,
            mark.block,
            *cut.of(recording).around(mark, recording.rate),
            first[place]["label"],
            first[place]["subject"],
        )
        for place, mark in enumerate(recording.marks)
    ]


def _events(recording: Recording) -> str:
    count = len(recording.marks)
    numbers = f", numbers 0 to {count - 1}" if count else ""
    return f"{recording.name} has {count:,} events or epochs{numbers}"


def _check_overlaps(labels: Labels, found: dict[str, list[Trial]]) -> None:
    for name, trials in found.items():
        for group in overlaps(trials):
            if len({trial.label for trial in group}) > 1:
                first, other = group[0], next(t for t in group if t.label != group[0].label)
                raise ValueError(
                    f"{labels.path}: stretches of {name} with the labels {first.label!r} and "
                    f"{other.label!r} overlap (its lines {first.number + 1} and "
                    f"{other.number + 1}): a moment has one label"
                )
