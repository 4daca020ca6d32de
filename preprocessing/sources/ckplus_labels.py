"""The emotion files of CK+: one number each, such as ``   3.0000000e+00``."""

from __future__ import annotations

from preprocessing.raw_files.errors import Rejected, UnreadableError
from preprocessing.raw_files.files import read_bytes
from preprocessing.sources.ckplus_files import Label
from preprocessing.sources.vocabulary import WITH_CONTEMPT

CLASSES = WITH_CONTEMPT
CODES = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
_MOST_BYTES = 4096


def label_of(labels: list[Label]) -> str | Rejected:
    """The class that a sequence's files agree on, or why there is none."""
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
