"""Every family of keras.applications takes attention, and docs/attaching.md says where."""

import importlib
import pkgutil

import keras
import pytest
from attached_families import HEAD, NETWORKS, PAGE, row

QUICK = ("MobileNetV2", "ResNet50V2", "VGG16")
SLOW = [pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS if name not in QUICK]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*QUICK, *SLOW])
def test_the_row_of_a_network_is_what_attaching_gives(name):
    line, spread = row(name)
    assert spread > 1e-3
    assert line in PAGE.read_text(encoding="utf-8").splitlines()
    kept, difference = line.removesuffix(" |").split(" | ")[-2:]
    assert difference == "0" and len(set(kept.split(" of "))) == 1


def test_the_page_has_a_row_for_every_family():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    first = lines.index(HEAD[0])
    assert lines[first + 1] == HEAD[1]
    rows = lines[first + 2 : first + 2 + len(NETWORKS)]
    assert [line.split(" ")[1] for line in rows] == list(NETWORKS)
    assert lines[first + 2 + len(NETWORKS)] == ""
    families = {one.name for one in pkgutil.iter_modules(keras.applications.__path__)}
    for family in families - {"imagenet_utils"}:
        # The module of MobileNetV3 has no builders.
        builders = dir(importlib.import_module(f"keras.applications.{family}"))
        named = [name for name in NETWORKS if name.lower().startswith(family.replace("_", ""))]
        assert named or set(builders) & set(NETWORKS), family
