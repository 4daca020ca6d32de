"""The registry of sources."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from preprocessing import sources


def test_names_lead_to_sources():
    eeg = ["deap", "eeg", "eeg-generated"]
    faces = ["fer2013", "ferplus", "folder", "jaffe", "rafdb", "schematic"]
    assert sources.names() == ["affectnet", "ck48", "ckextended", "ckplus", *eeg, *faces]
    assert all(sources.get(name).name == name for name in sources.names())


def test_sources_take_the_options_they_announce():
    options = {name: set(sources.get(name).options) for name in sources.names()}
    maps = {"window", "step", "features", "slices", "value_range", "size"}
    read = {"labels", "events", "subject_pattern", "montage", "drop_channels", "tmin", "tmax"}
    assert options == {
        "ckplus": {"frames", "neutral"},
        "deap": {"dimension", *maps},
        "eeg": {*read, *maps},
        "eeg-generated": {"subjects", "trials", "seed", *maps},
        "fer2013": set(),
        "ferplus": {"votes", "labels", "join"},
        "folder": {"subject_pattern", "labels", "columns"},
        **{name: set() for name in ("affectnet", "ck48", "ckextended", "rafdb")},
        "jaffe": set(),
        "schematic": {"subjects", "per_subject", "seed"},
    }
    for name, announced in options.items():
        taken = inspect.signature(sources.get(name).open).parameters
        assert set(taken) == announced | {"path", "notice"}


@pytest.mark.parametrize(("typo", "meant"), [("fer2103", "fer2013"), ("Schematics", "schematic")])
def test_unknown_name_is_answered_with_the_nearest(typo, meant):
    with pytest.raises(ValueError, match=f"dataset: '{typo}'.*Did you mean '{meant}'"):
        sources.get(typo)


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="already registered"):
        sources.register("fer2013", kind="maps")(sources.get("fer2013").open)


def test_a_misspelt_kind_is_refused():
    with pytest.raises(ValueError, match="kind.*'map'.*Did you mean 'maps'"):
        sources.register("mine", kind="map")(sources.get("fer2013").open)


def test_kinds_of_images():
    kinds = {name: sources.get(name).kind for name in sources.names()}
    photographs = dict.fromkeys(("ckplus", "folder", "jaffe"), "photographs")
    cut = ("affectnet", "ck48", "ckextended", "rafdb")
    faces = dict.fromkeys(("fer2013", "ferplus", "schematic", *cut), "faces")
    assert kinds == {
        **photographs,
        **faces,
        **dict.fromkeys(("deap", "eeg", "eeg-generated"), "maps"),
    }


def test_sources_are_read_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        sources.get("fer2013").name = "other"
