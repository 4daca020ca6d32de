"""Cells and results made by hand, for the tests of what reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.plan.cell import Cell, Target
from benchmarks.plan.plan import Plan
from benchmarks.plan.settings import Settings
from benchmarks.results.predictions import PREDICTIONS, write_predictions
from benchmarks.results.store import Result, Store
from benchmarks.table import Row, Table

CLASSES = 7
ROW = {field.name for field in fields_of(Row)} - {"settings", "teacher"}
TARGET = {field.name for field in fields_of(Target)}
NAMES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
PROVENANCE = {
    "time": "2020-01-01T00:00:00+00:00",
    "revision": None,
    "processor": "Some Processor",
    "cores": 2,
    "accelerators": [],
    "python": "3.12.0",
    "versions": {"keras": "3.12.0", "numpy": "2.0.0"},
}


def cell(**changes: Any) -> Cell:
    """A cell; `changes` replace its fields, and those of its row and its target."""
    row = {name: changes.pop(name) for name in list(changes) if name in ROW}
    if "changes" in changes:
        row["settings"] = changes.pop("changes")
    target = {name: changes.pop(name) for name in list(changes) if name in TARGET}
    if "teacher" in changes:
        row["teacher"] = changes["teacher"].row
    fields = {
        "row": Row(**{"backbone": "vgg16", **row}),
        "target": Target(
            **{"dataset": "fer2013", "fingerprint": "a" * 64, "protocol": "official", **target}
        ),
        "settings": Settings(width=0.25, batch_size=32),
        "seed": 0,
        "backend": "tensorflow",
    }
    return Cell(**{**fields, **changes})


def record(
    of: Cell, n: int, right: np.ndarray, metrics: Any = (), **changes: Any
) -> dict[str, Any]:
    """The record of a finished cell that predicts `right` of its images rightly."""
    measured = {
        "parameters": 1234567,
        "multiply_adds": None,
        "best_epoch": 2,
        "n_train": 100,
        "n_validation": 50,
        "n_test": n,
        "accuracy": float(np.mean(right)),
    }
    content = {
        "spec": of.spec,
        "status": "done",
        "metrics": {**measured, **dict(metrics)},
        "history": history(3),
        "provenance": PROVENANCE,
        "timing": {"train": 2.0},
    }
    return {**content, **changes}


def history(epochs: int) -> list[dict[str, float]]:
    """Learning curves that fall and rise as curves do."""
    return [
        {
            "epoch": i + 1,
            "loss": 0.4 + 1.5 / (i + 1),
            "accuracy": 0.8 - 0.6 / (i + 1),
            "val_loss": 0.6 + 1.4 / (i + 1) + 0.004 * i,
            "val_accuracy": 0.7 - 0.5 / (i + 1),
        }
        for i in range(epochs)
    ]


def predictions(right: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Probabilities whose largest is at the label exactly where `right` says so."""
    chosen = np.where(right, labels, (labels + 1) % CLASSES)
    return 0.05 + 0.65 * np.eye(CLASSES)[chosen]


def put_predictions(folder: Path, right: Any, sample: Any = None, **stored: Any) -> None:
    """Writes predictions as `put_done` does, without storing a result."""
    right = np.asarray(right, bool)
    sample = np.arange(len(right)) if sample is None else np.asarray(sample)
    labels = sample % CLASSES
    arrays = {"subject": [""] * len(right), "duplicate": [False] * len(right), **stored}
    write_predictions(folder, predictions(right, labels), labels, sample, **arrays)


def put_done(
    store: Store, of: Cell, right: Any, sample: Any = None, changes: Any = (), **stored: Any
) -> Result:
    """Stores a finished cell.

    Args:
        store: where.
        of: the cell.
        right: (n,) whether each test image is predicted rightly.
        sample: (n,) rows of the dataset; 0 to n - 1 for None.
        changes: parts of the record that differ.
        stored: arrays of the predictions, in place of no known subject and no duplicate.
    """
    right = np.asarray(right, bool)
    partial = store.begin(of)
    put_predictions(partial, right, sample, **stored)
    store.commit(of, partial, record(of, len(right), right, **dict(changes)))
    stored_result = store.read(of)
    assert stored_result is not None and (stored_result.path / PREDICTIONS).is_file()
    return stored_result


