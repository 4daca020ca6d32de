"""How a cell is trained: the two profiles, and everything of them that can change a number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from attention_fer import recipes
from attention_fer.common.checks import one_of
from attention_fer.recipes import Recipe
from attention_fer.training import sampling
from attention_fer.training.augmentation import specification

# Batch sizes of the published experiments; 64 for every other dataset.
PUBLISHED_BATCH = {"ckplus": 16, "jaffe": 4}
OPTIMIZERS = ("adam", "adamw", "rmsprop", "adagrad", "sgd", "momentum", "by-norm")
CHOICES = {
    "optimizer": OPTIMIZERS,
    "schedule": ("constant", "plateau", "cosine"),
    "loss": ("crossentropy", "focal"),
    "resample": ("", *sampling.KINDS),
    "class_weights": ("", *sampling.WEIGHTS),
}


# Whole numbers, or None.
WHOLE = ("batch_size", "image_size", "channels", "train_samples", "eval_samples")


@dataclass(frozen=True)
class Settings(Recipe):
    """Training of one cell: a recipe, and how large an experiment it is.

    Attributes:
        width: multiplier on the network's channels.
        activation: of the corrected networks whose own is ReLU; the published ones have their own.
        train_samples, eval_samples: at most that many images, drawn at random, of the training
            part and of each of the validation and test parts; None for all.
        precision: Keras dtype policy.
    """

    width: float = 1.0
    activation: str = "relu"
    train_samples: int | None = None
    eval_samples: int | None = None
    precision: str = "float32"

    def changed(self, **changes: Any) -> Settings:
        """These settings with some replaced.

        Raises:
            ValueError: an unknown setting, or a value out of range.
        """
        for name in changes:
            one_of("setting", name, [field.name for field in fields(self)])
        settings = replace(self, **{name: _like(name, value) for name, value in changes.items()})
        settings.check()
        return settings

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Settings:
        """Settings that were stored as JSON. Raises TypeError for a name that is none."""
        return cls(**{name: _like(name, value) for name, value in content.items()})

    def check(self) -> None:
        """Raises ValueError for a value of another type or out of range."""
        for field in fields(self):
            _check_type(field.name, getattr(self, field.name))
        for name, choices in CHOICES.items():
            one_of(name, getattr(self, name), choices)
        specification.check(self.augmentation)
        for key in ("width", "epochs", "patience", "learning_rate", "std", "plateau_factor"):
            if not 0 < getattr(self, key) < math.inf:
                raise ValueError(f"{key} must be above 0 and finite, given: {getattr(self, key)}.")
        for key in ("batch_size", "train_samples", "eval_samples", "image_size"):
            if getattr(self, key) is not None and getattr(self, key) < 1:
                raise ValueError(f"{key} must be at least 1, given: {getattr(self, key)}.")
        for key in ("weight_decay", "sam", "warmup_epochs", "focal_gamma", "plateau_patience"):
            if not 0 <= getattr(self, key) < math.inf:
                raise ValueError(f"{key} must not be below 0, given: {getattr(self, key)}.")
        for key in ("label_smoothing", "ema", "drop_path"):
            if not 0 <= getattr(self, key) < 1:
                raise ValueError(f"{key} must be from 0 to below 1, given: {getattr(self, key)}.")
        if self.channels not in (None, 1, 3):
            raise ValueError(f"channels must be 1, 3 or None, given: {self.channels}.")
        self._check_together()

    def _check_together(self) -> None:
        if self.warmup_epochs and self.schedule != "cosine":
            raise ValueError(f"Only the schedule 'cosine' has a warm-up, given: {self.schedule!r}.")
        if self.schedule == "cosine" and self.unfreeze:
            raise ValueError("A cosine schedule has one beginning, and unfreeze makes several.")
        if self.unfreeze and not self.freeze:
            raise ValueError("unfreeze releases what freeze holds, and freeze is empty.")

    def of(self, dataset: str) -> Settings:
        """These settings with the batch size that `dataset` gets."""
        return replace(self, batch_size=self.batch_size or PUBLISHED_BATCH.get(dataset, 64))

    def trained(self, recipe: str, kept: Iterable[str] = ()) -> Settings:
        """These settings with those of a recipe, except for the names in `kept`."""
        taken = {k: v for k, v in recipes.changes(recipe).items() if k not in set(kept)}
        return self.changed(**taken)

    def input_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """What the network gets of images of `image_shape`, (height, width, channels)."""
        height, width, channels = image_shape
        if self.image_size:
            height = width = self.image_size
        return height, width, channels if self.channels in (None, channels) else self.channels


# Small enough for 32 networks in 15 minutes on two cores, which leaves each 200 steps. ELU, as in
# the published networks, gets a VGG going within them, ReLU does not. SGD's update of a ResNet's
# thousand variables is traced in half the time of Adam's. Statistics of few steps need a short
# memory: hence the norm_momentum. A recipe changes none of these.
QUICK: Mapping[str, Any] = {
    "width": 0.125,
    "activation": "elu",
    "epochs": 4,
    "batch_size": 32,
    "optimizer": "by-norm",
    "learning_rate": 0.05,
    "zoom": 0.1,
    "norm_momentum": 0.8,
    "train_samples": 1600,
    "image_size": None,
}

PROFILES = {
    # The published recipe: Adam 1e-4, zoom and flip, patience 15, best validation accuracy.
    "full": Settings(),
    "quick": Settings(**QUICK),
}


def profile(name: str, **changes: Any) -> Settings:
    """The settings of a profile, with the changes that are not None.

    Raises:
        ValueError: an unknown profile, or a value out of range.
    """
    settings = PROFILES[one_of("profile", name, PROFILES)]
    return settings.changed(**{key: v for key, v in changes.items() if v is not None})


def _check_type(name: str, value: Any) -> None:
    usual = getattr(Settings, name)
    allowed: tuple[type, ...] = (type(usual),)
    if name in WHOLE:
        allowed = (int, type(None))
    elif name == "freeze":
        allowed = (str, int)
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        words = " or ".join("null" if one is type(None) else one.__name__ for one in allowed)
        raise ValueError(f"{name} must be {words}, given: {value!r}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be finite, given: {value}.")


def _like(name: str, value: Any) -> Any:
    """A value as it is hashed: 0 and 0.0 are the same setting."""
    usual = getattr(Settings, name, None)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if whole and isinstance(usual, float) else fixed(value)


def fixed(value: Any) -> Any:
    """Lists, as JSON and command lines have them, as tuples."""
    return tuple(map(fixed, value)) if isinstance(value, list | tuple) else value
