"""Small recordings of EEG in several formats, their signals known."""

from __future__ import annotations

from pathlib import Path

import mne
import numpy as np

NAMES = ["Fp1", "Fp2", "F7", "F8", "Cz", "T7", "T8", "O1", "O2"]
RATE = 100.0


def info(names=NAMES, montage="biosemi64", extra=()):
    kinds = ["eeg"] * len(names) + [kind for _, kind in extra]
    made = mne.create_info([*names, *(name for name, _ in extra)], RATE, kinds)
    return made.set_montage(montage) if montage else made


def signal(seconds=12.0, seed=0):
    """Noise of 10 uV in volts, (channels, samples)."""
    rng = np.random.default_rng(seed)
    return 1e-5 * rng.standard_normal((len(NAMES), round(seconds * RATE)))


def raw(seconds=12.0, annotations=(), first=0, seed=0, **more):
    """A continuous recording; annotations are (onset, duration, description)."""
    made = mne.io.RawArray(signal(seconds, seed=seed), info(**more), first, verbose="error")
    if annotations:
        made.set_annotations(mne.Annotations(*map(list, zip(*annotations, strict=True))))
    return made


def save(inst, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    inst.save(path, overwrite=True, verbose="error")
    return path


def write_edf(path: Path, data: np.ndarray, names=NAMES) -> Path:
    """EDF of whole seconds, 16 bit, in steps of 0.01 uV; after the published layout."""
    count, seconds = len(names), round(data.shape[1] / RATE)

    def fields(values, width):
        return "".join(str(value).ljust(width) for value in values)

    head = fields(["0"], 8) + fields(["X", "X"], 80) + fields(["01.01.20", "00.00.00"], 8)
    head += fields([256 * (count + 1)], 8) + " " * 44 + fields([seconds, 1], 8) + fields([count], 4)
    head += fields(names, 16) + fields([""] * count, 80) + fields(["uV"] * count, 8)
    for value in ("-327.68", "327.67", "-32768", "32767"):
        head += fields([value] * count, 8)
    head += fields([""] * count, 80) + fields([round(RATE)] * count, 8) + fields([""] * count, 32)
    steps = np.rint(1e8 * data).astype("<i2").reshape(count, seconds, -1)
    path.write_bytes(head.encode("ascii") + steps.transpose(1, 0, 2).tobytes())
    return path


def write_brainvision(path: Path, data: np.ndarray, markers, names=NAMES) -> Path:
    """A .vhdr with its .vmrk and .eeg; markers are (description, sample)."""
    stem = path.stem
    channels = "\n".join(f"Ch{n}={name},,1,uV" for n, name in enumerate(names, 1))
    path.write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\n"
        f"DataFile={stem}.eeg\nMarkerFile={stem}.vmrk\nDataFormat=BINARY\n"
        f"DataOrientation=MULTIPLEXED\nNumberOfChannels={len(names)}\n"
        f"SamplingInterval={1e6 / RATE:g}\n[Binary Infos]\nBinaryFormat=IEEE_FLOAT_32\n"
        f"[Channel Infos]\n{channels}\n",
        encoding="utf-8",
    )
    lines = "\n".join(
        f"Mk{n}=Stimulus,{text},{sample + 1},1,0" for n, (text, sample) in enumerate(markers, 1)
    )
    path.with_suffix(".vmrk").write_text(
        "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\n"
        f"DataFile={stem}.eeg\n[Marker Infos]\n{lines}\n",
        encoding="utf-8",
    )
    (1e6 * data).T.astype("<f4").tofile(path.with_suffix(".eeg"))
    return path
