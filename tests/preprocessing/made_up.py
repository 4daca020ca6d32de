"""Datasets made by hand: of one only the index, of the other all files, written without ours."""

from __future__ import annotations

import atexit
import csv
import hashlib
import json
import shutil
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np

from preprocessing import splits
from preprocessing.dataset import Dataset

CLASSES = ["anger", "joy", "fear"]
HEADER = ["label", "subject", "split", "source", "x", "y", "width", "height", "score", "sequence"]


HASHED = ("index.csv", "dropped.csv", "splits.csv")

_folders = count()


def index(labels, names=None, *, subjects=None, sources=None, sequences=None, path=None):
    """A dataset of which only the index is filled; photographs differ unless `sources` is given.

    It lies in a folder "x" of its own unless `path` is given.
    """
    path = _home() / str(next(_folders)) / "x" if path is None else Path(path)
    path.mkdir(parents=True, exist_ok=True)
    blank = [""] * len(labels)
    columns = [
        ["abcdefghij"[int(label)] for label in labels],
        blank if subjects is None else subjects,
        blank if names is None else names,
        [f"{n}.png" for n in range(len(labels))] if sources is None else sources,
        *[blank] * 5,
        *([] if sequences is None else [sequences]),
    ]
    write_lines(path / "index.csv", HEADER[: len(columns)], zip(*columns, strict=True))
    return Dataset.unfinished(path, "made up", list("abcdefghij"))


@cache
def _home():
    """One folder for all, gone with the process."""
    path = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def random_index(seed, *, nested=False, path=None):
    """Faces of people, some in groups, some unknown, some in sequences: whatever may come.

    `nested`: everybody is known, and alone in every photograph and sequence.
    """
    rng = np.random.default_rng(seed)
    number = int(rng.integers(40, 400))
    people, photographs, sequences = (int(rng.integers(30, 400)) for _ in range(3))

    def some(kind, different, known):
        cells = [f"{kind}{n}" for n in rng.integers(0, different, number)]
        return np.where(rng.random(number) < known, cells, "")

    labels = rng.integers(0, rng.integers(2, 8), number) * (rng.random(number) < rng.random())
    subjects = some("s", people, 1.0 if nested else rng.choice([0.0, 0.3, 0.9]))
    sources = some("p", photographs * (1 if nested else 20), 1.0)
    sequences = some("q", sequences, 0.5 if nested else rng.choice([0.0, 0.05]))
    if nested:
        sources = np.char.add(subjects, sources)
        sequences = np.where(sequences == "", "", np.char.add(subjects, sequences))
    return index(labels, subjects=subjects, sources=sources, sequences=sequences, path=path)


def people(sizes, classes=7, seed=0, path=None):
    """A dataset in which person i has ``sizes[i]`` images of random classes."""
    subjects = np.repeat([f"s{n:03d}" for n in range(len(sizes))], sizes)
    labels = np.random.default_rng(seed).integers(0, classes, len(subjects))
    return index(labels, subjects=subjects, path=path)


def rows():
    """The index of the folder: 12 people, each seen in two sequences of three frames."""
    result = []
    for person in range(12):
        split = "train" if person < 8 else "validation" if person < 10 else "test"
        for frame in range(6):
            clip = f"S{person:02d}/{frame // 3}"
            label = CLASSES[(person + frame // 3) % 3]
            source = f"{clip}/{frame}.png"
            box = ["1.5", "2", "30", "40", "0.75"]
            result.append([label, f"S{person:02d}", split, source, *box, clip])
    return result


def pictures(count=72):
    """Images of which no two are alike and none is flat, uint8 (count, 8, 8, 1)."""
    return np.random.default_rng(5).integers(0, 256, (count, 8, 8, 1), np.uint8)


def write_lines(path, header, lines):
    with open(path, "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *lines])


def write_folder(path, lines=None, images=None, **changes):
    """A sound prepared folder, unless `lines`, `images` or `changes` of its manifest spoil it."""
    lines = rows() if lines is None else lines
    images = pictures(len(lines)) if images is None else images
    path.mkdir(parents=True, exist_ok=True)
    np.save(path / "images.npy", images)
    write_lines(path / "index.csv", HEADER, lines)
    lost = [["bad.png", "unreadable", "no image", ""], ["dull.png", "flat image", "0.00", "joy"]]
    write_lines(path / "dropped.csv", ["source", "reason", "detail", "label"], lost)
    splits.write(Dataset.unfinished(path, "tiny", CLASSES), path)
    manifest = {
        "schema_version": 2,
        "dataset": "tiny",
        "classes": CLASSES,
        "seen": len(lines) + 2,
        "used": len(lines),
        "dropped": {"unreadable": 1, "flat image": 1},
        "fingerprint": fingerprint(images, lines),
        "files": hashes(path),
        "items": len(lines) + 2,
        "image_shape": list(images.shape[1:]),
        "counts": {
            split: {c: sum(line[0] == c and line[2] == split for line in lines) for c in CLASSES}
            for split in dict.fromkeys(line[2] for line in lines)
        },
        "synthetic": False,
        "notices": [],
        "parameters": {
            "source": "raw.zip",
            "faces": {"detector": {"name": "finder"}, "margin": 0.1, "size": 8, "colour": None},
        },
        "versions": {"numpy": "2"},
        **changes,
    }
    (path / "manifest.json").write_text(json.dumps(manifest))
    return path


def hashes(path):
    return {name: hashlib.sha256((path / name).read_bytes()).hexdigest() for name in HASHED}


def record(path):
    """Have the manifest say that the files are as they were prepared."""
    content = json.loads((path / "manifest.json").read_text())
    content["files"] = hashes(path)
    (path / "manifest.json").write_text(json.dumps(content))


def fingerprint(images, lines):
    cells = "".join(json.dumps([*line[:3], line[9]]) + "\n" for line in lines)
    parts = {
        "classes": CLASSES,
        "image_shape": list(images.shape[1:]),
        "images": hashlib.sha256(images.tobytes()).hexdigest(),
        "rows": hashlib.sha256(cells.encode()).hexdigest(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
