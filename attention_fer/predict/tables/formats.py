"""Writes a table of results: CSV, JSON lines, Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

from attention_fer.common.checks import one_of
from attention_fer.common.files import replacing

Values = Mapping[str, Any]
"""A row: plain Python values by column, None where there is nothing."""

_TEXTS = ("input", "reason", "label", "dominant_emotion", "model", "model_sha256", "detector")
_WHOLE = ("frame", "face_id", "success")
_GROUP = 10_000  # rows of a row group of Parquet


def csv_lines(stream: IO[str], names: Sequence[str], rows: Iterable[Values]) -> None:
    """Writes a header and a line for each row; nothing stands for None."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([row[name] for name in names] for row in rows)


def json_lines(stream: IO[str], names: Sequence[str], rows: Iterable[Values]) -> None:
    """Writes an object for each row, all with the same keys."""
    for row in rows:
        content = {name: row[name] for name in names}
        stream.write(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")


def _text_file(write: Callable[[IO[str], Sequence[str], Iterable[Values]], None]) -> Any:
    def to_file(path: Path, names: Sequence[str], rows: Iterable[Values]) -> None:
        with open(path, "w", encoding="utf-8", newline="") as stream:
            write(stream, names, rows)

    return to_file


def _parquet(path: Path, names: Sequence[str], rows: Iterable[Values]) -> None:
    pyarrow = _pyarrow()
    from pyarrow import parquet

    kinds = {name: pyarrow.string() for name in _TEXTS} | {n: pyarrow.int64() for n in _WHOLE}
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.float64())) for name in names])
    waiting = iter(rows)
    with parquet.ParquetWriter(path, schema) as writer:
        while group := list(islice(waiting, _GROUP)):
            writer.write_table(pyarrow.Table.from_pylist([dict(row) for row in group], schema))


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError(
            "A .parquet file needs pyarrow: pip install pyarrow. Or write .csv or .jsonl."
        ) from error
    return pyarrow


STREAMS = {"csv": csv_lines, "jsonl": json_lines}
"""Formats that can be written row by row."""

_FILES = {".csv": _text_file(csv_lines), ".jsonl": _text_file(json_lines), ".parquet": _parquet}


def check_file(path: Path) -> None:
    """Checks before any work that a table can be written.

    Raises:
        ValueError: a suffix of no format, or a folder.
        ImportError: pyarrow is not installed.
    """
    if path.suffix.lower() not in _FILES or path.is_dir():
        names = ", ".join(_FILES)
        raise ValueError(f"--out must be a file that ends in {names}, got {str(path)!r}.")
    if path.suffix.lower() == ".parquet":
        _pyarrow()


def write_table(path: Path, names: Sequence[str], rows: Iterable[Values]) -> None:
    """Writes a table whole or not at all, in the format given by its suffix.

    Args:
        path: ends in .csv, .jsonl or .parquet.
        names: of the columns, in order.
        rows: are read once.
    """
    with replacing(path) as draft:
        _FILES[one_of("format", path.suffix.lower(), _FILES)](draft, names, rows)
