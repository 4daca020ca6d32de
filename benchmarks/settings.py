"""How a cell is trained: the two profiles, and everything of them that can change a number."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from attention_fer.checks import one_of

# Batch sizes of the published experiments; 64 for every other dataset.
PUBLISHED_BATCH = {"ckplus": 16, "jaffe": 4}
OPTIMIZERS = ("adam", "rmsprop", "adagrad", "sgd", "by-norm")


@dataclass(frozen=True)
class Settings:
    """Training of one cell.

    Attributes:
        width: multiplier on the network's channels.
        activation: of the corrected networks; the published ones have their own.
        epochs: at most that many.
        patience: epochs without a better validation loss before training stops.
        batch_size: images a step; None for the published one of the dataset.
        optimizer: "adam"; "rmsprop"; "adagrad"; "sgd" (Nesterov momentum 0.9); or "by-norm": SGD
            for a backbone with batch normalisation, Adam at a hundredth of the learning rate for
            one without, which SGD does not get started.
        learning_rate: of the optimizer, constant.
        zoom: random zoom by up to this fraction, per axis.
        flip: random horizontal flip.
        train_samples, eval_samples: at most that many images, drawn at random, of the training
            part and of each of the validation and test parts; None for all.
        norm_momentum: of the backbone's batch normalisations.
        precision: Keras dtype policy.
    """

    width: float = 1.0
    activation: str = "relu"
    epochs: int = 200
    patience: int = 15
    batch_size: int | None = None
    optimizer: str = "adam"
    learning_rate: float = 1e-4
    zoom: float = 0.3
    flip: bool = True
    train_samples: int | None = None
    eval_samples: int | None = None
    norm_momentum: float = 0.99
    precision: str = "float32"

    def changed(self, **changes: Any) -> Settings:
        """These settings with some replaced.

        Raises:
            ValueError: an unknown setting, or a value out of range.
        """
        for name in changes:
            one_of("setting", name, [field.name for field in fields(self)])
        settings = replace(self, **changes)
        settings.check()
        return settings

    def check(self) -> None:
        """Raises ValueError for a value out of range."""
        one_of("optimizer", self.optimizer, OPTIMIZERS)
        for key in ("width", "epochs", "patience", "learning_rate"):
            if not 0 < getattr(self, key) < math.inf:
                raise ValueError(f"{key} must be above 0 and finite, given: {getattr(self, key)}.")
        for key in ("batch_size", "train_samples", "eval_samples"):
            if getattr(self, key) is not None and getattr(self, key) < 1:
                raise ValueError(f"{key} must be at least 1, given: {getattr(self, key)}.")

    def of(self, dataset: str) -> Settings:
        """These settings with the batch size that `dataset` gets."""
        return replace(self, batch_size=self.batch_size or PUBLISHED_BATCH.get(dataset, 64))


PROFILES = {
    # The published recipe: Adam 1e-4, zoom and flip, patience 15, best validation accuracy.
    "full": Settings(),
    # Small enough for 32 networks in 15 minutes on two cores, which leaves each 200 steps. ELU, as
    # in the published networks, gets a VGG going within them, ReLU does not. SGD's update of a
    # ResNet's thousand variables is traced in half the time of Adam's. Statistics of few steps
    # need a short memory: hence the norm_momentum.
    "quick": Settings(
        width=0.125,
        activation="elu",
        epochs=4,
        batch_size=32,
        optimizer="by-norm",
        learning_rate=0.05,
        zoom=0.1,
        norm_momentum=0.8,
        train_samples=1600,
    ),
}


def profile(name: str, **changes: Any) -> Settings:
    """The settings of a profile, with the changes that are not None.

    Raises:
        ValueError: an unknown profile, or a value out of range.
    """
    settings = PROFILES[one_of("profile", name, PROFILES)]
    return settings.changed(**{key: v for key, v in changes.items() if v is not None})
