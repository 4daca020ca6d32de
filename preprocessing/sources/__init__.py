"""Sources of raw data, one module per dataset. To add one, write a module and import it below."""

from __future__ import annotations

from preprocessing.raw_files.files import Rejected, UnreadableError

# Importing a module registers its source.
from preprocessing.sources import (  # noqa: F401
    affectnet,
    ck48,
    ckextended,
    ckplus,
    fer2013,
    ferplus,
    folder,
    jaffe,
    rafdb,
    schematic,
)
from preprocessing.sources.base import (
    SPLITS,
    Doubt,
    Notice,
    Raw,
    Sample,
    Source,
    get,
    names,
    register,
)
from preprocessing.sources.eeg import deap, generated, source  # noqa: F401

__all__ = ["SPLITS", "Doubt", "Notice", "Raw", "Rejected", "Sample", "Source", "UnreadableError"]
__all__ += ["get", "names", "register"]
