"""What a source yields, how it describes itself, and the registry of sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from attention_fer.common.checks import one_of
from attention_fer.common.registry import Registry
from preprocessing.raw_files.errors import Rejected

SPLITS = ("train", "validation", "test")

Kind = Literal["photographs", "faces", "maps"]
"""Photographs to find faces in; faces of one size, used as they are; or maps of other signals, used
as they are, in a size that is an option of the source."""

Notice = Callable[[str], object]
"""Receives one sentence for the user who runs the preparation."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One labelled image, not yet decoded.

    Attributes:
        load: decodes it to uint8, (height, width) grey or (height, width, 3) RGB. Raises
            `UnreadableError`; may be called from any thread.
        label: class name, one of the classes of its `Raw`.
        subject: the person shown; "" if the dataset does not say.
        split: "train", "validation" or "test"; "" if the dataset has no official split.
        source: where it came from, e.g. `archive.zip/train/angry/Training_1.jpg`; unique in a
            dataset.
        more: values of the additional columns that its `Raw` names.
    """

    load: Callable[[], np.ndarray]
    label: str
    subject: str
    split: str
    source: str
    more: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Raw:
    """The raw dataset that a source found at a path.

    Attributes:
        classes: class names in canonical order; the position is the integer label.
        items: samples and rejected items, in an order that depends on the raw files alone.
        expected: published number of images, `expected[split][label]`, or None.
        length: number of items if known, for the progress display only.
        columns: names of additional columns of the index, whose values are in `Sample.more`.
        distribution: which of the dataset's distributions it is; "" if there is only one.
        identity: hash of the names, sizes and modification times of the raw files. An interrupted
            preparation resumes only with the same files.
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
    """Description of a dataset that can be prepared.

    Attributes:
        name: its name on the command line.
        open: `open(path, *, notice, **options)` returns the `Raw` at a path. It raises ValueError
            or FileNotFoundError for a path without the dataset and for options out of range, but
            never for a single bad item.
        options: names of the keyword options of `open`.
        needs_path: description of the path it needs; "" if it reads no files.
        names_dataset: whether it reads one particular dataset, named like the source.
        kind: what its images are, see `Kind`.
        synthetic: whether the images are generated rather than recorded.
    """

    name: str
    open: Callable[..., Raw]
    options: frozenset[str] = field(default_factory=frozenset)
    needs_path: str = ""
    names_dataset: bool = True
    kind: Kind = "photographs"
    synthetic: bool = False


SOURCES: Registry[Source] = Registry("dataset")
get = SOURCES.get


def register(source: Source) -> Source:
    """Registers a source under its name.

    Raises:
        ValueError: the name is taken, or the kind is unknown.
    """
    one_of("kind of images", source.kind, get_args(Kind))
    return SOURCES.add(source.name, source)


def names() -> list[str]:
    """Returns the names of all registered sources, sorted."""
    return sorted(SOURCES)
