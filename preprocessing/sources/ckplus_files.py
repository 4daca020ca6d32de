"""Finds the frames and labels of CK+ by their paths, in whatever folders, and reads the labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from preprocessing.raw_files.errors import Rejected, UnreadableError
from preprocessing.raw_files.files import Files, read_bytes
from preprocessing.sources.vocabulary import WITH_CONTEMPT

CLASSES = WITH_CONTEMPT
CODES = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
"""The class of each number in the label files."""

Key = tuple[str, str]
"""Subject and number of a sequence, e.g. ("S005", "001")."""

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
_MOST_BYTES = 4096  # of a label file
_OTHER_PARTS = re.compile(r".*(?:_landmarks|_facs)\.txt|[^/]*\.zip", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Label:
    """One label file.

    Attributes:
        files, name: where it is.
        root: the folder that holds the folder of its subject.
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
    """The frames of one sequence, in order.

    Attributes:
        subject, number: its key, e.g. "S005" and "001".
        files, names: where the frames are.
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
class Scan:
    """All parts of CK+ that were found.

    Attributes:
        sequences, labels: frames and label files of each sequence.
        rejected: files that do not belong to CK+.
        ignored: one sentence on each duplicate copy.
        loose: number of frames outside the folder of a sequence.
        images_in, labels_in: description of the folders they are in.
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
    """The frames of one sequence in one folder."""

    files: Files
    root: str
    frames: dict[int, str] = field(default_factory=dict)


def scan(places: list[Files]) -> Scan:
    """Sorts all files into sequences, labels and the rest."""
    result = Scan()
    found: dict[Key, dict[str, _Folder]] = {}
    for files in places:
        for name in files.names():
            if match := _FRAME.fullmatch(name):
                _add_frame(result, found, files, match)
            elif match := _LABEL.fullmatch(name):
                label = Label(files, name, match["root"], int(match["frame"]))
                result.labels.setdefault(_key(match), []).append(label)
            elif not _OTHER_PARTS.fullmatch(name):
                result.loose += bool(_LOOSE.fullmatch(name))
                result.rejected.append(Rejected(files.source(name), "no frame or label of CK+"))
    _choose(result, found)
    result.labels_in = _describe(
        label.files.source(label.root) for labels in result.labels.values() for label in labels
    )
    return result


def _key(match: re.Match[str]) -> Key:
    return match["subject"].upper(), match["sequence"]


def _add_frame(
    result: Scan, found: dict[Key, dict[str, _Folder]], files: Files, match: re.Match[str]
) -> None:
    root = files.source(match["root"])
    folder = found.setdefault(_key(match), {}).setdefault(root, _Folder(files, root))
    first = folder.frames.setdefault(int(match["frame"]), match[0])
    if first != match[0]:
        detail = f"{files.source(first)} is read"
        result.rejected.append(Rejected(files.source(match[0]), "second file of one frame", detail))


def _choose(result: Scan, found: dict[Key, dict[str, _Folder]]) -> None:
    """Picks the folder with the most frames of each sequence; the first among equals."""
    used, ignored = [], Counter[str]()
    for (subject, number), folders in found.items():
        chosen = max(folders.values(), key=lambda folder: len(folder.frames))
        used.append(chosen.root)
        ignored.update(root for root in folders if root != chosen.root)
        frames = sorted(chosen.frames)
        names = [chosen.frames[frame] for frame in frames]
        sequence = Sequence(subject, number, chosen.files, names, frames[0], frames[-1])
        result.sequences[subject, number] = sequence
    result.images_in = _describe(used)
    for root, count in ignored.items():
        result.ignored.append(f"{count} sequences are also in {_describe([root])}: ignored there.")


def _describe(roots: Iterable[str]) -> str:
    """Names the most frequent of some folders, and how many others there are."""
    counts = Counter(root.rstrip("/") or "." for root in roots)
    first, *others = [root for root, _ in counts.most_common()] or [""]
    return f"{first} and {len(others)} more" if others else first


def label_of(labels: list[Label]) -> str | Rejected:
    """Returns the class that a sequence's label files agree on, or why there is none."""
    found = []
    for label in labels:
        try:
            found.append(_read(label))
        except UnreadableError as error:
            return Rejected(label.source, error.reason, str(error))
    if len(set(found)) > 1:
        detail = f"{', '.join(found)} in {len(found)} files"
        return Rejected(labels[0].source, "labels of a sequence differ", detail)
    return found[0]


def _read(label: Label) -> str:
    """Reads a file with one number, such as `   3.0000000e+00`."""
    text = read_bytes(label.files, label.name, most=_MOST_BYTES).decode("utf-8-sig", "replace")
    words = text.split()
    if len(words) != 1:
        reason = "label file with several numbers" if words else "empty label file"
        raise UnreadableError(reason, f"{text.strip()[:40]!r}, expected one number")
    try:
        value = float(words[0])
    except ValueError:
        value = float("nan")
    if not value.is_integer():
        raise UnreadableError("label is no whole number", f"{words[0][:40]!r}, expected 0 to 7")
    if not 0 <= value < len(CODES):
        raise UnreadableError("label out of range", f"{words[0][:40]!r}, expected 0 to 7")
    return CODES[int(value)]
