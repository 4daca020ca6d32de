"""What every source yields, how a source describes itself, and the registry of sources."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from preprocessing.raw_files.errors import Rejected

SPLITS = ("train", "validation", "test")


Notice = Callable[[str], object]
"""Receives one sentence that the person who runs the preparation should see."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One labelled photograph, not yet decoded.

    Attributes:
        load: decodes it to uint8, (height, width) grey or (height, width, 3) RGB. Raises
            `UnreadableError`; may be called from any thread.
        label: class name, one of the classes of its `Raw`.
        subject: who is shown; "" where the dataset does not say.
        split: "train", "validation" or "test"; "" where the dataset has no official split.
        source: where it came from, e.g. ``archive.zip/train/angry/Training_1.jpg``; no two samples
            of a dataset share it.
        more: values of the further columns that its `Raw` names.
    """

    load: Callable[[], np.ndarray]
    label: str
    subject: str
    split: str
    source: str
    more: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Raw:
    """What a source found at a path.

    Attributes:
        classes: class names in canonical order; the position is the integer label.
        items: the samples and what was rejected, in an order that depends on the raw files alone.
        expected: published number of images, ``expected[split][label]``, or None.
        length: number of items to come as far as known, for progress only.
        columns: names of further columns of the index, each filled by ``Sample.more``.
        distribution: which of the dataset's distributions this is, in words; "" if it has one.
        identity: changes whenever a raw file does: a hash over names, sizes and times of
            modification. An interrupted preparation does not go on with other files.
    """

    classes: tuple[str, ...]
    items: Iterator[Sample | Rejected]
    expected: Mapping[str, Mapping[str, int]] | None = None
    length: int | None = None
    columns: tuple[str, ...] = ()
    distribution: str = ""
    identity: str = ""


@dataclass(frozen=True)
class Source:
    """Description of one dataset.

    Attributes:
        name: what the command line calls it.
        open: ``open(path, *, notice, **options)`` looks at the path and gives a `Raw`. It raises
            ValueError or FileNotFoundError for a path that holds nothing it knows, or an option out
            of range, never for a single bad item.
        options: names of the keyword options `open` takes.
        needs_path: what to give as path, in words; "" for a source that reads nothing.
        names_dataset: whether what it reads is one dataset, of its name; else any.
        faces: whether the images are faces of one size already, to be taken as they are.
        maps: whether they are no photographs at all: nothing is looked for or cut out of them, and
            their size is an option of `open`.
        synthetic: whether the images are generated rather than photographed.
    """

    name: str
    open: Callable[..., Raw]
    options: frozenset[str] = field(default_factory=frozenset)
    needs_path: str = ""
    names_dataset: bool = True
    faces: bool = False
    maps: bool = False
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
