"""Find flat images and byte-identical copies, and drop them on request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from .sources import Rejected, Sample

FLAT_BELOW = 1.0  # standard deviation in grey levels
MOST_EXAMPLES = 20
FLAT, COPY = "flat image", "duplicate of an earlier image"


def is_flat(image: np.ndarray) -> bool:
    """Whether a uint8 image has a standard deviation under one grey level."""
    return bool(image.std() < FLAT_BELOW)


def digest(image: np.ndarray) -> bytes:
    """16 bytes that two images share only if their pixels do."""
    return hashlib.blake2b(image.tobytes(), digest_size=16).digest()


def drop(
    items: Iterable[Sample | Rejected], *, flat: bool = False, duplicates: bool = False
) -> Iterator[Sample | Rejected]:
    """Pass items on, turning flat samples or all later copies of a sample into `Rejected`.

    Of a group of copies the first stays, with its own label and split.
    """
    first: dict[bytes, str] = {}
    for item in items:
        if isinstance(item, Sample):
            original = first.setdefault(digest(item.image), item.source) if duplicates else ""
            if flat and is_flat(item.image):
                item = Rejected(item.source, FLAT, f"standard deviation {item.image.std():.2f}")
            elif duplicates and original != item.source:
                item = Rejected(item.source, COPY, original)
        yield item


def inspect(
    images: np.ndarray, labels: Sequence[str], splits: Sequence[str], sources: Sequence[str]
) -> dict[str, Any]:
    """Report flat images and groups of byte-identical images.

    Args:
        images: uint8 (n, height, width, channels), may be memory-mapped.
        labels, splits, sources: n values each.

    Returns:
        What goes into the manifest: numbers, each with up to 20 examples by source.
        ``surplus`` is how many images would go if one of each group stayed.
    """
    flat = []
    groups: dict[bytes, list[int]] = {}
    for row, image in enumerate(images):
        groups.setdefault(digest(image), []).append(row)
        if is_flat(image):
            flat.append(str(sources[row]))
    copies = [rows for rows in groups.values() if len(rows) > 1]
    mixed = [rows for rows in copies if len({labels[row] for row in rows}) > 1]
    names = [f"{source} ({label})" for source, label in zip(sources, labels, strict=True)]
    return {
        "flat": {"images": len(flat), "examples": flat[:MOST_EXAMPLES]},
        "duplicates": {
            **_report(copies, names),
            "surplus": sum(len(rows) - 1 for rows in copies),
        },
        "conflicting_labels": _report(mixed, names),
        "spanning_splits": _spanning(copies, splits, names),
    }


def _spanning(copies: list[list[int]], splits: Sequence[str], names: list[str]) -> dict[str, Any]:
    """Groups that lie on both sides of a border between splits, one entry per border."""
    present = sorted({str(split) for split in splits} - {""}, key="train validation test".find)
    borders = {f"{a}+{b}": ({a}, {b}) for a, b in combinations(present, 2)}
    if "train" in present and len(present) == 3:
        borders["train+validation or test"] = ({"train"}, {"validation", "test"})
    found = {}
    for border, (left, right) in borders.items():
        sides = [(rows, {str(splits[row]) for row in rows}) for rows in copies]
        found[border] = _report([rows for rows, s in sides if s & left and s & right], names)
    return found


def _report(groups: list[list[int]], names: list[str]) -> dict[str, Any]:
    examples = [[names[row] for row in rows[:MOST_EXAMPLES]] for rows in groups[:MOST_EXAMPLES]]
    return {"groups": len(groups), "examples": examples}
