"""Loads a user's Python files: a table, and the modules and backbones it uses.

The file of a table defines a `Table` named TABLE. Any file may register attention modules and
backbones, which rows then use by name:

    import keras
    from attention_fer import layers, models
    from benchmarks.table import Row, Table

    @layers.register("mine")
    class Mine(layers.AttentionModule): ...

    TABLE = Table("mine", "My module", rows=(Row("vgg16"), Row("vgg16", "mine")))
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from attention_fer.common.checks import one_of
from attention_fer.common.imports import import_file
from benchmarks.plan.datasets import generated_names
from benchmarks.plan.plan import with_teachers
from benchmarks.plan.table import Table

NAME = "TABLE"


def load_table(path: str | Path) -> Table:
    """Run the file, which registers its modules and backbones, and return its table.

    Raises:
        FileNotFoundError: the file does not exist.
        ValueError: the file fails or has no `TABLE`, or a row uses an unregistered name.
    """
    table = getattr(import_file(path), NAME, None)
    if not isinstance(table, Table):
        raise ValueError(
            f"{NAME} in {path} must be a benchmarks.table.Table, got {type(table).__name__}."
        )
    _check(table, Path(path))
    return table


def load_modules(paths: Sequence[Path]) -> tuple[str, ...]:
    """Run the files and return the names of the backbones and attention modules they register.

    Raises:
        FileNotFoundError, ValueError: as `attention_fer.common.imports.import_file`; ValueError
            also for a file that registers nothing.
    """
    if not paths:
        return ()  # without loading Keras
    from attention_fer import layers, models

    def there() -> set[str]:
        return {*layers.names(), *layers.combinators(), *models.names()}

    own: list[str] = []
    for path in paths:
        before = there()
        import_file(path)
        new = sorted(there() - before)
        if not new:
            raise ValueError(
                f"{path} must register an attention module or a backbone, got neither. "
                "Remove it from --import."
            )
        own += new
    return tuple(own)


def digest(paths: Sequence[Path]) -> str:
    """Return ten hexadecimal digits that identify the contents of the files; "" without files."""
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    if len(hashes) > 1:
        hashes = [hashlib.sha256("".join(hashes).encode()).hexdigest()]
    return "".join(hashes)[:10]


def _check(table: Table, path: Path) -> None:
    from attention_fer import layers, models

    if not table.rows:
        raise ValueError(f"{NAME} in {path} must have at least one row, got none.")
    one_of(f"generated dataset in {path.name}", table.generated, generated_names())
    for row in with_teachers(table.all_rows()):
        one_of(f"backbone in {path.name}", row.backbone, models.names())
        modules = ["none", *layers.names(), *layers.combinators()]
        one_of(f"attention in {path.name}", row.attention, modules)
