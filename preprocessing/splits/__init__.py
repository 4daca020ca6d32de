"""Divides a prepared dataset into train, validation and test by its index alone.

`get(name)(dataset, seed)` computes a split; `stored(dataset, name)` reads the one that was computed
when the dataset was prepared, which results refer to. To add a scheme, decorate a function
`(dataset, seed) -> side of each row` with `base.register` and import its module below.
"""

from __future__ import annotations

# Importing the module registers its schemes.
from preprocessing.splits import schemes  # noqa: F401
from preprocessing.splits.base import (
    InapplicableError,
    Scheme,
    Split,
    get,
    names,
    register,
    stored,
    write,
)

__all__ = ["InapplicableError", "Scheme", "Split", "get", "names", "register", "stored", "write"]
