"""Your own photographs in a folder per class, with or without a folder per split.

`ROOT/<class>/**/photo.jpg` or `ROOT/{train,validation,test}/<class>/**/photo.jpg`; or any folder of
photographs with a table of their labels, see `labels`.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath

from attention_fer.common.class_names import (
    identity,
    is_expression,
    mentions_part,
    merged,
    ordered,
    part_of,
    what_was_merged,
)
from preprocessing.raw_files.containers import container, listing
from preprocessing.raw_files.files import Files, Rejected, as_text
from preprocessing.raw_files.images import is_photograph, load_photograph
from preprocessing.sources.base import SPLITS, Doubt, Notice, Raw, Sample, Subjects, register
from preprocessing.sources.labels import open_labelled

EXPECTED = (
    "a directory or archive with a folder per class, as in ROOT/happy/1.jpg, or per split and "
    "class, as in ROOT/train/happy/1.jpg and ROOT/test/happy/2.jpg; or --labels FILE with it"
)

_OTHERS = {
    "RAF-DB": ("list_patition_label.txt", "list_partition_label.txt"),
    "AffectNet": ("_exp.npy",),
}
"""Ends of file names that show that a tree is another dataset, which has its labels in files."""


@dataclass(frozen=True)
class _Layout:
    """Where the class folders are.

    Attributes:
        root: path of the folder that contains the classes or splits, with a slash at its end.
        has_splits: whether there is a folder per split above the classes.
    """

    root: str
    has_splits: bool

    def locate(self, name: str) -> tuple[str, str]:
        """Returns split and class of an image file; the class is "" if it is in no class folder."""
        parts = self.inside(name).split("/")[:-1] if name.startswith(self.root) else []
        if not self.has_splits:
            return "", as_text(parts[0]) if parts else ""
        split = part_of(parts[0]) if parts else ""
        return split, as_text(parts[1]) if split and len(parts) > 1 else ""

    def inside(self, name: str) -> str:
        """Returns the path below the root."""
        return name.removeprefix(self.root)


@register("folder", needs_path=EXPECTED, names_dataset=False)
def open_folder(
    path: str | Path,
    *,
    subject_pattern: str | None = None,
    labels: str | Path | None = None,
    columns: Sequence[str] = (),
    notice: Notice = warnings.warn,
) -> Raw:
    """Finds the classes in a tree of folders.

    A single folder around all others, which many archives have, is skipped. Classes keep the names
    of their folders, but several spellings of a class are one, see `class_names.merged`. If all are
    expressions, they are in canonical order, else sorted.

    Args:
        path: the directory or .zip.
        subject_pattern: regular expression searched in each image's path below the root, with
            forward slashes. The subject is its group named `subject`, else its first group, else
            the whole match. None if subjects are unknown.
        labels: a table of labels, see `labels.open_labelled`; None for the names of the folders.
        columns: what is in which column of that table.
        notice: receives one sentence if there are fewer than two classes, or names that are one
            class or one part, or folders that look like another layout.

    Returns:
        Samples by split, class and path. Files that are not photographs or not in a class folder
        are rejected.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no photograph in a class folder, a damaged .zip, or a pattern that is not a
            regular expression or matches no photograph.
    """
    if labels is not None:
        return open_labelled(path, labels, columns, subject_pattern, notice)
    if columns:
        raise ValueError("--columns describes a table of labels; give --labels FILE too.")
    files = container(path, EXPECTED)
    names = files.names()
    _check_dataset(files, names)
    images = [name for name in names if is_photograph(name)]
    layout = _layout_of(images)
    placed = {name: layout.locate(name) for name in images}
    called = merged({label for _, label in placed.values() if label})
    placed = {name: (split, called.get(label, "")) for name, (split, label) in placed.items()}
    classes = ordered(set(called.values()))
    if not classes:
        raise ValueError(
            f"No photograph in a class folder at {path}: expected {EXPECTED}; "
            f"found {listing([files])}."
        )
    subjects = Subjects(subject_pattern, [layout.inside(n) for n in images if placed[n][1]])
    other_parts = _other_parts(layout, images, classes)
    for text in [*what_was_merged(called), *_merged_parts(layout, images), *other_parts]:
        notice(text)
    check_classes(classes, notice)
    _check_layout(layout, [name for name in images if placed[name][1]], classes, notice)

    def order(name: str) -> tuple[int, int, str]:
        split, label = placed.get(name, ("", ""))
        if not label:
            return len(SPLITS), 0, name
        return SPLITS.index(split) if split else 0, classes.index(label), name

    items = (
        _item(files, layout, name, placed.get(name), subjects) for name in sorted(names, key=order)
    )
    problems = files.problems()
    words = "split and class folders" if layout.has_splits else "class folders"
    where = f"{words} in {files.source(layout.root).rstrip('/') or '.'}"
    length = len(names) + len(problems)
    return Raw(classes, chain(items, problems), None, length, (), where, files.identity())


def _layout_of(images: list[str]) -> _Layout:
    """Infers the layout of these paths, below the folders that enclose all of them."""
    root = ""
    while True:
        paths = (name[len(root) :].split("/") for name in images if name.startswith(root))
        nested = [parts for parts in paths if len(parts) > 1]
        if any(len(parts) > 2 and part_of(parts[0]) for parts in nested):
            return _Layout(root, True)
        tops = {parts[0] for parts in nested}
        if len(tops) != 1 or is_expression(min(tops)) or max(map(len, nested)) < 3:
            return _Layout(root, False)
        root += min(tops) + "/"


def _check_dataset(files: Files, names: list[str]) -> None:
    """Raises ValueError for a dataset whose folders say nothing of its classes."""
    for title, ends in _OTHERS.items():
        for name in names:
            if name.lower().endswith(ends):
                raise ValueError(
                    f"{files.source(name)} belongs to {title}, whose folders are not classes. "
                    f"Use --dataset {title.replace('-', '').lower()}."
                )


def _merged_parts(layout: _Layout, images: list[str]) -> list[str]:
    """Says which folders are one part."""
    if not layout.has_splits:
        return []
    folders: dict[str, set[str]] = {}
    for name in images:
        top = layout.inside(name).split("/")[0] if name.startswith(layout.root) else ""
        folders.setdefault(part_of(top), set()).add(as_text(top))
    return [
        f"{' and '.join(map(repr, sorted(same)))} are one part, {part}."
        for part, same in folders.items()
        if part and len(same) > 1
    ]


def _other_parts(layout: _Layout, images: list[str], classes: Sequence[str]) -> list[Doubt]:
    """Reports folders next to the parts that hold the same classes and are left out."""
    known = set(map(identity, classes))
    left: dict[str, int] = {}
    for name in images if layout.has_splits else ():
        top, *below = layout.inside(name).split("/") if name.startswith(layout.root) else [""]
        if len(below) > 1 and not part_of(top) and identity(below[0]) in known:
            left[as_text(top)] = left.get(as_text(top), 0) + 1
    return [
        Doubt(
            f"The folder {top} next to the parts is left out (images: {n:,}), although folders in "
            "it are named like the classes: if it is a part, name it train, validation or test."
        )
        for top, n in sorted(left.items())
    ]


_NUMBERED = re.compile(r"[a-z]{0,3}[_-]?\d{2,}", re.IGNORECASE)
"""Names such as S01, AF35 and 007, as datasets give to people."""


def check_classes(classes: Sequence[str], notice: Notice) -> None:
    """Reports a single class, and classes named like parts of a dataset, people or numbers."""
    if len(classes) < 2:
        notice(
            Doubt(
                f"Only one class, {classes[0]}: nothing can be learned from it. If the labels are "
                "in a file, give it with --labels."
            )
        )
    elif parts := _parts_among(classes):
        notice(
            Doubt(
                f"Classes are named like parts of a dataset: {', '.join(parts)}. Use "
                "ROOT/train/<class>/..., or give the labels with --labels."
            )
        )
    elif all(map(str.isdecimal, classes)):
        notice(
            Doubt(
                f"Classes are numbers: {', '.join(classes[:8])}. Give the folders the names of the "
                "classes; for a copy of RAF-DB or FER2013, use --dataset rafdb or fer2013."
            )
        )
    elif all(map(_NUMBERED.fullmatch, classes)):
        notice(
            Doubt(
                f"Classes are named like people: {', '.join(classes[:5])}. Use ROOT/<class>/..., "
                "or give the labels with --labels."
            )
        )


def _parts_among(classes: Sequence[str]) -> Sequence[str]:
    """Returns the classes named like parts; all if there is a part in the name of each."""
    exact = [label for label in classes if part_of(label)]
    return exact or (classes if all(map(mentions_part, classes)) else ())


def _check_layout(
    layout: _Layout, images: list[str], classes: tuple[str, ...], notice: Notice
) -> None:
    """Reports folders below the classes that look more like classes, or like splits."""
    first = 2 if layout.has_splits else 1
    below: dict[int, set[str]] = {}
    for name in images:
        for depth, folder in enumerate(layout.inside(name).split("/")[:-1]):
            below.setdefault(depth, set()).add(folder)
    expressions = all(map(is_expression, classes))
    for depth in range(first, max(below, default=0) + 1):
        shown = f"The folders {', '.join(sorted(map(as_text, below[depth]))[:5])} below the classes"
        if not expressions and all(map(is_expression, below[depth])):
            notice(
                Doubt(
                    f"{shown} look like expressions, the classes {', '.join(classes[:5])} do not: "
                    "is the layout ROOT/<class>/..., and is there no unrelated folder next to the "
                    "classes?"
                )
            )
            return
        if all(map(part_of, below[depth])):
            notice(
                Doubt(
                    f"{shown} look like splits and are merged: use ROOT/train/<class>/... to keep "
                    "them."
                )
            )
            return


def _item(
    files: Files, layout: _Layout, name: str, place: tuple[str, str] | None, subjects: Subjects
) -> Sample | Rejected:
    source = files.source(name)
    if place is None:
        return Rejected(source, "not an image file", as_text(PurePosixPath(name).suffix))
    split, label = place
    if not label:
        return Rejected(source, *_misplaced(layout, name, split))
    subject = subjects.of(layout.inside(name))
    if subject is None:
        detail = f"expected {subjects.pattern} in {as_text(layout.inside(name))}"
        return Rejected(source, "subject pattern does not match", detail, label)
    return Sample(partial(load_photograph, files, name), label, subject, split, source)


def _misplaced(layout: _Layout, name: str, split: str) -> tuple[str, str]:
    """Returns why an image has no class: reason and detail."""
    top, below, _ = layout.inside(name).partition("/")
    if layout.has_splits and not split and below:
        return "not in a train, validation or test folder", as_text(top)
    return "not in a class folder", ""
