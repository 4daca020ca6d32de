"""The tables by name; a new one is a file here and one line below."""

from __future__ import annotations

from attention_fer.checks import one_of
from benchmarks.table import Table
from benchmarks.tables.attention import ATTENTION

_TABLES = {table.name: table for table in (ATTENTION,)}


def names() -> list[str]:
    """Names of all tables."""
    return list(_TABLES)


def get(name: str) -> Table:
    """The table of that name. Raises ValueError naming the nearest known one."""
    return _TABLES[one_of("table", name, names())]
