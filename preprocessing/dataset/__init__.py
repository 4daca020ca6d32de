"""The prepared dataset on disk."""

from preprocessing.dataset.folder import Dataset

__all__ = ["Dataset"]
