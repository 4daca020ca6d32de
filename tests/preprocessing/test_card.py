"""The data card says in Markdown what a prepared dataset holds, also when it is damaged."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from made_up import pictures, rows, write_folder

from preprocessing import splits
from preprocessing.quality.check import check
from preprocessing.quality.data_card import render


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "tiny", notices=["a | b\nc"], distribution="the zip")


def sections(text):
    """Title -> lines of each section."""
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    return {
        title: [line for line in body.splitlines() if line]
        for title, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def table(lines):
    """Cells of a Markdown table, whose rows must all be of one length."""
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines if line.startswith("|")]
    assert len({len(row) for row in cells}) == 1
    return [[cell.strip() for cell in row] for row in cells]


def test_a_card_holds_everything_a_reader_decides_by(folder):
    text = render(check(folder))
    assert text.startswith("# tiny\n")
    found = sections(text)
    assert "Errors" not in found
    assert "- published has 6 subjects on more than one side, e.g. S00." in found["Warnings"]
    assert "- 72 images of 8 x 8 pixels, grey" in found["Content"]
    assert "- 12 subjects" in found["Content"]
    digest = json.loads((folder / "manifest.json").read_text())["fingerprint"]
    assert f"- fingerprint `{digest}`" in found["Content"]
    assert table(found["Classes"]) == [
        ["class", "train", "validation", "test", "total"],
        ["---", "---:", "---:", "---:", "---:"],
        ["anger", "15", "6", "3", "24"],
        ["joy", "18", "3", "3", "24"],
        ["fear", "15", "3", "6", "24"],
        ["total", "48", "12", "12", "72"],
    ]
    assert found["Origin"] == [
        "- distribution: the zip",
        "- source: raw.zip",
        '- detector: {"name": "finder"}',
        "- margin: 0.1",
        "- size: 8",
        "- 72 images with the box of their face",
        "- a \\| b c",
    ]
    assert found["Left out"][0] == "72 of 74 are used."
    assert table(found["Left out"])[2:] == [["unreadable", "1"], ["flat image", "1"]]
    assert "- flat images: 0" in found["Quality"]
    assert found["Versions"] == ["- schema 2", "- numpy: 2"]


def test_a_card_tells_items_from_the_faces_that_they_gave(tmp_path):
    def left_out(**changes):
        return sections(render(check(write_folder(tmp_path / "d", **changes))))["Left out"][0]

    assert left_out(items=40) == "40 items gave 74 faces and rejections, of which 72 are used."
    assert left_out(items=74) == left_out(items="many") == "72 of 74 are used."


def test_a_card_gives_each_split_with_its_size_and_promise(folder):
    lines = table(sections(render(check(folder)))["Splits"])[2:]
    assert [line[0] for line in lines] == splits.names()
    sizes = {name: size for name, size, _ in lines}
    assert sizes["official"] == "train 48, validation 12, test 12"
    assert sizes["loso"] == "12 folds of 6"
    assert sizes["subject-10fold"] == "10 folds of 6 to 12"
    assert sizes["test-parts"].endswith("left out 48")
    assert all(splits.get(name).promise == promise for name, _, promise in lines)


def test_quality_findings_are_on_the_card(tmp_path):
    images = pictures()
    images[:3] = 7
    images[3] = images[71]
    found = sections(render(check(write_folder(tmp_path / "d", images=images))))["Quality"]
    assert found[:3] == [
        "- flat images: 3",
        "- groups of byte-identical images: 2, with 3 surplus copies",
        "- of these with conflicting labels: 1",
    ]
    assert "- of these on both sides of train+test: 1" in found


def test_equal_folders_have_equal_cards_wherever_they_lie(folder, tmp_path):
    other = write_folder(tmp_path / "else" / "where", notices=["a | b\nc"], distribution="the zip")
    assert render(check(folder)) == render(check(other))


def test_a_dataset_without_parts_and_people_has_a_card_too(tmp_path):
    lines = [[line[0], "", "", line[3], "", "", "", "", "", ""] for line in rows()]
    folder = write_folder(tmp_path / "d", lines, np.repeat(pictures(), 3, axis=3))
    found = sections(render(check(folder)))
    assert "- 72 images of 8 x 8 pixels, RGB" in found["Content"]
    assert "- subjects unknown" in found["Content"]
    assert table(found["Classes"])[0] == ["class", "images"]
    assert "Warnings" not in found


def test_synthetic_images_are_said_to_be_so(tmp_path):
    text = render(check(write_folder(tmp_path / "d", synthetic=True)))
    assert "synthetic images: for trying things out, not for results" in text


@pytest.mark.parametrize("name", ["images.npy", "index.csv", "manifest.json", "splits.csv"])
def test_the_card_of_a_damaged_folder_begins_with_its_errors(name, folder):
    (folder / name).write_text("{")
    report = check(folder)
    text = render(report)
    assert text.splitlines()[:5][2] == "## Errors"
    found = sections(text)
    assert found["Errors"][0] == "**Do not use it as it is.**"
    assert len(found["Errors"]) == 1 + len(report.errors) > 1
    if name != "manifest.json":
        assert "72 of 74 are used." in found["Left out"]


def test_a_manifest_of_anything_gives_a_card(folder):
    content = json.loads((folder / "manifest.json").read_text())
    for key in content:
        for value in (None, [], {}, "x", -1, 2**70, [[]], {"a": []}, {"a": {}}, True):
            (folder / "manifest.json").write_text(json.dumps({**content, key: value}))
            assert render(check(folder)).startswith("# ")
