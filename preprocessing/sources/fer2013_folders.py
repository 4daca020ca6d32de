"""FER2013 as image files in folders: named or numbered classes, with any parts above them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import PurePosixPath

import numpy as np

from attention_fer.common.class_names import identity, part_of, split_number
from preprocessing.raw_files.files import Files, Rejected, read_bytes
from preprocessing.raw_files.images import decode_grey, is_photograph
from preprocessing.sources.base import SPLITS, Doubt, Notice, Sample
from preprocessing.sources.fer2013_columns import CLASSES, SIDE, USAGES
from preprocessing.sources.fer2013_csv import PARTS, Distribution, parts_of

NUMBERS = tuple(map(str, range(len(CLASSES))))
COUNTS = dict(zip(CLASSES, (4953, 547, 5121, 8989, 6077, 4002, 6198), strict=True))
"""Number of images of each class in all three parts."""

_WHERE = "not in <part>/<emotion>"


@dataclass(frozen=True, eq=False)
class _Tree:
    """The folders below a root.

    Attributes:
        files: where it is.
        root: path of the folder that holds the parts, or the classes if there are no parts.
        depth: number of folders from there to the images: 2 with parts, 1 without.
        classes: the class of each name of a folder in lower case.
        named: whether some file names tell PublicTest_ from PrivateTest_.
    """

    files: Files
    root: str
    depth: int
    classes: Mapping[str, str]
    named: bool


def find_folders(files: Files, names: list[str]) -> list[Distribution]:
    """Finds folder distributions, also below directories that enclose the parts or classes."""
    other = with_contempt(names)
    images = [name for name in names if is_photograph(name) and not _is_in(name, other)]
    roots = {root for root in map(_above_parts, images) if root is not None}
    if roots:
        return [_distribution(files, root, 2, names) for root in sorted(roots)]
    # Without parts, all seven classes show that it is FER2013.
    bare: dict[str, set[str]] = {}
    for name in images:
        if (root := _above_class(name)) is not None:
            folder = PurePosixPath(name).parent.name
            bare.setdefault(root, set()).add(_class_of(folder) or folder)
    whole = [root for root, found in bare.items() if len(found) == len(CLASSES)]
    return [_distribution(files, root, 1, names) for root in sorted(whole)]


def _is_in(name: str, folders: Iterable[str]) -> bool:
    """Whether an image lies in a class folder of one of these directories."""
    return PurePosixPath(name).parent.parent.as_posix() in folders


def with_contempt(names: Iterable[str]) -> list[str]:
    """Returns the directories above class folders of which one is contempt, unknown to FER2013.

    One image in a hundred must be in it. They are those of FER+, or of other datasets.
    """
    found: dict[str, Counter[bool]] = {}
    for path in map(PurePosixPath, filter(is_photograph, names)):
        is_contempt = identity(path.parent.name) == "contempt"
        found.setdefault(path.parent.parent.as_posix(), Counter())[is_contempt] += 1
    return [above for above, n in found.items() if n[True] > 1 and 100 * n[True] >= n.total()]


def _above_parts(name: str) -> str | None:
    """Returns the directory above <part>/<emotion>/, if the path has one."""
    parts = PurePosixPath(name).parts
    for depth, (folder, emotion) in enumerate(pairwise(parts[:-1])):
        if part_of(folder) and (_class_of(emotion) or emotion in NUMBERS):
            return "/".join(parts[:depth])
    return None


def _above_class(name: str) -> str | None:
    """Returns the directory above <emotion>/<file>, if that is where a file lies."""
    *above, emotion, _ = ("", *PurePosixPath(name).parts)
    return "/".join(above[1:]) if _class_of(emotion) or emotion in NUMBERS else None


def _class_of(folder: str) -> str:
    """Returns the class that a folder's name means, such as "Anger" or "0_angry"; "" if none."""
    label = identity(folder)
    return label if label in CLASSES else ""


def _usage(name: str) -> str:
    """Returns the split that a file's name begins with; "" if it tells none."""
    return USAGES.get(PurePosixPath(name).name.split("_")[0], "")