def put_failed(store: Store, of: Cell, error: str) -> None:
    """Stores a failed cell."""
    store.commit(of, store.begin(of), {"spec": of.spec, "status": "failed", "error": error})


def plan(rows: Sequence[Row], targets: Sequence[Target], seeds: int = 2, **changes: Any) -> Plan:
    """A plan of a table; `changes` replace fields of the plan or of its table."""
    of_table = {key: changes.pop(key) for key in ("published", "chosen", "source", "title")
                if key in changes}  # fmt: skip
    table = Table(
        **{"name": "made-up", "title": "A made-up table", "rows": tuple(rows), **of_table}
    )
    asked = (("batch_size", 32), ("width", 0.25))
    fields = {"asked": asked, "variant": "corrected", "backend": "tensorflow"}
    return Plan(table=table, targets=tuple(targets), seeds=seeds, **{**fields, **changes})


def target(dataset: str = "fer2013", folds: int = 1, **changes: Any) -> Target:
    """A dataset with a split."""
    hashes = tuple(f"{i:012x}" for i in range(folds))
    fields = {"fingerprint": "a" * 64, "protocol": "official", "classes": NAMES}
    return Target(**{"dataset": dataset, "folds": hashes, **fields, **changes})


def put_plan(
    store: Store,
    of: Plan,
    outcome: Callable[[Cell], float | str | None],
    n: int = 200,
    changes: Any = (),
) -> None:
    """Stores the cells of a plan.

    Test images have a fixed hardness each, folds share them out, and a network of accuracy 0.6 has
    the easiest 60 % of each fold right.

    Args:
        store: where.
        of: the plan.
        outcome: a cell's accuracy, the reason of its failure, or None where it is missing.
        n: test images of a dataset.
        changes: parts of the records that differ.
    """
    hardness = np.random.default_rng(0).permutation(n) / n
    folds = {target.dataset: len(target.folds) for target in of.targets}
    for one in of.cells:
        result = outcome(one)
        sample = np.arange(one.fold, n, folds[one.target.dataset])
        if isinstance(result, str):
            put_failed(store, one, result)
        elif result is not None:
            put_done(store, one, hardness[sample] < result, sample, changes)


# Accuracy by attention and seed; a text is why it failed, None is missing.
STORY: dict[str, tuple[float | str | None, ...]] = {
    "none": (0.50, 0.51, 0.52),
    "se": (0.61, 0.625, 0.64),
    "eca": (0.505, 0.51, 0.515),
    "cbam": (0.40, None, "ValueError: no [/place] in [red] & <b>50 %</b> | x_1"),
}


def told(one: Cell) -> float | str | None:
    """The outcome of a cell of the story; vgg19 is never done."""
    if one.row.backbone == "vgg19":
        return "MemoryError: too large" if one.row.attention == "none" else None
    return STORY[one.row.attention][one.seed]


def story(root: Any) -> tuple[Store, Plan]:
    """A half-finished table with a bit of everything, on three datasets, one of them in folds."""
    rows = [Row(b, a) for b, most in (("vgg16", 4), ("vgg19", 2)) for a in list(STORY)[:most]]
    targets = [
        target(),
        target("jaffe", folds=5, protocol="published"),
        target("schematic", synthetic=True),
    ]
    published = {(Row("vgg16", "se"), "fer2013"): 63.05, (Row("vgg16"), "jaffe"): 64.44}
    of = plan(rows, targets, seeds=3, published=published, source="Somebody (2020)")
    store = Store(root)
    put_plan(store, of, told)
    return store, of
