"""The electrodes of a recording: which channels they are and where they lie."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.sources.eeg.mne_import import mne

LEAST = 4
"""Electrodes that a map needs."""

APART = 1e-4  # metres; MNE's triangulation fails on points that coincide


def electrodes(info: Any, montage: str | None, without: Collection[str], name: str) -> Any:
    """The part of a recording's ``mne.Info`` that is drawn: EEG channels with their positions.

    Args:
        info: of all channels. It is not changed.
        montage: a montage of MNE, or a file of positions; None for those of the recording.
        without: names of channels to leave out, whatever they are.
        name: of the recording, for messages.

    Returns:
        Info of the EEG channels in the recording's order; the bad ones are still marked.

    Raises:
        ValueError: unknown montage, channels without position or at one place, or too few.
    """
    picks = mne().pick_types(info, meg=False, eeg=True, exclude=[])
    kept = [place for place in picks if info["ch_names"][place] not in without]
    if len(kept) < LEAST:
        shown = ", ".join(info["ch_names"][:8])
        raise ValueError(
            f"{name} has {len(kept)} EEG channels of {len(info['ch_names'])} ({shown}), a map "
            f"needs {LEAST}: set the channels' types in MNE"
        )
    chosen = mne().pick_info(info, kept)
    if montage is not None:
        chosen.set_montage(_montage(montage), match_case=False, on_missing="ignore")
    _check(chosen, montage, name)
    if len(good(chosen)) < LEAST:
        raise ValueError(
            f"{name} has {len(good(chosen))} EEG channels that are not marked bad, a map needs "
            f"{LEAST}; bad are {', '.join(chosen['bads'])}"
        )
    return chosen


def good(info: Any) -> list[str]:
    """Names of the electrodes that are not marked bad."""
    return [name for name in info["ch_names"] if name not in info["bads"]]


def _montage(name: str) -> Any:
    known = mne().channels.get_builtin_montages()
    renamed = re.sub("^standard_", "colin27_", name)  # by MNE 1.13, the same positions
    for one in (renamed, name):
        if one in known:
            return mne().channels.make_standard_montage(one)
    if Path(name).is_file():
        return mne().channels.read_custom_montage(name)
    raise ValueError(f"no montage {name!r}: expected a file, or one of {', '.join(sorted(known))}")


def _check(info: Any, montage: str | None, name: str) -> None:
    places = np.array([channel["loc"][:3] for channel in info["chs"]])
    lost = ~np.isfinite(places).all(axis=1) | (places == 0).all(axis=1)
    if lost.any():
        where = f"in {montage}" if montage else "in the file"
        advice = "another --montage" if montage else "--montage standard_1020 or another"
        raise ValueError(
            f"{name}: {lost.sum()} of {len(lost)} EEG channels have no position {where}: "
            f"{_listed(info, lost)}. Give {advice}, or leave out what is no electrode with "
            "--drop-channels"
        )
    apart = np.linalg.norm(places[:, None] - places, axis=-1) + np.eye(len(places))
    if (apart < APART).any():
        raise ValueError(
            f"{name}: EEG channels lie at the same position: "
            f"{_listed(info, (apart < APART).any(axis=1))}. Leave out all but one with "
            "--drop-channels"
        )


def _listed(info: Any, chosen: Sequence[bool] | np.ndarray) -> str:
    return ", ".join(np.array(info["ch_names"])[np.asarray(chosen)])
