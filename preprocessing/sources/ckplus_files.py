"""Recognise the frames and labels of CK+ by their paths, whatever the folders around them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from preprocessing.raw_files.errors import Rejected
from preprocessing.raw_files.files import Files

Key = tuple[str, str]
"""Subject and sequence, as in ("S005", "001")."""

_FRAME = re.compile(
    r"(?P<root>(?:.*/)?)(?P<subject>S\d+)/(?P<sequence>\d+)/"
    r"(?P=subject)_(?P=sequence)_(?P<frame>\d{1,12})\.(?:png|jpe?g|tiff?|bmp)",
    re.IGNORECASE | re.DOTALL,
)
_LABEL = re.compile(
    r"(?P<root>(?:.*/)?)(?P<subject>S\d+)/(?P<sequence>\d+)/"
    r"(?P=subject)_(?P=sequence)_(?P<frame>\d{1,12})_emotion\.txt",
    re.IGNORECASE | re.DOTALL,
)
_LOOSE = re.compile(r"(?:.*/)?S\d+_\d+_\d+\.(?:png|jpe?g|tiff?|bmp)", re.IGNORECASE | re.DOTALL)
_OTHER_PARTS = re.compile(r".*(?:_landmarks|_facs)\.txt|[^/]*\.zip", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Label:
    """One emotion file.

    Attributes:
        root: folder above those of subject and sequence.
        frame: number of the frame it is named after.
    """

    files: Files
    name: str
    root: str
    frame: int

    @property
    def source(self) -> str:
        return self.files.source(self.name)


@dataclass(frozen=True)
class Sequence:
    """The frames of one sequence that lie in one folder, in order.

    Attributes:
        names: their files.
        first, last: numbers of the first and the last frame.
    """

    subject: str
    number: str
    files: Files
    names: list[str]
    first: int
    last: int

    @property
    def title(self) -> str:
        return f"{self.subject}/{self.number}"

    @property
    def source(self) -> str:
        return self.files.source(self.names[0].rpartition("/")[0])


@dataclass
class Tree:
    """All of CK+ that was found.

    Attributes:
        sequences, labels: what belongs to each sequence.
        rejected: files that are no part of it.
        ignored: sentences on further copies.
        loose: number of frames that lie in no folder of a sequence.
        images_in, labels_in: the folders they were found in, in words.
    """

    sequences: dict[Key, Sequence] = field(default_factory=dict)
    labels: dict[Key, list[Label]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    loose: int = 0
    images_in: str = ""
    labels_in: str = ""


@dataclass
class _Folder:
    """The frames of one sequence in one place."""

    files: Files
    root: str
    frames: dict[int, str] = field(default_factory=dict)


def scan(places: list[Files]) -> Tree:
    """Sort every file into sequences, labels and the rest."""
    tree = Tree()
    found: dict[Key, dict[str, _Folder]] = {}
    for files in places:
        for name in files.names():
            if match := _FRAME.fullmatch(name):
                _add_frame(tree, found, files, match)
            elif match := _LABEL.fullmatch(name):
                label = Label(files, name, match["root"], int(match["frame"]))
                tree.labels.setdefault(_key(match), []).append(label)
            elif not _OTHER_PARTS.fullmatch(name):
                tree.loose += bool(_LOOSE.fullmatch(name))
                tree.rejected.append(Rejected(files.source(name), "no frame or label of CK+"))
    _choose(tree, found)
    tree.labels_in = _where(
        label.files.source(label.root) for labels in tree.labels.values() for label in labels
    )
    return tree


def _key(match: re.Match[str]) -> Key:
    return match["subject"].upper(), match["sequence"]


def _add_frame(
    tree: Tree, found: dict[Key, dict[str, _Folder]], files: Files, match: re.Match[str]
) -> None:
    root = files.source(match["root"])
    folder = found.setdefault(_key(match), {}).setdefault(root, _Folder(files, root))
    first = folder.frames.setdefault(int(match["frame"]), match[0])
    if first != match[0]:
        detail = f"{files.source(first)} is read"
        tree.rejected.append(Rejected(files.source(match[0]), "second file of one frame", detail))


def _choose(tree: Tree, found: dict[Key, dict[str, _Folder]]) -> None:
    """Read each sequence in one place, where most of its frames are; the first of equals."""
    used, ignored = [], Counter[str]()
    for (subject, number), folders in found.items():
        chosen = max(folders.values(), key=lambda folder: len(folder.frames))
        used.append(chosen.root)
        ignored.update(root for root in folders if root != chosen.root)
        frames = sorted(chosen.frames)
        names = [chosen.frames[frame] for frame in frames]
        sequence = Sequence(subject, number, chosen.files, names, frames[0], frames[-1])
        tree.sequences[subject, number] = sequence
    tree.images_in = _where(used)
    for root, count in ignored.items():
        tree.ignored.append(f"{count} sequences lie in {_where([root])} too: ignored there")


def _where(roots: Iterable[str]) -> str:
    counts = Counter(root.rstrip("/") or "." for root in roots)
    first, *others = [root for root, _ in counts.most_common()] or [""]
    return f"{first} and {len(others)} more" if others else first
