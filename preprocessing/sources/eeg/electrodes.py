"""The electrodes of a recording: which channels they are and where they lie."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.sources.eeg.mne_import import mne

LEAST = 4
"""Electrodes that a map needs."""

APART = 1e-4  # metres; MNE's triangulation fails on points that coincide


def select(info: Any, montage: str | None, without: Collection[str], name: str) -> Any:
    """Return the `mne.Info` of the EEG channels, with their positions.

    Args:
        info: of all channels. It is not changed.
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
