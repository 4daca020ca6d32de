"""Every augmentation: its name, options and layer. Nothing here loads a framework.

A new augmentation is a layer and one entry here. A specification is a tuple of names with their
options, themselves (option, value) pairs: `(("flip", ()), ("cutmix", (("alpha", 1.0),)))`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attention_fer.common.checks import one_of
from attention_fer.common.registry import Registry
from attention_fer.common.rules import Rule, choice, is_number, number, whole

AugmentationEntry = tuple[str, tuple[tuple[str, Any], ...]]
Specification = tuple[AugmentationEntry, ...]

FILLS = ("constant", "nearest", "reflect", "wrap")
DIRECTIONS = ("horizontal", "vertical", "horizontal_and_vertical")


@dataclass(frozen=True)
class AugmentationKind:
    """One augmentation that a specification can name.

    Attributes:
        layer: where to find what makes the layer from the options and a `seed`, `"module:name"` in
            this package, so that it is imported only when it is built.
        options: the rule of each option. With a `p` each image is changed with that probability.
        mixes_labels: whether it mixes labels as well.
        own_p: whether the layer itself takes `p`; else `RandomApply` does it.
    """

    layer: str
    options: Mapping[str, Rule]
    mixes_labels: bool = False
    own_p: bool = False


def check(specification: Specification) -> None:
    """Raises ValueError, with the nearest name, for what `build` cannot build."""
    for entry in specification:
        complete(entry)


def complete(entry: AugmentationEntry) -> tuple[str, dict[str, Any]]:
    """Return the name of an entry and all its options, with defaults for those not given.

    Raises:
        ValueError: an unknown name or option, an option given twice, or a value out of range.
    """
    if not (isinstance(entry, tuple) and len(entry) == 2 and isinstance(entry[1], tuple)):
        raise ValueError(
            f"An augmentation must be a name and a tuple of (option, value) pairs, got {entry!r}."
        )
    name, given = entry
    rules = AUGMENTATIONS[name].options
    options = {option: rule.default for option, rule in rules.items()}
    for option, value in given:
        rule = rules[one_of(f"option of {name}", option, rules)]
        options[option] = rule.check(f"{option} of {name}", value)
    if len(dict(given)) < len(given):
        raise ValueError(f"Each option of {name} must be given once, got {given!r}.")
    return name, options


def mixes(specification: Specification) -> bool:
    """Whether labels are mixed, and so become soft."""
    return any(AUGMENTATIONS[name].mixes_labels for name, _ in specification)


def _share(default: float) -> Rule:
    return number(default, at_least=0, at_most=1)


def _degrees(default: float, most: float) -> Rule:
    return number(default, at_least=0, at_most=most)


def _pair(default: tuple[float, float], low: float, high: float) -> Rule:
    def test(value: Any) -> bool:
        two = isinstance(value, tuple) and len(value) == 2 and all(map(is_number, value))
        return two and low <= value[0] <= value[1] <= high

    return Rule(default, f"a pair from {low:g} to {high:g}, smaller value first", test)


def _is_share_or_none(value: Any) -> bool:
    return value is None or (is_number(value) and 0 <= value <= 1)


_fill = choice("constant", FILLS)
_p = _share(1.0)

AUGMENTATIONS: Registry[AugmentationKind] = Registry("augmentation")


def _add(
    name: str, layer: str, *, mixes_labels: bool = False, own_p: bool = False, **options: Rule
) -> None:
    AUGMENTATIONS.add(name, AugmentationKind(layer, options, mixes_labels, own_p))


# Mirrors half of the images.
_add("flip", "geometric:flip", direction=choice("horizontal", DIRECTIONS))
# Rotates by up to so many degrees, either way.
_add("rotate", "geometric:rotate", degrees=_degrees(10.0, 180), fill=_fill, p=_p)
# Shifts by up to this fraction of each side.
_add("translate", "geometric:translate", fraction=_share(0.1), fill=_fill, p=_p)
# Scales each axis on its own, in or out, by up to this fraction.
_add("zoom", "geometric:zoom", fraction=number(0.1, at_least=0, below=1), fill=_fill, p=_p)
# Shears both axes, by up to this fraction of a pixel per pixel.
_add("shear", "geometric:shear", fraction=_share(0.1), fill=_fill, p=_p)
_add(
    "affine",
    "geometric:RandomAffine",
    rotate=_degrees(0.0, 180),
    translate=_share(0.0),
    scale=_pair((1.0, 1.0), 0.01, 100),
    shear=_degrees(0.0, 80),
    fill=_fill,
    p=_p,
)
_add("crop", "geometric:RandomCrop", padding=whole(4, at_least=1), fill=_fill, p=_p)
# Sets a box whose area is in this range to a value, or to noise for None.
_add(
    "erasing",
    "erasing:erasing",
    own_p=True,
    area=_pair((0.02, 0.33), 0, 1),
    value=Rule(0.0, "a number from 0 to 1 or None", _is_share_or_none),
    p=_share(0.5),
)
_add("cutout", "erasing:Cutout", fraction=_share(0.25), p=_p)
_add("mixup", "mixing:MixUp", mixes_labels=True, alpha=number(0.2, above=0), p=_p)
_add("cutmix", "mixing:CutMix", mixes_labels=True, alpha=number(1.0, above=0), p=_p)
_add(
    "randaugment",
    "randaugment:RandAugment",
    operations=whole(2, at_least=1),
    magnitude=number(9.0, at_least=0, at_most=10),
    fill=_fill,
    p=_p,
)
_add("solarize", "photometric:Solarize", threshold=_share(0.5), p=_share(0.5))
# Adds up to this much, either way, and clips.
_add("brightness", "photometric:random_brightness", fraction=_share(0.2), p=_p)
# Scales the distance from the mean by 1 plus or minus up to this fraction.
_add("contrast", "photometric:random_contrast", fraction=_share(0.2), p=_p)
# Adds Gaussian noise, not clipped.
_add("noise", "photometric:noise", deviation=_share(0.05), p=_p)
