"""Columns of other tools, and counts."""

import io
import json
from pathlib import Path

import pytest

from attention_fer.predict.rows import FaceRow, columns
from attention_fer.predict.tables import draft
from attention_fer.predict.tables.conventions import CONVENTIONS
from attention_fer.predict.tables.formats import csv_lines, json_lines
from attention_fer.predict.tables.manifest import PictureCounts

CLASSES = ("angry", "happy", "Sadness")
ROW = FaceRow(
    "clip.mp4",
    3,
    0.12,
    1,
    True,
    score=0.75,
    x=1.5,
    y=2.0,
    width=30.0,
    height=40.0,
    roll=-4.0,
    label="happy",
    probability=0.5,
    margin=0.25,
    probabilities={"angry": 0.25, "happy": 0.5, "Sadness": 0.25},
    model="m",
    model_sha256="0",
    detector="d",
)


def renamed(name, row=ROW):
    return CONVENTIONS[name].renaming(CLASSES)(row.values(CLASSES))


def test_our_own_columns_stay():
    assert renamed("own") == ROW.values(CLASSES) and tuple(renamed("own")) == columns(CLASSES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openface", {"frame": 4, "timestamp": 0.12, "confidence": 0.75, "success": 1}),
        (
            "pyfeat",
            {
                "frame": 3,
                "FaceRectX": 1.5,
                "FaceRectY": 2.0,
                "FaceRectWidth": 30.0,
                "FaceRectHeight": 40.0,
                "FaceScore": 0.75,
                "Roll": -4.0,
                "anger": 0.25,
                "happiness": 0.5,
                "sadness": 0.25,
            },
        ),
        (
            "deepface",
            {
                "dominant_emotion": "happy",
                "face_confidence": 0.75,
                "region.x": 1.5,
                "region.h": 40.0,
                "emotion.angry": 25.0,
                "emotion.happy": 50.0,
                "probability": 0.5,
            },
        ),
    ],
)
def test_columns_of_other_tools(name, expected):
    row = renamed(name)
    assert {column: row[column] for column in expected} == expected
    assert len(row) == len(columns(CLASSES)) and row["input"] == "clip.mp4"


def test_smoothed_columns_follow_and_nothing_stays_nothing():
    nothing = FaceRow("a.jpg", reason="no face found", detail="why")
    row = CONVENTIONS["deepface"].renaming(CLASSES)(nothing.values(CLASSES, smoothed=True))
    assert row["emotion.happy"] is None and row["smoothed_emotion.happy"] is None
    assert row["reason"] == "no face found: why" and row["region.x"] is None


def test_csv_and_json_lines_by_value():
    row = {"input": 'a,"b"\nc', "success": 1, "x": None, "happy": 0.1}
    text, lines = io.StringIO(), io.StringIO()
    csv_lines(text, list(row), [row])
    assert text.getvalue() == 'input,success,x,happy\n"a,""b""\nc",1,,0.1\n'
    json_lines(lines, list(row), [row, row])
    assert [json.loads(line) for line in lines.getvalue().splitlines()] == [row, row]
    with pytest.raises(ValueError):
        json_lines(lines, ["x"], [{"x": float("nan")}])


def test_counts_add_up():
    counts = PictureCounts()
    for reasons in ([""], ["", "face too small"], ["face too small"], ["no face found"], ["", ""]):
        counts.add(reasons)
    assert counts.as_json() == {
        "seen": 5,
        "used": 3,
        "skipped": {"face too small": 1, "no face found": 1},
        "faces": 4,
    }


def test_a_draft_is_found_again_where_lines_end_otherwise(tmp_path, monkeypatch):
    """Windows writes other ends of lines unless a file is opened in binary mode."""

    def opened(path, mode="r", **options):
        windows = {} if "b" in mode or "r" in mode else {"newline": "\r\n"}
        return open(path, mode, **options, **windows)

    monkeypatch.setattr(draft, "open", opened, raising=False)
    monkeypatch.setattr(
        Path, "write_text", lambda path, text, **given: opened(path, "w", **given).write(text)
    )
    for resumed in (0, 1, 2):
        with draft.Draft(tmp_path / "a.csv", {"a": 1}) as unfinished:
            assert (unfinished.resumed, unfinished.discarded) == (resumed, False)
            unfinished.append([[FaceRow("x", reason="why")]], [[{"input": "x"}]])
            assert list(unfinished.pictures()) == [[["why"], [{"input": "x"}]]] * (resumed + 1)
