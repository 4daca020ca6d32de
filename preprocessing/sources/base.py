"""Defines what a source yields and how it describes itself; the registry; subjects."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

import numpy as np

from attention_fer.common.checks import one_of
from attention_fer.common.registry import Registry
from preprocessing.raw_files.files import Rejected, as_text

SPLITS = ("train", "validation", "test")

Kind = Literal["photographs", "faces", "maps"]
"""Photographs to find faces in; faces of one size, used as they are; or maps of other signals, used
as they are, in a size that is an option of the source."""

Notice = Callable[[str], object]
"""Receives one sentence for the user who runs the preparation."""


class Doubt(str):
    """A sentence for a `Notice` on what could be a mistake: `--check` repeats it."""


T = TypeVar("T")


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


Opener = Callable[..., Raw]


@dataclass(frozen=True)
class Source:
    """Description of a dataset that can be prepared.

    Attributes:
        name: its name on the command line.
        open: `open(path, *, notice, **options)` returns the `Raw` at a path. It raises ValueError
            or FileNotFoundError for a path without the dataset and for options out of range, but
            never for a single bad item.
        needs_path: description of the path it needs; "" if it reads no files.
        names_dataset: whether it reads one particular dataset, named like the source.
        kind: what its images are, see `Kind`.
        synthetic: whether the images are generated rather than recorded.
    """

    name: str
    open: Opener
    needs_path: str = ""
    names_dataset: bool = True
    kind: Kind = "photographs"
    synthetic: bool = False

    @property
    def options(self) -> frozenset[str]:
        """Names of the options of `open`: its keyword arguments but `notice`."""
        parameters = inspect.signature(self.open).parameters.values()
        keywords = {one.name for one in parameters if one.kind == one.KEYWORD_ONLY}
        return frozenset(keywords - {"notice"})


SOURCES: Registry[Source] = Registry("dataset")
get = SOURCES.get


def register(name: str, **about: Any) -> Callable[[Opener], Opener]:
    """Decorator that registers a function as the `open` of a `Source`; see there for `about`.

    Raises:
        ValueError: the name is taken, or the kind is unknown.
    """

    def decorate(open: Opener) -> Opener:
        source = Source(name, open, **about)
        one_of("kind of images", source.kind, get_args(Kind))
        SOURCES.add(name, source)
        return open

    return decorate


def names() -> list[str]:
    """Returns the names of all registered sources, sorted."""
    return sorted(SOURCES)


def first_of(what: str, found: Sequence[T], title: Callable[[T], str], notice: Notice) -> T:
    """Returns the first of several candidates, and reports those that are ignored."""
    first, *others = found
    if others:
        also = ", ".join(map(title, others))
        notice(f"Several {what} found: reading {title(first)}, ignoring {also}.")
    return first


class Subjects:
    """Finds subjects in paths.

    Args:
        pattern: regular expression; None if subjects are unknown.
        paths: all paths it will be used with, to detect at once that it matches none.

    Raises:
        ValueError: not a regular expression, or no subject in any of `paths`.
    """

    def __init__(self, pattern: str | None, paths: Sequence[str]):
        self.pattern = pattern
        try:
            self._compiled = None if pattern is None else re.compile(pattern)
        except (re.error, OverflowError) as error:
            raise ValueError(
                f"subject_pattern must be a regular expression that finds the subject in paths "
                f"like {_example(paths)}, got {pattern!r}: {error}."
            ) from error
        if paths and all(self.of(path) is None for path in paths):
            raise ValueError(
                f"subject_pattern must match paths like {_example(paths)}, got {pattern!r}, which "
                f"finds a subject in none of {len(paths):,} paths."
            )

    def of(self, path: str) -> str | None:
        """Returns the subject; "" if subjects are unknown, None if the pattern finds none."""
        if self._compiled is None:
            return ""
        match = self._compiled.search(path)
        if match is None:
            return None
        group: str | int = 0
        if self._compiled.groups:
            group = "subject" if "subject" in self._compiled.groupindex else 1
        return as_text(match[group] or "") or None


def _example(paths: Sequence[str]) -> str:
    return repr(as_text(paths[0])) if paths else "'happy/S005_1.jpg'"
