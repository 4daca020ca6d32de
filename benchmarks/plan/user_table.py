"""A user's own table: a Python file that makes a `Table` named TABLE.

It may register attention modules and backbones of its own, which its rows then name:

    import keras
    from attention_fer import layers, models
    from benchmarks.table import Row, Table

    @layers.register("mine")
    class Mine(layers.Attention): ...

    TABLE = Table("mine", "My module", rows=(Row("vgg16"), Row("vgg16", "mine")))
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.plan.datasets import generated_names
from benchmarks.plan.table import Row, Table

NAME = "TABLE"
# Under this name the file is imported, in every process alike: saved networks refer to it.
MODULE = "attention_fer_own_table"


def load(path: str | Path) -> Table:
    """Runs the file and returns its table; what it registers is then known.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it fails, has no `TABLE`, or a row names what nobody registered.
    """
    path = Path(path).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"No file {path}: --table takes a table's name or a Python file.")
    table = getattr(_run(path), NAME, None)
    if not isinstance(table, Table):
        raise ValueError(
            f"{path} must define {NAME}, a benchmarks.table.Table; found: {type(table).__name__}."
        )
    _check(table, path)
    return table


def digest(path: str | Path) -> str:
    """Ten hexadecimal digits that stand for the file's content."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:10]


def _run(path: Path) -> object:
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is no Python file: its name must end in .py.")
    module = sys.modules[MODULE] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        raise ValueError(
            f"{path} could not be run: {type(error).__name__}: {error} "
            f"({place.filename}, line {place.lineno})"
        ) from error
    return module


def _check(table: Table, path: Path) -> None:
    from attention_fer import layers, models
    from attention_fer.common.checks import one_of

    if not table.rows:
        raise ValueError(f"{NAME} of {path} has no rows.")
    one_of(f"generated dataset in {path.name}", table.generated, generated_names())
    for row in _with_teachers(table.all_rows()):
        one_of(f"backbone in {path.name}", row.backbone, models.names())
        one_of(f"attention in {path.name}", row.attention, ["none", *layers.names()])


def _with_teachers(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        yield row
        if row.teacher is not None:
            yield from _with_teachers([row.teacher])
