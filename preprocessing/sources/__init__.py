"""Datasets that can be read, one module each. Adding one is a file here and an import below."""

from __future__ import annotations

# Importing a module registers its source.
from . import ckplus, fer2013, ferplus, folder, jaffe, schematic  # noqa: F401
from .base import (
    SPLITS,
    Notice,
    Raw,
    Rejected,
    Sample,
    Source,
    UnreadableError,
    get,
    names,
    register,
)
from .eeg import deap, generated, source  # noqa: F401

__all__ = [
    "SPLITS",
    "Notice",
    "Raw",
    "Rejected",
    "Sample",
    "Source",
    "UnreadableError",
    "get",
    "names",
    "register",
]
