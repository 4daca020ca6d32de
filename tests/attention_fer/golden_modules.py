"""Inputs, weights and outputs of the authors' own code of many attention modules."""

from pathlib import Path

import numpy as np

GOLDEN = np.load(Path(__file__).parents[1] / "fixtures" / "golden_modules.npz")


def case(name):
    """The arrays of a case by key, `"w/..."` for weights and `"h/..."` for options."""
    prefix = f"{name}/"
    return {key.removeprefix(prefix): GOLDEN[key] for key in GOLDEN if key.startswith(prefix)}


def images(name):
    """Pairs of input and output, one for each shape, channels last."""
    arrays = case(name)
    pairs = [(arrays[f"x{n}"], arrays[f"y{n}"]) for n in ("", 2, 3) if f"x{n}" in arrays]
    return [tuple(np.moveaxis(array, 1, -1) for array in pair) for pair in pairs]
