"""Decides when two names mean one class or part of a dataset, in folders, tables and models.

`anger`, `Angry` and `angry ` are one class; so are `café` in its two Unicode forms. All sources use
this module, and so does all code that compares a folder with a model's classes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

BASIC = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's classes, in the order of its labels."""

WITH_CONTEMPT = (*BASIC, "contempt")

_ALIASES = {
    "angry": ("anger",),
    "disgust": ("disgusted",),
    "fear": ("fearful", "afraid", "scared"),
    "happy": ("happiness", "joy"),
    "sad": ("sadness",),
    "surprise": ("surprised", "suprise"),  # the second is what several copies call it
    "contempt": ("contemptuous",),
}
_CANONICAL = {alias: name for name, aliases in _ALIASES.items() for alias in aliases}

_PARTS = {
    "train": "train|training",
    "validation": "val|valid|validation|validate|dev|publictest",  # the last as in FER2013
    "test": "test|testing|privatetest",
}
_AFTER = "set|data|images|part|split|faces"  # as in AffectNet's train_set
_PART = re.compile("|".join(f"(?P<{part}>(?:{n})(?:{_AFTER})?)" for part, n in _PARTS.items()))


def clean(name: str) -> str:
    """A name without blanks at its ends, double blanks and invisible characters, in one form."""
    visible = "".join(c for c in name if unicodedata.category(c) != "Cf")
    return " ".join(unicodedata.normalize("NFC", visible).split()) or name


def identity(name: str) -> str:
    """Returns what all spellings of a class share, ignoring case, blanks, Unicode form and aliases.

    Of an expression, it is the name in `WITH_CONTEMPT`, also if there is a number before it.

    Example:
        >>> identity(" Happiness ") == identity("happy") == identity("3_happy")
        True
    """
    key = unicodedata.normalize("NFKC", clean(name)).casefold()
    unnumbered = split_number(key)[1]
    expression = _CANONICAL.get(unnumbered, unnumbered)
    return expression if expression in WITH_CONTEMPT else key


def split_number(name: str) -> tuple[str, str]:
    """Divides a name such as "00_Angry" into a number, "" without one, and the rest."""
    match = re.fullmatch(r"(\d{1,2})[\s_.-]*(\D.*)", name)
    return (match[1], match[2]) if match else ("", name)


def is_expression(name: str) -> bool:
    """Whether a name, or a common variant of it, is an expression."""
    return identity(name) in WITH_CONTEMPT


def part_of(name: str) -> str:
    """Returns "train", "validation" or "test" for any usual name of it; "" for other names."""
    match = _PART.fullmatch(re.sub(r"[\s_.-]", "", identity(name)))
    return (match.lastgroup or "") if match else ""


def mentions_part(name: str) -> bool:
    """Whether a word of a name is that of a part, as in "FER2013Train" or "faces_test_2"."""
    return any(map(part_of, [name, *re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)]))


def position(name: str, classes: Sequence[str]) -> int | None:
    """Returns which of these classes a name means; None if it is none of them.

    An exact match comes first, so that classes that a model distinguishes stay distinct.
    """
    if name in classes:
        return classes.index(name)
    found = [index for index, label in enumerate(classes) if identity(label) == identity(name)]
    return found[0] if len(found) == 1 else None


def merged(names: Iterable[str]) -> dict[str, str]:
    """Maps names as given to names of classes, one for all spellings of a class.

    A single spelling is only cleaned: "Happiness" stays. Of several, an expression gets its name
    in `WITH_CONTEMPT`, another class the first in sorted order.
    """
    spellings: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        spellings.setdefault(identity(name), []).append(name)
    result: dict[str, str] = {}
    for same, given in spellings.items():
        variants = sorted(set(map(clean, given)))
        chosen = same if len(variants) > 1 and same in WITH_CONTEMPT else variants[0]
        result |= dict.fromkeys(given, chosen)
    return result


def what_was_merged(classes: Mapping[str, str]) -> list[str]:
    """Says which names `merged` joined and which it renamed, a sentence each."""
    spellings: dict[str, list[str]] = {}
    for given, label in classes.items():
        spellings.setdefault(label, []).append(given)
    told = []
    for label, names in spellings.items():
        if len(names) > 1:
            told.append(f"{' and '.join(map(repr, sorted(names)))} are one class, {label}.")
        elif names[0] != label:
            told.append(f"The class {names[0]!r} is called {label!r}.")
    return told


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Sorts class names in canonical order if all are expressions, else alphabetically.

    Names are not changed: "Happiness" takes the place of "happy" and keeps its name. Names with
    numbers before them, such as "3_happy", stay in the order of these.
    """
    given = sorted(names)
    if not all(map(is_expression, given)) or any(split_number(name)[0] for name in given):
        return tuple(given)
    return tuple(sorted(given, key=lambda name: WITH_CONTEMPT.index(identity(name))))
