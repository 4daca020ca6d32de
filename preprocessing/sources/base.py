"""What every source yields, how a source describes itself, and the registry of sources."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

SPLITS = ("train", "validation", "test")

Notice = Callable[[str], object]
"""Receives one sentence that the person who runs the preparation should see."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One labelled photograph.

    Attributes:
        image: uint8, (height, width) grey or (height, width, 3) RGB.
        label: class name, one of the source's ``classes``.
        subject: who is shown; "" where the dataset does not say.
        split: "train", "validation" or "test"; "" where the dataset has no official split.
        source: where it came from, e.g. ``archive.zip/train/angry/Training_1.jpg``.
    """

    image: np.ndarray
    label: str
    subject: str
    split: str
    source: str


@dataclass(frozen=True)
class Rejected:
    """One raw item that could not become a sample.

    Attributes:
        source: where it lies, as in `Sample`.
        reason: the category it is counted under, the same words for every item of a kind.
        detail: what was found in this item.
    """

    source: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Source:
    """Description of one dataset.

    Attributes:
        name: what the command line calls it.
        classes: class names in canonical order; the position is the integer label.
        read: ``read(path, *, notice, **options)`` yields `Sample` and `Rejected` in a fixed
            order. It raises ValueError or FileNotFoundError only for a path that holds nothing
            it knows, never for a single bad item.
        expected: published number of images, ``expected[split][label]``, or None.
        length: number of items `read` is likely to yield with default options, for progress only.
        options: names of the keyword options `read` takes.
        needs_path: what to give as path, in words; "" for a source that reads nothing.
        synthetic: whether the images are generated rather than photographed.
    """

    name: str
    classes: tuple[str, ...]
    read: Callable[..., Iterator[Sample | Rejected]]
    expected: Mapping[str, Mapping[str, int]] | None = None
    length: int | None = None
    options: frozenset[str] = field(default_factory=frozenset)
    needs_path: str = ""
    synthetic: bool = False


_registry: dict[str, Source] = {}


def register(source: Source) -> Source:
    """Make a source known by its name. Raises ValueError if the name is taken."""
    if source.name in _registry:
        raise ValueError(f"a source named {source.name!r} is already registered")
    _registry[source.name] = source
    return source


def names() -> list[str]:
    """Names of all registered sources, sorted."""
    return sorted(_registry)


def get(name: str) -> Source:
    """The source of that name. Raises ValueError naming the nearest known name."""
    if name in _registry:
        return _registry[name]
    near = difflib.get_close_matches(name.lower(), names(), n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"unknown dataset {name!r}: {hint}known are {', '.join(names())}")
