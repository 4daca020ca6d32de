"""The tables by name: every `Table` in the modules of this package that are listed below."""

from __future__ import annotations

from importlib import import_module

from attention_fer.common.registry import Registry
from benchmarks.table import Table

_MODULES = (
    "attention",
    "modules",
    "hyperparameters",
    "small_cnn",
    "transfer",
    "transformers",
    "distillation",
    "students",
    "imbalance",
    "ablation",
    "copies",
    "eeg",
)

_TABLES: Registry[Table] = Registry("table")
for _module in _MODULES:
    for _value in vars(import_module(f"benchmarks.tables.{_module}")).values():
        if isinstance(_value, Table):
            _TABLES.add(_value.name, _value)

names = _TABLES.names
get = _TABLES.get
"""Returns the table of that name. Raises ValueError with the nearest name if it is unknown."""
