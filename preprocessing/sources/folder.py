"""Your own photographs in a folder per class, with or without a folder per split.

`ROOT/<class>/**/photo.jpg` or `ROOT/{train,validation,test}/<class>/**/photo.jpg`. This also reads
CK+48, the cropped frames of CK+ in circulation: its files are named S010_004_00000017.png, so that
the subject pattern `S\\d+` identifies its subjects.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath

from preprocessing.raw_files.containers import container, listing
from preprocessing.raw_files.files import Files, Rejected, as_text
from preprocessing.raw_files.images import is_photograph, load_photograph
from preprocessing.sources.base import (
    SPLITS,
    Notice,
    Raw,
    Sample,
    Subjects,
    is_expression,
    ordered,
    register,
)

_SPLITS = {
    "train": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
FOLDERS = {folder: split for split, folders in _SPLITS.items() for folder in folders}
"""Folder name in lower case -> official split."""

EXPECTED = (
    "a directory or .zip with a folder per class, as in ROOT/happy/1.jpg, or per split and class, "
    "as in ROOT/train/happy/1.jpg and ROOT/test/happy/2.jpg"
)


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
        split = FOLDERS.get(parts[0].lower(), "") if parts else ""
        return split, as_text(parts[1]) if split and len(parts) > 1 else ""

    def inside(self, name: str) -> str:
        """Returns the path below the root."""
        return name.removeprefix(self.root)


@register("folder", needs_path=EXPECTED, names_dataset=False)
def open_folder(
    path: str | Path, *, subject_pattern: str | None = None, notice: Notice = warnings.warn
) -> Raw:
    """Finds the classes in a tree of folders.

    A single folder around all others, which many archives have, is skipped. Classes keep the names
    of their folders. If all are expressions, they are in canonical order, else sorted.

    Args:
        path: the directory or .zip.
        subject_pattern: regular expression searched in each image's path below the root, with
            forward slashes. The subject is its group named `subject`, else its first group, else
            the whole match. None if subjects are unknown.
        notice: receives one sentence if there are fewer than two classes, or classes that differ
            only in case, or folders that look like another layout.

    Returns:
        Samples by split, class and path. Files that are not photographs or not in a class folder
        are rejected.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: no photograph in a class folder, a damaged .zip, or a pattern that is not a
            regular expression or matches no photograph.
    """
    files = container(path, EXPECTED)
    names = files.names()
    images = [name for name in names if is_photograph(name)]
    layout = _layout_of(images)
    placed = {name: layout.locate(name) for name in images}
    classes = ordered({label for _, label in placed.values() if label})
    if not classes:
        raise ValueError(
            f"No photograph in a class folder at {path}: expected {EXPECTED}; "
            f"found {listing([files])}."
        )
    subjects = Subjects(subject_pattern, [layout.inside(n) for n in images if placed[n][1]])
    _check_classes(classes, notice)
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
        if any(len(parts) > 2 and parts[0].lower() in FOLDERS for parts in nested):
            return _Layout(root, True)
        tops = {parts[0] for parts in nested}
        if len(tops) != 1 or is_expression(min(tops)) or max(map(len, nested)) < 3:
            return _Layout(root, False)
        root += min(tops) + "/"


def _check_classes(classes: tuple[str, ...], notice: Notice) -> None:
    """Reports a single class, and classes that differ only in case."""
    if len(classes) < 2:
        notice(f"Only one class, {classes[0]}: nothing can be learned from it.")
    by_case: dict[str, list[str]] = {}
    for label in classes:
        by_case.setdefault(label.lower(), []).append(label)
    for same in by_case.values():
        if same[1:]:
            shown = ", ".join(same)
            notice(f"Classes that differ only in case: {shown}. Rename them to merge them.")


def _check_layout(
    layout: _Layout, images: list[str], classes: tuple[str, ...], notice: Notice
) -> None:
    """Reports folders below the classes that look more like classes, or like splits."""
    depth = 2 if layout.has_splits else 1
    below = {parts[depth] for n in images if len(parts := layout.inside(n).split("/")) > depth + 1}
    shown = f"The folders {', '.join(sorted(map(as_text, below))[:5])} below the classes"
    if below and all(map(is_expression, below)) and not all(map(is_expression, classes)):
        notice(
            f"{shown} look like expressions, the classes {', '.join(classes[:5])} do not: "
            "is the layout ROOT/<class>/..., and is there no unrelated folder beside the classes?"
        )
    elif below and all(name.lower() in FOLDERS for name in below):
        notice(f"{shown} look like splits and are merged: use ROOT/train/<class>/... to keep them.")


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
