"""CK+: 593 sequences of 123 subjects from a neutral face to the peak of an expression.

Lucey et al., "The Extended Cohn-Kanade Dataset (CK+)", 2010,
https://doi.org/10.1109/CVPRW.2010.5543262. Its licence is personal: request a copy from the
University of Pittsburgh; nothing is downloaded here. Of the cropped frames in circulation, `ck48`
reads the folders and `ckextended` the CSV.
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

from attention_fer.common.checks import positive_int
from attention_fer.common.class_names import WITH_CONTEMPT
from preprocessing.raw_files.containers import containers, listing
from preprocessing.raw_files.files import Files, Rejected, UnreadableError, joined, read_bytes
from preprocessing.raw_files.images import SUFFIXES, load_photograph
from preprocessing.sources.base import Notice, Raw, Sample, register

CLASSES = WITH_CONTEMPT
CODES = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
"""The class of each number in the label files."""

SEQUENCES, LABELLED = 593, 327
_PUBLISHED = dict(zip(CODES[1:], (45, 18, 59, 25, 69, 28, 83), strict=True))  # labelled sequences
_SHORTEST = 4  # length of the shortest sequence; beyond it, some give fewer frames than asked for

EXPECTED = (
    "the directory that holds extended-cohn-kanade-images.zip (or cohn-kanade-images) and "
    "Emotion_labels.zip (or Emotion), packed or unpacked"
)
_LICENCE = "CK+ is available from the University of Pittsburgh on request, for personal use."

_FLAGS = re.IGNORECASE | re.DOTALL
_IMAGE = f"(?:{'|'.join(map(re.escape, SUFFIXES))})"
_PLACE = (
    r"(?P<root>(?:.*/)?)(?P<subject>S\d+)/(?P<sequence>\d+)/"
    r"(?P=subject)_(?P=sequence)_(?P<frame>\d{1,12})"
)
_FRAME = re.compile(_PLACE + _IMAGE, _FLAGS)
_LABEL = re.compile(_PLACE + r"_emotion\.txt", _FLAGS)
_LOOSE = re.compile(r"(?:.*/)?S\d+_\d+_\d+" + _IMAGE, _FLAGS)
_OTHER_PARTS = re.compile(r".*(?:_landmarks|_facs)\.txt", _FLAGS)
_MOST_BYTES = 4096  # of a label file


@dataclass(frozen=True, eq=False)
class _File:
    """A frame or a label file of a sequence.

    Attributes:
        files, name: where it is.
        root: the folder that holds the folder of its subject.
        sequence: subject and number of its sequence, e.g. "S005/001".
        frame: number of the frame that it is, or is named after.
    """

    files: Files
    name: str
    root: str
    sequence: str
    frame: int

    @classmethod
    def of(cls, files: Files, match: re.Match[str]) -> _File:
        sequence = f"{match['subject'].upper()}/{match['sequence']}"
        return cls(files, match[0], files.source(match["root"]), sequence, int(match["frame"]))

    @property
    def source(self) -> str:
        return self.files.source(self.name)


@dataclass
class _Scan:
    """All parts of CK+ that were found.

    Attributes:
        sequences, labels: frames, in order, and label files of each sequence.
        rejected: files that do not belong to CK+.
        ignored: number of sequences ignored in each folder, because another has more frames.
        loose: number of frames outside the folder of a sequence.
    """

    sequences: dict[str, list[_File]] = field(default_factory=dict)
    labels: dict[str, list[_File]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    loose: int = 0

    def distribution(self) -> str:
        """Returns the folders that are read, in words."""
        images = _folders(frames[0].root for frames in self.sequences.values())
        labels = _folders(label.root for found in self.labels.values() for label in found)
        return f"images in {images}, labels in {labels}"


@register("ckplus", needs_path=EXPECTED)
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
    positive_int("frames", frames)
    places = containers(path, EXPECTED)
    found = _scan(places)
    if not found.sequences or not found.labels:
        raise ValueError(f"{_missing(found)} Found at {path}: {listing(places)}. {_LICENCE}")
    groups = [_selected(found, key, frames, neutral) for key in sorted(found.sequences)]
    orphans = [
        Rejected(label.source, "label without frames", "no image of its sequence")
        for key in sorted(found.labels.keys() - found.sequences.keys())
        for label in found.labels[key]
    ]
    problems = [*orphans, *found.rejected, *(p for files in places for p in files.problems())]
    _notify(found, frames, notice)
    return Raw(
        CLASSES,
        chain(chain.from_iterable(groups), problems),
        _expected(frames, neutral),
        sum(map(len, groups)) + len(problems),
        ("sequence",),
        found.distribution(),
        joined(files.identity() for files in places),
    )


def _scan(places: list[Files]) -> _Scan:
    """Finds frames and labels by their paths, in whatever folders."""
    result = _Scan()
    copies: dict[str, dict[str, dict[int, _File]]] = {}  # frames by sequence, folder and number
    for files in places:
        for name in files.names():
            if match := _FRAME.fullmatch(name):
                one = _File.of(files, match)
                folders = copies.setdefault(one.sequence, {})
                first = folders.setdefault(one.root, {}).setdefault(one.frame, one)
                if first is not one:
                    detail = f"{first.source} was used instead"
                    result.rejected.append(Rejected(one.source, "second file of one frame", detail))
            elif match := _LABEL.fullmatch(name):
                one = _File.of(files, match)
                result.labels.setdefault(one.sequence, []).append(one)
            elif not _OTHER_PARTS.fullmatch(name):
                result.loose += bool(_LOOSE.fullmatch(name))
                result.rejected.append(Rejected(files.source(name), "not a CK+ frame or label"))
    for key, folders in copies.items():
        # The folder with the most frames of a sequence is read; the first among equals.
        chosen = max(folders, key=lambda root: len(folders[root]))
        result.sequences[key] = [frame for _, frame in sorted(folders[chosen].items())]
        result.ignored.update(root for root in folders if root != chosen)
    return result


def _folders(roots: Iterable[str]) -> str:
    """Names the most frequent of some folders, and how many others there are."""
    counts = Counter(root.rstrip("/") or "." for root in roots)
    first, *others = [root for root, _ in counts.most_common()] or [""]
    return f"{first} and {len(others)} more" if others else first


def _selected(found: _Scan, key: str, frames: int, neutral: bool) -> list[Sample | Rejected]:
    """Returns the selected frames of one sequence, or why there are none."""
    sequence, labels = found.sequences[key], found.labels.get(key, [])
    if not labels:
        source = sequence[0].files.source(sequence[0].name.rpartition("/")[0])
        return [Rejected(source, "sequence without label", "no emotion file")]
    label = _label_of(labels)
    if isinstance(label, Rejected):
        return [label]
    chosen = [(frame, label) for frame in sequence[-frames:]]
    if neutral and len(sequence) > frames:
        chosen.insert(0, (sequence[0], "neutral"))
    subject, more = key.partition("/")[0], {"sequence": key}
    return [
        Sample(partial(load_photograph, one.files, one.name), shown, subject, "", one.source, more)
        for one, shown in chosen
    ]


def _label_of(labels: list[_File]) -> str | Rejected:
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


def _read(label: _File) -> str:
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
        raise UnreadableError("label is not a whole number", f"{words[0][:40]!r}, expected 0 to 7")
    if not 0 <= value < len(CODES):
        raise UnreadableError("label out of range", f"{words[0][:40]!r}, expected 0 to 7")
    return CODES[int(value)]


def _expected(frames: int, neutral: bool) -> dict[str, dict[str, int]] | None:
    if frames >= _SHORTEST:
        return None
    counts = {name: frames * _PUBLISHED.get(name, 0) for name in CLASSES}
    return {"": {**counts, "neutral": LABELLED if neutral else 0}}


def _missing(found: _Scan) -> str:
    """Explains which part of CK+ is missing and what to do."""
    if found.labels:
        return (
            "The images of CK+ are missing: put extended-cohn-kanade-images.zip, packed or "
            "unpacked, next to the labels and give the directory that holds both."
        )
    if found.sequences:
        return (
            "The labels of CK+ are missing: put Emotion_labels.zip, packed or unpacked, next to "
            "the images and give the directory that holds both."
        )
    if found.loose:
        return (
            f"{found.loose:,} frames of CK+ are not in folders of sequences, as in CK+48: "
            "use the dataset 'ck48' for those."
        )
    return f"No CK+ found: give {EXPECTED}."


def _notify(found: _Scan, frames: int, notice: Notice) -> None:
    """Reports what is missing, incomplete or ignored."""
    sequences, labels = found.sequences, found.labels
    labelled = sequences.keys() & labels.keys()
    total, complete = len(sequences), (len(sequences), len(labelled)) == (SEQUENCES, LABELLED)
    told = f"{total} sequences, {len(labelled)} with a label"
    wanted = f"; a complete copy has {SEQUENCES}, of which {LABELLED} have one"
    notice(f"{told}{'' if complete else wanted}.")
    if late := sum(shown[0].frame > 1 for shown in sequences.values()):
        notice(f"{late} sequences do not begin with frame 1, which is the neutral one.")
    peaks = {key: max(label.frame for label in labels[key]) for key in labelled}
    if early := sum(peak > sequences[key][-1].frame for key, peak in peaks.items()):
        notice(f"{early} sequences end before the frame of their label, which is the peak.")
    for root, count in found.ignored.items():
        notice(f"{count} sequences are also in {_folders([root])}: ignored there.")
    if short := sum(len(sequences[key]) <= frames for key in labelled):
        notice(
            f"{short} labelled sequences have {frames} frames or fewer: all of them count as the "
            "expression, even the first, which is almost neutral."
        )
