"""A cell: one network trained once, with an identity made of all that can change its number."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.settings import Settings
from benchmarks.table import Row
from preprocessing.dataset import Dataset

# Raised whenever a change of the code changes what the same cell would measure.
RECIPE = 1


@dataclass(frozen=True)
class Cell:
    """One training run.

    Attributes:
        backbone, attention: the row of the table.
        variant: "corrected" (the papers) or "published" (their published implementation).
        dataset: name of the prepared dataset.
        fingerprint: hash of its content.
        protocol: name of its split in `preprocessing.splits`.
        settings: how it is trained.
        seed: of initial weights, data order and augmentation.
        backend: Keras backend that computes it.
        split: hash of the rows on each side of the split, see `data.digest`; "" in records from
            before splits were stored with their dataset.
    """

    backbone: str
    attention: str
    variant: str
    dataset: str
    fingerprint: str
    protocol: str
    settings: Settings
    seed: int
    backend: str
    split: str = ""

    @property
    def row(self) -> Row:
        return Row(self.backbone, self.attention)

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that can change the number, as JSON."""
        spec = {**asdict(self), "recipe": RECIPE}
        if not self.split:  # so that such a record keeps its hash
            del spec["split"]
        return spec

    @property
    def slug(self) -> str:
        """Readable folder name: dataset, network, seed and a short hash of the spec."""
        return f"{self.dataset}-{self.backbone}-{self.attention}-s{self.seed}-{self.digest}"

    @property
    def digest(self) -> str:
        """Ten hexadecimal digits that stand for the spec.

        Settings at their default are left out, so that a setting added later, whose default is
        what was done before, does not orphan the results that are there.
        """
        default = asdict(Settings())
        settings = {k: v for k, v in asdict(self.settings).items() if v != default[k]}
        text = json.dumps({**self.spec, "settings": settings}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    @property
    def label(self) -> str:
        """What people are shown while it runs."""
        return f"{self.dataset} {self.backbone} {self.attention} seed {self.seed}"

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> Cell:
        """The cell of a stored spec."""
        fields = {key: value for key, value in spec.items() if key != "recipe"}
        return cls(**{**fields, "settings": Settings(**spec["settings"])})


def plan(
    rows: Iterable[Row],
    datasets: Iterable[Dataset],
    settings: Settings,
    seeds: int,
    *,
    protocol: str,
    variant: str,
    backend: str,
) -> list[Cell]:
    """All cells of a table; a backbone's baseline and attentions stand together, seed by seed."""
    from benchmarks import data  # scikit-learn comes with it, which a report does without

    rows, datasets = list(rows), list(datasets)
    hashes = {dataset.name: data.digest(dataset, protocol) for dataset in datasets}
    return [
        Cell(
            backbone=row.backbone,
            attention=row.attention,
            variant=variant,
            dataset=dataset.name,
            fingerprint=dataset.fingerprint,
            protocol=protocol,
            settings=settings.of(dataset.name),
            seed=seed,
            backend=backend,
            split=hashes[dataset.name],
        )
        for dataset in datasets
        for seed in range(seeds)
        for row in rows
    ]
