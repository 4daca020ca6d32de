"""The real FER2013 gives the published numbers."""

from __future__ import annotations

import pytest

from preprocessing import splits
from preprocessing.prepare import prepare
from preprocessing.sources.fer2013 import EXPECTED

pytestmark = pytest.mark.data


def test_real_fer2013(data, tmp_path):
    notices = []
    archive = data / "fer2013" / "archive.zip"
    dataset = prepare("fer2013", archive, tmp_path / "out", notice=notices.append)
    manifest = dataset.manifest
    assert not any("blurrier" in notice for notice in notices) and manifest["dropped"] == {}
    assert manifest["seen"] == manifest["used"] == 35_887
    assert manifest["counts"] == EXPECTED
    found = manifest["quality"]
    assert found["flat"]["images"] == 13
    assert (found["duplicates"]["groups"], found["duplicates"]["surplus"]) == (1516, 1853)
    assert found["conflicting_labels"]["groups"] == 57
    assert found["spanning_splits"]["train+(validation or test)"]["groups"] == 531
    (parts,) = splits.stored(dataset, "published")
    assert [len(rows) for rows in parts.values()] == [20_099, 8_610, 7_178]
