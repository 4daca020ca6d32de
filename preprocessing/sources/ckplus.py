"""CK+: 593 sequences of 123 subjects from a neutral face to the peak of an expression.

Lucey et al., "The Extended Cohn-Kanade Dataset (CK+)", 2010,
https://doi.org/10.1109/CVPRW.2010.5543262. Its licence is personal: request a copy from the
University of Pittsburgh; nothing is downloaded here. The cropped frames that circulate as "CK+48"
have no sequences; `folder` reads them.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Files, Rejected, UnreadableError, joined, read_bytes
from preprocessing.raw_files.images import load_photograph
from preprocessing.sources.base import WITH_CONTEMPT, Notice, Raw, Sample, Source, register

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


SEQUENCES, LABELLED = 593, 327
_PUBLISHED = {
    "angry": 45,
    "disgust": 59,
    "fear": 25,
    "happy": 69,
    "sad": 28,
    "surprise": 83,
    "contempt": 18,
}
_SHORTEST = 4  # length of the shortest sequence; beyond it, some give fewer frames than asked for

EXPECTED = (
    "the directory that holds extended-cohn-kanade-images.zip (or cohn-kanade-images) and "
    "Emotion_labels.zip (or Emotion), packed or unpacked"
)
_LICENCE = "CK+ is available from the University of Pittsburgh on request, for personal use."


def open_ckplus(
    path: str | Path, *, frames: int = 3, neutral: bool = True, notice: Notice = warnings.warn
) -> Raw:
    """Finds the labelled sequences of CK+ and selects frames of each.

    Files are recognised by their paths, `S005/001/S005_001_00000011.png` and
    `S005/001/S005_001_00000011_emotion.txt`, in whatever folders.

    Args:
        path: a directory or .zip, see `EXPECTED`.
        frames: number of frames at the end of a sequence that show its expression.
        neutral: use the first frame of each labelled sequence as neutral, unless it is among
            those at the end.
        notice: receives one sentence each on sequences without a label, incomplete sequences, and
            ignored copies.

    Returns:
        Samples by subject, sequence and frame, with the column `sequence`, e.g. "S005/001". A
        sequence without a usable label is rejected once, not frame by frame.

    Raises:
        FileNotFoundError: nothing at `path`.
        ValueError: an option out of range, or missing images or labels.
    """
    if isinstance(frames, bool) or not isinstance(frames, int) or frames < 1:
        raise ValueError(f"frames must be an integer of at least 1, got {frames!r}.")
    places = containers(path, EXPECTED)
    found = scan(places)
    if not found.sequences or not found.labels:
        raise ValueError(f"{_missing(found)} Found at {path}: {listing(places)}. {_LICENCE}")
    groups = [_sequence(found, key, frames, neutral) for key in sorted(found.sequences)]
    orphans = [
        Rejected(label.source, "label without frames", "no image of its sequence")
        for key in sorted(found.labels.keys() - found.sequences.keys())
        for label in found.labels[key]
    ]
    problems = [*orphans, *found.rejected, *(p for files in places for p in files.problems())]
    _notify(found, notice)
    short = sum(
        len(found.sequences[key].names) <= frames
        for key in found.labels.keys() & found.sequences.keys()
    )
    if short:
        notice(
            f"{short} labelled sequences have {frames} frames or fewer: all of them count as the "
            "expression, even the first, which is almost neutral."
        )
    return Raw(
        CLASSES,
        chain(chain.from_iterable(groups), problems),
        _expected(frames, neutral),
        sum(map(len, groups)) + len(problems),
        ("sequence",),
        f"images in {found.images_in}, labels in {found.labels_in}",
        joined(files.identity() for files in places),
    )


def _sequence(
    found: Scan, key: tuple[str, str], frames: int, neutral: bool
) -> list[Sample | Rejected]:
    """Returns the selected frames of one sequence, or why there are none."""
    sequence = found.sequences[key]
    labels = found.labels.get(key, [])
    if not labels:
        return [Rejected(sequence.source, "sequence without label", "no emotion file")]
    label = label_of(labels)
    if isinstance(label, Rejected):
        return [label]
    chosen = [(name, label) for name in sequence.names[-frames:]]
    if neutral and len(sequence.names) > frames:
        chosen.insert(0, (sequence.names[0], "neutral"))
    return [_sample(sequence, name, shown) for name, shown in chosen]


def _sample(sequence: Sequence, name: str, label: str) -> Sample:
    load = partial(load_photograph, sequence.files, name)
    source = sequence.files.source(name)
    return Sample(load, label, sequence.subject, "", source, {"sequence": sequence.title})


def _expected(frames: int, neutral: bool) -> dict[str, dict[str, int]] | None:
    if frames >= _SHORTEST:
        return None
    counts = {name: frames * _PUBLISHED.get(name, 0) for name in CLASSES}
    return {"": {**counts, "neutral": LABELLED if neutral else 0}}


def _missing(found: Scan) -> str:
    """Explains which part of CK+ is missing and what to do."""
    if found.labels:
        return (
            "The images of CK+ are missing: put extended-cohn-kanade-images.zip, packed or "
            "unpacked, beside the labels and give the directory that holds both."
        )
    if found.sequences:
        return (
            "The labels of CK+ are missing: put Emotion_labels.zip, packed or unpacked, beside the "
            "images and give the directory that holds both."
        )
    if found.loose:
        return (
            f"{found.loose:,} frames of CK+ are not in folders of sequences, as in CK+48: "
            "use the dataset 'folder' for those."
        )
    return f"No CK+ found: give {EXPECTED}."


def _notify(found: Scan, notice: Notice) -> None:
    """Reports what is missing, incomplete or ignored."""
    total, without = len(found.sequences), len(found.sequences.keys() - found.labels.keys())
    whole = (total, total - without) == (SEQUENCES, LABELLED)
    wanted = "" if whole else f"; a complete copy has {SEQUENCES} with {LABELLED} labels"
    if without or not whole:
        notice(f"{without} of {total} sequences have no label{wanted}.")
    late = sum(sequence.first > 1 for sequence in found.sequences.values())
    if late:
        notice(f"{late} sequences do not begin with frame 1, which is the neutral one.")
    early = sum(
        max(label.frame for label in labels) > found.sequences[key].last
        for key, labels in found.labels.items()
        if key in found.sequences
    )
    if early:
        notice(f"{early} sequences end before the frame of their label, which is the peak.")
    for text in found.ignored:
        notice(text)


SOURCE = register(
    Source(
        name="ckplus",
        open=open_ckplus,
        options=frozenset({"frames", "neutral"}),
        needs_path=EXPECTED,
    )
)
