"""Datasets that can be read, one module each. Adding one is a file here and an import below."""

from __future__ import annotations

from . import fer2013, schematic  # noqa: F401  (importing a module registers its source)
from .base import SPLITS, Notice, Rejected, Sample, Source, get, names, register

__all__ = ["SPLITS", "Notice", "Rejected", "Sample", "Source", "get", "names", "register"]
