"""Overlays a map on an image, in colours whose lightness grows evenly with the value."""

from __future__ import annotations

import numpy as np

from attention_fer.common.checks import one_of

# matplotlib's maps (van der Walt, Smith, Firing; CC0) at 33 even steps; between them, linear
# interpolation stays within 2 of 255.
_STEPS = {
    "inferno": """
        000004 040312 0b0724 150b37 210c4a 2e0a5a 3c0965 4a0c6b 57106d 63146e
        70196e 7d1e6d 89226a 962766 a32b61 af315c bb3755 c63e4d d14644 db4f3b
        e35932 eb6528 f1711e f67f14 f98d0a fb9c06 fcab0f fbba1f f9ca32 f5d949
        f2e865 f3f586 fcffa4
    """,
    "viridis": """
        440154 470d60 48186a 482374 472d7b 453681 424086 3f4989 3b528b 375a8d
        33638d 2f6a8e 2c728e 297a8e 26818e 23898e 21908c 1f988b 1f9f88 21a685
        28ae80 31b57b 3ebc74 4cc26c 5dc963 6ece58 82d34c 96d83f abdc32 c0df24
        d5e21a eae51a fde725
    """,
}
COLORMAPS = {
    name: np.array([list(bytes.fromhex(step)) for step in steps.split()], "float64")
    for name, steps in _STEPS.items()
}


def apply_colormap(values: np.ndarray, colormap: str = "viridis") -> np.ndarray:
    """Turns values from 0 to 1, of any shape, into uint8 RGB colours along a new last axis.

    Raises:
        ValueError: an unknown colour map, or values outside 0 to 1.
    """
    table = COLORMAPS[one_of("colormap", colormap, COLORMAPS)]
    values = np.asarray(values, "float64")
    # Written so that NaN fails, too.
    if values.size and not (values.min() >= 0 and values.max() <= 1 + 1e-6):
        raise ValueError(
            f"heat must be from 0 to 1, got {values.min():g} to {values.max():g}. Divide it by its "
            "maximum."
        )
    places = np.linspace(0, 1, len(table))
    channels = [np.interp(values, places, table[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype("uint8")


def overlay(
    image: np.ndarray, heat: np.ndarray, alpha: float = 0.5, colormap: str = "viridis"
) -> np.ndarray:
    """Overlays a map on an image: `(1 - alpha) * image + alpha * colour`.

    Args:
        image: uint8 of shape `(height, width)`, or with 1 or 3 channels at the end.
        heat: of shape `(height, width)`, from 0 to 1.
        alpha: share of the colour, from 0 (only the image) to 1 (only the map).
        colormap: `"viridis"`, whose hue still separates values where an image is bright or dark,
            or `"inferno"`.

    Returns:
        uint8 of shape `(height, width, 3)`.

    Raises:
        ValueError: another dtype, shape or range, or an unknown colour map.
    """
    image, heat = np.asarray(image), np.asarray(heat)
    if image.dtype != np.uint8 or not (
        image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3))
    ):
        raise ValueError(
            "image must be uint8 of shape (height, width), or with 1 or 3 channels, got "
            f"{image.dtype} of shape {image.shape}."
        )
    if heat.shape != image.shape[:2]:
        raise ValueError(
            f"heat must have the image's size {image.shape[:2]}, got shape {heat.shape}."
        )
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha must be from 0 to 1, got {alpha}.")
    picture = image.reshape(*heat.shape, -1).astype("float64")
    blended = (1 - alpha) * picture + alpha * apply_colormap(heat, colormap)
    return blended.round().astype("uint8")
