"""The electrodes of a recording, where they lie, and maps of values at them, by MNE.

`mne.viz.plot_topomap` interpolates by a cubic on a triangulation (Clough and Tocher) whose
gradients it estimates from the values. This is linear in the values, up to the tolerance of the
estimation, so any map is a sum of the maps of single electrodes. MNE draws these once, with
its defaults: cubic, extrapolated to the head with the mean of the neighbours.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


def mne() -> Any:
    """Return the module. Raises ImportError with the command that installs it."""
    try:
        import mne as module
    except ImportError as error:
        raise ImportError(
            f'EEG needs MNE-Python ({error}). Run pip install "attention-fer[eeg]".'
        ) from error
    return module


@contextmanager
def recorded_warnings() -> Iterator[list[str]]:
    """Collect MNE's warnings, each text once, instead of printing them."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with mne().use_log_level("warning"):
            yield texts
    texts += dict.fromkeys(" ".join(str(one.message).split()) for one in caught)


LEAST = 4
"""Electrodes that a map needs."""

APART = 1e-4  # metres; MNE's triangulation fails on points that coincide


def select(info: Any, montage: str | None, without: Collection[str], name: str) -> Any:
    """Return the `mne.Info` of the EEG channels, with their positions.

    Args:
        info: MNE's info on all channels. It is not changed.
        montage: a montage of MNE, or a file of positions; None for the recording's own positions.
        without: names of channels to leave out.
        name: name of the recording, for messages.

    Returns:
        Info of the EEG channels in the recording's order; bad ones are still marked.

    Raises:
        ValueError: The montage is unknown, electrodes have no position or the same one, or too few
            are left.
    """
    picks = mne().pick_types(info, meg=False, eeg=True, exclude=[])
    kept = [place for place in picks if info["ch_names"][place] not in without]
    if len(kept) < LEAST:
        shown = ", ".join(info["ch_names"][:8])
        raise ValueError(
            f"{name} must have at least {LEAST} EEG channels, got {len(kept)} among "
            f"{len(info['ch_names'])} channels ({shown}). Set the channel types in MNE."
        )
    chosen = mne().pick_info(info, kept)
    if montage is not None:
        chosen.set_montage(_montage(montage), match_case=False, on_missing="ignore")
    _check_positions(chosen, montage, name)
    if len(good(chosen)) < LEAST:
        raise ValueError(
            f"{name} must have at least {LEAST} EEG channels that are not marked bad, got "
            f"{len(good(chosen))}. Marked bad are {', '.join(chosen['bads'])}."
        )
    return chosen


def good(info: Any) -> list[str]:
    """Return the names of the electrodes that are not marked bad."""
    return [name for name in info["ch_names"] if name not in info["bads"]]


def positions(info: Any) -> np.ndarray:
    """Return the positions of all channels in metres, (channels, 3)."""
    return np.array([channel["loc"][:3] for channel in info["chs"]])


def _montage(name: str) -> Any:
    known = mne().channels.get_builtin_montages()
    renamed = re.sub("^standard_", "colin27_", name)  # by MNE 1.13, the same positions
    for one in (renamed, name):
        if one in known:
            return mne().channels.make_standard_montage(one)
    if Path(name).is_file():
        return mne().channels.read_custom_montage(name)
    raise ValueError(f"montage must be a file or one of {', '.join(sorted(known))}, got {name!r}.")


def _check_positions(info: Any, montage: str | None, name: str) -> None:
    places, names = positions(info), np.array(info["ch_names"])
    lost = ~np.isfinite(places).all(axis=1) | (places == 0).all(axis=1)
    if lost.any():
        where, advice = "in the file", "--montage standard_1020 or another montage"
        if montage is not None:
            where, advice = f"in {montage}", "another --montage"
        raise ValueError(
            f"{name}: {lost.sum()} of {len(lost)} EEG channels have no position {where}: "
            f"{', '.join(names[lost])}. Give {advice}, or leave out channels that are no "
            "electrodes with --drop-channels."
        )
    apart = np.linalg.norm(places[:, None] - places, axis=-1) + np.eye(len(places))
    if len(same := names[(apart < APART).any(axis=1)]):
        raise ValueError(
            f"{name}: EEG channels lie at the same position: {', '.join(same)}. Leave out all but "
            "one with --drop-channels."
        )


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
    """Return the radius in metres that MNE shows: that of the head, or of all electrodes if larger.

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
