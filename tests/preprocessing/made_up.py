"""Datasets made by hand: of one only the index, of the other all files, written without ours."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np

from preprocessing import splits
from preprocessing.dataset import Dataset
from preprocessing.fingerprint import Fingerprint

CLASSES = ["anger", "joy", "fear"]
HEADER = ["label", "subject", "split", "source", "x", "y", "width", "height", "score", "sequence"]


def index(labels, names=None, *, subjects=None, sources=None, sequences=None, path="x"):
    """A dataset of which only the index is filled; photographs differ unless `sources` is given."""
    count = len(labels)
    blank = np.full(count, "")
    more = {"source": np.array([f"{n}.png" for n in range(count)] if sources is None else sources)}
    if sequences is not None:
        more["sequence"] = np.array(sequences)
    return Dataset(
        Path(path),
        np.empty((count, 0, 0, 1), np.uint8),
        np.array(labels, dtype=np.int64),
        blank if names is None else np.array(names),
        blank if subjects is None else np.array(subjects),
        {"dataset": "made up", "classes": list("abcdefgh")},
        more,
    )


def random_index(seed, *, nested=False):
    """Faces of people, some in groups, some unknown, some in sequences: whatever may come.

    `nested`: everybody is known, and alone in every photograph and sequence.
    """
    rng = np.random.default_rng(seed)
    count = int(rng.integers(40, 400))
    people, photographs, sequences = (int(rng.integers(30, 400)) for _ in range(3))

    def some(kind, number, known):
        cells = [f"{kind}{n}" for n in rng.integers(0, number, count)]
        return np.where(rng.random(count) < known, cells, "")

    labels = rng.integers(0, rng.integers(2, 8), count) * (rng.random(count) < rng.random())
    subjects = some("s", people, 1.0 if nested else rng.choice([0.0, 0.3, 0.9]))
    sources = some("p", photographs * (1 if nested else 20), 1.0)
    sequences = some("q", sequences, 0.5 if nested else rng.choice([0.0, 0.05]))
    if nested:
        sources = np.char.add(subjects, sources)
        sequences = np.where(sequences == "", "", np.char.add(subjects, sequences))
    return index(labels, subjects=subjects, sources=sources, sequences=sequences)


def people(sizes, classes=7, seed=0):
    """A dataset in which person i has ``sizes[i]`` images of random classes."""
    subjects = np.repeat([f"s{n:03d}" for n in range(len(sizes))], sizes)
    labels = np.random.default_rng(seed).integers(0, classes, len(subjects))
    return index(labels, subjects=subjects)


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
    manifest = {
        "schema_version": 2,
        "dataset": "tiny",
        "classes": CLASSES,
        "seen": len(lines) + 2,
        "used": len(lines),
        "dropped": {"unreadable": 1, "flat image": 1},
        "fingerprint": fingerprint(images, lines),
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
    column = {name: np.array([line[HEADER.index(name)] for line in lines]) for name in HEADER}
    labels = np.array([CLASSES.index(name) for name in column["label"]])
    more = {"source": column["source"], "sequence": column["sequence"]}
    dataset = Dataset(path, images, labels, column["split"], column["subject"], manifest, more)
    splits.write(dataset, path)
    return path


def fingerprint(images, lines):
    found = Fingerprint(CLASSES)
    for image, line in zip(images, lines, strict=True):
        found.add(image, *line[:3], line[9])
    return found.hexdigest()
