"""Cells and results made by hand, for the tests of what reads them."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.cells import Cell
from benchmarks.settings import Settings
from benchmarks.store import PREDICTIONS, Result, Store, write_predictions

CLASSES = 7
PROVENANCE = {
    "processor": "Some Processor",
    "cores": 2,
    "accelerators": [],
    "python": "3.12.0",
    "versions": {"keras": "3.12.0", "numpy": "2.0.0"},
}


def cell(**changes: Any) -> Cell:
    """A cell; `changes` replace its fields."""
    fields = {
        "backbone": "vgg16",
        "attention": "none",
        "variant": "corrected",
        "dataset": "fer2013",
        "fingerprint": "a" * 64,
        "protocol": "official",
        "settings": Settings(width=0.25, batch_size=32),
        "seed": 0,
        "backend": "tensorflow",
    }
    return Cell(**{**fields, **changes})


def record(of: Cell, n: int, right: np.ndarray, **changes: Any) -> dict[str, Any]:
    """The record of a finished cell that predicts `right` of its images rightly."""
    metrics = {
        "parameters": 1234567,
        "n_train": 100,
        "n_validation": 50,
        "n_test": n,
        "accuracy": float(np.mean(right)),
    }
    content = {
        "spec": of.spec,
        "status": "done",
        "metrics": metrics,
        "history": [{"epoch": 1, "loss": 1.5}],
        "provenance": PROVENANCE,
        "timing": {"train": 2.0},
    }
    return {**content, **changes}


def predictions(right: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probabilities whose largest is at the label exactly where `right` says so."""
    chosen = np.where(right, labels, (labels + 1) % CLASSES)
    return 0.05 + 0.65 * np.eye(CLASSES)[chosen]


def put_done(store: Store, of: Cell, right: Any, sample: Any = None) -> Result:
    """Stores a finished cell with one entry of `right` for each test image."""
    right = np.asarray(right, bool)
    sample = np.arange(len(right)) if sample is None else np.asarray(sample)
    partial = store.begin(of)
    labels = sample % CLASSES
    write_predictions(partial, predictions(right, labels), labels, sample)
    store.commit(of, partial, record(of, len(right), right))
    stored = store.read(of)
    assert stored is not None and (stored.path / PREDICTIONS).is_file()
    return stored


def put_failed(store: Store, of: Cell, error: str) -> None:
    """Stores a failed cell."""
    store.commit(of, store.begin(of), {"spec": of.spec, "status": "failed", "error": error})
