"""The registry of sources."""

from __future__ import annotations

import dataclasses

import pytest

from preprocessing import sources


def test_names_lead_to_sources():
    assert {"fer2013", "schematic"} <= set(sources.names())
    assert all(sources.get(name).name == name for name in sources.names())


@pytest.mark.parametrize(("typo", "meant"), [("fer2103", "fer2013"), ("Schematics", "schematic")])
def test_unknown_name_is_answered_with_the_nearest(typo, meant):
    with pytest.raises(ValueError, match=f"unknown dataset '{typo}': did you mean '{meant}'"):
        sources.get(typo)


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="already registered"):
        sources.register(sources.get("fer2013"))


def test_sources_are_read_only():
    with pytest.raises(dataclasses.FrozenInstanceError):
        sources.get("fer2013").name = "other"
