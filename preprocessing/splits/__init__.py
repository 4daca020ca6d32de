"""Divide a prepared dataset into train, validation and test by its index alone.

``get(name)(dataset, seed)`` divides anew; ``stored(dataset, name)`` reads how the dataset was
divided when it was prepared, and is what results go by. A further scheme is a function
``(dataset, seed) -> side of each row`` under `base.register`, and an import below.
"""

from __future__ import annotations

from preprocessing.splits import grouped, official, published, subjects  # noqa: F401  (registers the schemes)
from preprocessing.splits.base import InapplicableError, Scheme, Split, get, names, register
from preprocessing.splits.stored import stored, write

__all__ = ["InapplicableError", "Scheme", "Split", "get", "names", "register", "stored", "write"]