def _distribution(files: Files, root: str, depth: int, names: list[str]) -> Distribution:
    """Takes the images below the root, and any file in its parts."""
    start = f"{root}/" if root else ""
    inside = {name: name.removeprefix(start) for name in names if name.startswith(start)}
    taken = {
        name: below
        for name, below in inside.items()
        if is_photograph(name) or (depth == 2 and part_of(below.split("/")[0]) and "/" in below)
    }
    images = [below.split("/") for name, below in taken.items() if is_photograph(name)]
    folders = Counter(parts[depth - 1] for parts in images if len(parts) == depth + 1)
    named = any(_usage(name) in ("validation", "test") for name in taken)
    classes, told = _classes(folders)
    tree = _Tree(files, root, depth, classes, named)
    items = {name: _item(tree, name, below) for name, below in taken.items()}
    ordered = [items[name] for name in sorted(items, key=lambda name: _order(items[name], name))]
    splits = {item.split for item in ordered if isinstance(item, Sample)} - {""}
    parts = PARTS if named else parts_of(splits)
    for part, made_of in parts.items():
        if len(made_of) > 1:
            text = (
                f"Neither folders nor file names tell FER2013's {len(made_of)} parts "
                f"{', '.join(made_of)} apart: their images "
                f"{f'are the {part} part' if part else 'have no part'}."
            )
            told.append(text if part else Doubt(text))

    def read(notice: Notice) -> Iterator[Sample | Rejected]:
        for text in told:
            notice(text)
        return iter(ordered)

    title = files.source(f"folders in {root or '.'}")
    return Distribution(files, tuple(items), title, len(splits), 2, len(items), read, parts)


def _classes(folders: Counter[str]) -> tuple[dict[str, str], list[str]]:
    """Returns the class of each folder's name in lower case, and what the user should know."""
    if folders and all(name in NUMBERS for name in folders):
        ordered = _numbering(folders)
        shown = ", ".join(f"{number} {label}" for number, label in enumerate(ordered))
        return dict(zip(NUMBERS, ordered, strict=True)), [f"Folders are read as {shown}."]
    found = {name.lower(): label for name in folders if (label := _class_of(name))}
    other = [f"{name} as {label}" for name, label in sorted(found.items()) if name != label]
    told = [f"Folders are read as classes: {', '.join(other)}."] if other else []
    return found, told + _other_numbers(found)


def _other_numbers(classes: Mapping[str, str]) -> list[str]:
    """Says that the numbers in the names of folders are not FER2013's, in at most a sentence."""
    numbers = {name: split_number(name)[0] for name in sorted(classes)}
    ours_of = {label: number for number, label in enumerate(CLASSES)}
    other = [name for name, n in numbers.items() if n and int(n) != ours_of[classes[name]]]
    if not other:
        return []
    ours = ", ".join(f"{number} {label}" for number, label in enumerate(CLASSES))
    return [
        f"The names of the folders count, not their numbers, which differ from FER2013's ({ours}): "
        f"{', '.join(other)}."
    ]


def _numbering(folders: Counter[str]) -> tuple[str, ...]:
    """Returns the classes of 0 to 6: as in the CSV, or sorted where that fits the counts better."""

    def distance(classes: tuple[str, ...]) -> int:
        pairs = zip(NUMBERS, classes, strict=True)
        return sum(abs(folders[number] - COUNTS[label]) for number, label in pairs)

    return min(CLASSES, tuple(sorted(CLASSES)), key=distance)


def _item(tree: _Tree, name: str, below: str) -> Sample | Rejected:
    """Returns the sample of a file, by its path below the root."""
    source = tree.files.source(name)
    *folders, file = below.split("/")
    label = tree.classes.get(folders[-1].lower(), "") if folders else ""
    part = part_of(folders[0]) if len(folders) == tree.depth == 2 else ""
    if len(folders) != tree.depth or (tree.depth == 2 and not part):
        return Rejected(source, _WHERE, "/".join(folders))
    if not is_photograph(file):
        return Rejected(source, "not an image file", file)
    if not label:
        return Rejected(source, "unknown class folder", folders[-1])
    usage = _usage(file)
    if part == "train" and usage not in ("", "train"):
        return Rejected(source, "test file in the train folder", file)
    if part == "test" and usage == "train":
        return Rejected(source, "training file in the test folder", file)
    if part == "test" and tree.named and not usage:
        return Rejected(source, "test file named neither PublicTest_ nor PrivateTest_", file)
    # Some copies take their validation part from Training.
    split = part if usage in ("", "train") and part else usage
    return Sample(partial(_load, tree.files, name), label, "", split, source)


def _order(item: Sample | Rejected, name: str) -> tuple[int, int, int, str]:
    if isinstance(item, Rejected):
        return len(SPLITS), 0, 0, name
    digits = re.findall(r"\d+", PurePosixPath(name).name)
    number = int(digits[-1]) if digits else 0
    split = SPLITS.index(item.split) if item.split else 0
    return split, CLASSES.index(item.label), number, name


def _load(files: Files, name: str) -> np.ndarray:
    return decode_grey(read_bytes(files, name), size=(SIDE, SIDE))
