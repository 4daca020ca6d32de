"""What a model said about each picture, as a CSV or JSON file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from attention_fer.common.files import write_text

SUFFIXES = (".csv", ".json")


@dataclass(frozen=True)
class Answer:
    """What a model said about a picture.

    Attributes:
        picture: its path within the folder.
        predicted: the most probable class; "" if the picture could not be read.
        true: the class of its folder, None if unknown.
        probabilities: probabilities of each class.
        problem: why it could not be read; "" if it could.
    """

    picture: str
    predicted: str = ""
    true: str | None = None
    probabilities: dict[str, float] = field(default_factory=dict)
    problem: str = ""


def write_answers(answers: Sequence[Answer], path: Path) -> None:
    """Writes a row or object for each picture, to a file that ends in .csv or .json."""
    write_text(path, _as_csv(answers) if path.suffix.lower() == ".csv" else _as_json(answers))


def _as_json(answers: Sequence[Answer]) -> str:
    rows = [{key: value for key, value in vars(one).items() if value} for one in answers]
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def _as_csv(answers: Sequence[Answer]) -> str:
    """One column per class, after the others, which therefore cannot be hidden by a class."""
    classes = list(dict.fromkeys(name for one in answers for name in one.probabilities))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["picture", "true", "predicted", "problem", *(f"p_{name}" for name in classes)])
    for one in answers:
        shares = [one.probabilities.get(name, "") for name in classes]
        writer.writerow([one.picture, one.true or "", one.predicted, one.problem, *shares])
    return text.getvalue()
