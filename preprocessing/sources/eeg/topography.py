"""Topographic maps of values at electrodes: MNE's interpolation as one matrix.

`mne.viz.plot_topomap` interpolates by a cubic on a triangulation (Clough and Tocher) whose
gradients it estimates from the values. This is linear in the values, up to the tolerance of the
estimation, so that any map is a sum of the maps of single electrodes. MNE draws these once, with
its defaults: cubic, extrapolated to the head with the mean of the neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from preprocessing.sources.eeg.mne_import import mne

HEAD = 0.095
"""Radius of the head in metres if no electrode lies outside, MNE's default."""


@dataclass(frozen=True, eq=False)
class Topography:
    """Draws maps for one arrangement of electrodes.

    Attributes:
        matrix: float64 (size * size, electrodes); rows of pixels outside the head are 0.
        inside: bool (size, size), the pixels of the head.
    """

    matrix: np.ndarray
    inside: np.ndarray

    def maps(self, values: np.ndarray) -> np.ndarray:
        """Return the maps of many values at once, by one matrix product.

        Args:
            values: (..., electrodes), in microvolts, decibels or similar: for very small values,
                such as volts, MNE's own estimation of gradients stops early.

        Returns:
            float64 (..., size, size), nose at the top, left ear at the left, 0 outside the head.
        """
        flat = values.reshape(-1, values.shape[-1]) @ self.matrix.T
        return flat.reshape(*values.shape[:-1], *self.inside.shape)


def topography(info: Any, size: int, radius: float | None = None) -> Topography:
    """Return the maps of an arrangement of electrodes, each drawn by MNE.

    Args:
        info: an `mne.Info` of EEG channels with positions; those marked bad count too.
        size: side of the images in pixels.
        radius: radius of the circle that the images show, in metres; None for that of `frame`.
    """
    radius = frame(info) if radius is None else radius
    axes = _axes()
    drawn = [_drawn(one, info, size, radius, axes) for one in np.eye(len(info["ch_names"]))]
    inside = _inside(drawn[-1], axes)
    matrix = np.stack([_values(image)[inside] for image in drawn], axis=1)
    assert np.isfinite(matrix).all(), "MNE extrapolates to the whole head"
    full = np.zeros((size * size, len(drawn)))
    full[inside.ravel()] = matrix
    return Topography(full, inside)


def frame(info: Any) -> float:
    """Return the radius in metres of what MNE shows: the head, or all electrodes if that is more.

    Draw recordings of different electrodes with the largest of their radii, so that a place on the
    head is the same place in every image.
    """
    image = _drawn(np.zeros(len(info["ch_names"])), info, 2, HEAD, _axes())
    return float(image.get_extent()[1])


def _axes() -> Any:
    from matplotlib.figure import Figure

    return Figure().add_subplot()


def _drawn(values: np.ndarray, info: Any, size: int, radius: float, axes: Any) -> Any:
    for artist in (*axes.images, *axes.lines):  # clearing the axes takes longer than drawing
        artist.remove()
    image, _ = mne().viz.plot_topomap(
        values,
        info,
        axes=axes,
        sphere=radius,
        res=size,
        image_interp="cubic",
        extrapolate="head",
        border="mean",
        contours=0,
        sensors=False,
        show=False,
    )
    return image


def _values(image: Any) -> np.ndarray:
    """Return the pixels of MNE's image, whose first row is the lowest."""
    return np.ma.filled(image.get_array(), np.nan)[::-1]


def _inside(image: Any, axes: Any) -> np.ndarray:
    """Return which pixels MNE shows: those whose centres lie inside the outline of the head."""
    left, right, bottom, top = image.get_extent()
    size = image.get_array().shape[0]
    x, y = np.meshgrid(np.linspace(left, right, size), np.linspace(top, bottom, size))
    places = axes.transData.transform(np.column_stack([x.ravel(), y.ravel()]))
    outline = image.get_clip_path().get_fully_transformed_path()
    return outline.contains_points(places).reshape(size, size)
