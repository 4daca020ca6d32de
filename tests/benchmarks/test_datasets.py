"""The prepared datasets that a table uses by default."""

import pytest
from rich.console import Console

from benchmarks import tables
from benchmarks.plan import datasets
from preprocessing.prepare import prepare


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    prepare("schematic", None, root / "faces", subjects=6, notice=lambda _: None)
    prepare("eeg-generated", None, root / "maps", subjects=3, trials=2, notice=lambda _: None)
    return root


@pytest.mark.parametrize(("table", "name"), [("attention", "schematic"), ("eeg", "eeg-generated")])
def test_a_table_takes_the_datasets_of_its_kind(table, name, root, tmp_path):
    wanted = tables.get(table).generated
    found = datasets.open_datasets(root, tmp_path, None, Console(), wanted)
    assert list(found) == [name] and found[name].path.parent == root


def test_a_dataset_that_is_named_is_taken_whatever_it_holds(root, tmp_path):
    found = datasets.open_datasets(root, tmp_path, ["maps"], Console(), "schematic")
    assert list(found) == ["eeg-generated"]


def test_without_a_dataset_a_synthetic_one_is_generated_with_a_message(
    root, tmp_path, monkeypatch, capsys
):
    def small(name, path, folder, overwrite):
        return prepare(name, path, folder, subjects=3, trials=2, overwrite=overwrite)

    monkeypatch.setattr("preprocessing.prepare.prepare", small)
    for _ in range(2):
        found = datasets.open_datasets(root / "none", tmp_path, None, Console(), "eeg-generated")
        assert found["eeg-generated"].synthetic
    assert "synthetic dataset eeg-generated" in capsys.readouterr().out
    assert (tmp_path / ".eeg-generated" / "manifest.json").is_file()
