"""The settings of a cell: everything about its training that can affect its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from attention_fer import recipes
from attention_fer.common.checks import one_of
from attention_fer.common.rules import Rule, as_tuples, field, flag, number, whole
from attention_fer.recipes import Recipe

# Batch sizes of the published experiments; 64 for every other dataset.
PUBLISHED_BATCH = {"ckplus": 16, "jaffe": 4}


@dataclass(frozen=True)
class Settings(Recipe):
    """How one cell is trained: a recipe, and the size of the experiment.

    Attributes:
        width: multiplier of the network's channels.
        activation: activation of the corrected networks that use ReLU by default; the published
            networks keep their own.
        drop_copies: whether to leave out training images with the same pixels as a validation
            image, a test image or an earlier training image. The other parts stay whole.
        train_samples, eval_samples: maximum number of images, drawn at random, of the training
            part, and of each of the validation and test parts; None for all.
        precision: Keras dtype policy.
    """

    width: float = field(number(1.0, above=0))
    activation: str = field(Rule("relu", "a name", lambda value: isinstance(value, str)))
    drop_copies: bool = field(flag(False))
    train_samples: int | None = field(whole(None, at_least=1))
    eval_samples: int | None = field(whole(None, at_least=1))
    precision: str = field(Rule("float32", "a name", lambda value: isinstance(value, str)))

    def input_shape(self, image_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the network's input shape for images of `image_shape`: height, width, channels."""
        height, width, channels = image_shape
        if side := self.image_size or self.crop_size:
            height = width = side
        return height, width, channels if self.channels in (None, channels) else self.channels


# Small enough to train 32 networks in 15 minutes on two cores, which allows 200 steps for each.
# With ELU, as in the published networks, a VGG starts to learn within 200 steps; with ReLU it does
# not. Tracing the update of a ResNet's thousand variables takes half as long with SGD as with Adam.
# With so few steps, the batch statistics need a short memory, hence norm_momentum. A recipe changes
# none of these settings.
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

# The changes of each profile to the recipe. "full" uses the recipe unchanged, which by default is
# the published one: Adam 1e-4, zoom and flip, patience 15, best validation accuracy.
PROFILES: Mapping[str, Mapping[str, Any]] = {"full": {}, "quick": QUICK}


@dataclass(frozen=True)
class Choice:
    """The value of a setting and where it comes from."""

    value: Any
    source: str


def choices(
    *,
    recipe: str = "",
    profile: tuple[str, Mapping[str, Any]] = ("full", {}),
    asked: Mapping[str, Any] | None = None,
    row: Mapping[str, Any] | None = None,
    dataset: str = "",
) -> dict[str, Choice]:
    """Return every setting of a cell with its source. Order of precedence, lowest first:

    1. the default;
    2. the recipe of the row, or of `--recipe`;
    3. the profile, including the table's changes to it;
    4. the command line;
    5. the row's own settings;
    6. if the batch size is still None, the usual one for the dataset.

    Args:
        recipe: name in `attention_fer.recipes`; "" for none.
        profile: name of the profile, and the settings it changes.
        asked: settings from the command line.
        row: settings of the table's row.
        dataset: name of the dataset.

    Raises:
        ValueError: an unknown recipe or setting.
    """
    names = [one.name for one in fields(Settings)]
    layers: list[tuple[str, Mapping[str, Any]]] = [
        ("default", {name: getattr(Settings, name) for name in names}),
        (f"recipe {recipe}", recipes.changes(recipe) if recipe else {}),
        (f"profile {profile[0]}", profile[1]),
        ("command line", asked or {}),
        ("row", row or {}),
    ]
    found: dict[str, Choice] = {}
    for source, values in layers:
        for name, value in values.items():
            found[one_of("setting", name, names)] = Choice(as_tuples(value), source)
    if found["batch_size"].value is None and dataset:
        found["batch_size"] = Choice(PUBLISHED_BATCH.get(dataset, 64), f"dataset {dataset}")
    return found


def settle(chosen: Mapping[str, Choice]) -> Settings:
    """Return the settings with these values. Raises ValueError for a value out of range."""
    return Settings(**{name: choice.value for name, choice in chosen.items()})


def profile(name: str, dataset: str = "", **changes: Any) -> Settings:
    """Return the settings of a profile for a dataset; `changes` that are None are ignored.

    Raises:
        ValueError: an unknown profile or setting, or a value out of range.
    """
    asked = {key: value for key, value in changes.items() if value is not None}
    values = PROFILES[one_of("profile", name, PROFILES)]
    return settle(choices(profile=(name, values), asked=asked, dataset=dataset))
