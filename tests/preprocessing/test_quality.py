"""Flat images and copies are found, and dropped only on request."""

from __future__ import annotations

import numpy as np
import pytest

from preprocessing import quality
from preprocessing.dataset import Dataset
from preprocessing.prepare import prepare


@pytest.fixture
def images(raw):
    """a, a, b, c, c, c and two flat ones that differ from each other."""
    level = np.full((48, 48), 80, np.uint8)
    nearly = level.copy()
    nearly[0, :5] = 90
    order = [raw.face(n) for n in (0, 0, 1, 2, 2, 2)]
    return np.stack([*order, level, nearly])[..., None]


LABELS = ["sad", "sad", "sad", "happy", "fear", "happy", "sad", "sad"]
SPLITS = ["train", "train", "train", "validation", "test", "test", "train", "test"]
SOURCES = list("abcdefgh")


def test_findings(images):
    found = quality.inspect(images, LABELS, SPLITS, SOURCES)
    assert found["flat"] == {"images": 2, "examples": ["g", "h"]}
    assert found["duplicates"] == {
        "groups": 2,
        "surplus": 3,
        "examples": [["a (sad)", "b (sad)"], ["d (happy)", "e (fear)", "f (happy)"]],
    }
    assert found["conflicting_labels"]["groups"] == 1
    assert found["conflicting_labels"]["examples"] == [["d (happy)", "e (fear)", "f (happy)"]]
    spanning = {border: report["groups"] for border, report in found["spanning_splits"].items()}
    assert spanning == {
        "train+validation": 0,
        "train+test": 0,
        "validation+test": 1,
        "train+validation or test": 0,
    }


def test_a_copy_across_train_and_test_counts_on_both_borders_it_crosses(images):
    splits = ["train", "test", *SPLITS[2:]]
    found = quality.inspect(images, LABELS, splits, SOURCES)["spanning_splits"]
    assert found["train+test"]["examples"] == [["a (sad)", "b (sad)"]]
    assert found["train+validation or test"]["groups"] == 1
    assert found["train+validation"]["groups"] == 0


def test_examples_end_at_twenty_and_counts_do_not(raw):
    images = np.stack([raw.face(n // 2) for n in range(60)])[..., None]
    found = quality.inspect(images, ["sad"] * 60, [""] * 60, list(map(str, range(60))))
    assert found["duplicates"]["groups"] == 30 and len(found["duplicates"]["examples"]) == 20
    assert found["spanning_splits"] == {}


@pytest.mark.parametrize(
    ("options", "dropped"),
    [
        ({}, {}),
        ({"drop_duplicates": True}, {"duplicate of an earlier image": 2}),
        ({"drop_flat": True}, {"flat image": 3}),
        (
            {"drop_flat": True, "drop_duplicates": True},
            {"flat image": 3, "duplicate of an earlier image": 1},
        ),
    ],
)
def test_dropping_on_request(options, dropped, raw, tmp_path):
    flat = " ".join(["7"] * 48 * 48)
    extra = [f"3,{raw.pixels(0)},PrivateTest", f"0,{flat},Training", f"1,{flat},Training"]
    extra += [f"2,{' '.join(['8'] * 48 * 48)},Training"]
    source = raw.directory(tmp_path / "raw", {"fer2013.csv": raw.fer_csv(*extra)})
    prepare("fer2013", source, tmp_path / "out", notice=[].append, **options)
    dataset = Dataset.open(tmp_path / "out")
    assert dataset.manifest["dropped"] == dropped
    assert dataset.manifest["seen"] == 28 + 4 == len(dataset) + sum(dropped.values())
    assert dataset.sources[0] == "fer2013.csv:2" and dataset.labels[0] == 0  # the first copy stays
    surplus = 0 if "drop_duplicates" in options else 1 if "drop_flat" in options else 2
    assert dataset.manifest["quality"]["duplicates"]["surplus"] == surplus
