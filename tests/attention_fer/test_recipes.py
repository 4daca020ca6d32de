"""Recipes are sound data that need no framework."""

import subprocess
import sys

import numpy as np
import pytest

from attention_fer import recipes
from attention_fer.recipes import Recipe
from benchmarks.plan.settings import QUICK, Settings, choices, profile, settle


@pytest.mark.parametrize("name", recipes.names())
def test_every_recipe_is_within_range(name):
    settings = settle(choices(recipe=name))
    for key, value in vars(recipes.get(name)).items():
        assert getattr(settings, key) == value, key


def test_the_first_recipe_is_the_full_profile():
    assert recipes.changes("published") == {}
    assert profile("full") == Settings()


def test_the_quick_profile_keeps_its_own_values():
    quick = settle(choices(recipe="deit", profile=("quick", QUICK)))
    assert {key: getattr(quick, key) for key in QUICK} == dict(QUICK)
    assert quick.augmentation == recipes.get("deit").augmentation
    assert quick.weight_decay == 1e-4


def test_an_unknown_recipe_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'mini-resnet'"):
        recipes.get("mini_resnet")


def test_changes_are_what_differs():
    changes = recipes.changes("eeg")
    assert changes["flip"] is False and "optimizer" not in changes
    assert Recipe(**changes) == recipes.get("eeg")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimizer": "foo"}, "optimizer.*'foo'.*'adam'"),
        ({"optimizer": "adamm"}, "Did you mean 'adam'"),
        ({"schedule": "cosinus"}, "Did you mean 'cosine'"),
        ({"resample": "ower"}, "Did you mean 'over'"),
        ({"augmentation": (("flap", ()),)}, "Did you mean 'flip'"),
        ({"learning_rate": 0.0}, "learning_rate must be .*above 0.*0.0"),
        ({"label_smoothing": 1.0}, "label_smoothing must be .*below 1"),
        ({"channels": 2}, "channels must be 1, 3 or None, got 2"),
        ({"freeze": -1}, "freeze must be"),
        ({"freeze": "all", "unfreeze": (("2", ""),)}, "unfreeze must be"),
        ({"warmup_epochs": 2}, "warm-up"),
        ({"schedule": "cosine", "epochs": 2, "warmup_epochs": 2}, "warmup_epochs.*got 2 of 2"),
        ({"plateau_factor": 1.0}, "plateau_factor must be .*below 1"),
        ({"freeze": "all", "unfreeze": ((1, ""),)}, r"increase from 2 on, got \[1\]"),
        ({"freeze": "all", "unfreeze": ((9, 3), (3, ""))}, r"increase.*got \[9, 3\]"),
        ({"freeze": "all", "unfreeze": ((3, 3), (3, ""))}, r"increase.*got \[3, 3\]"),
        ({"learning_rate": np.arange(2)}, "learning_rate must be"),
    ],
)
def test_a_recipe_out_of_range_is_refused_when_it_is_made(changes, words):
    with pytest.raises(ValueError, match=words):
        Recipe(**changes)


def test_lists_and_whole_numbers_are_stored_as_they_are_compared():
    made = Recipe(zoom=0, augmentation=[["rotate", [["degrees", 5]]]])
    assert type(made.zoom) is float
    assert made == Recipe(zoom=0.0, augmentation=(("rotate", (("degrees", 5),)),))


def test_numbers_of_numpy_are_those_of_python():
    made = Recipe(
        epochs=np.int64(3),
        learning_rate=np.float64(0.5),
        zoom=np.float32(0.25),
        flip=np.bool_(False),
        augmentation=(("crop", (("padding", np.int32(2)),)),),
    )
    values = (("crop", (("padding", 2),)),)
    same = Recipe(epochs=3, learning_rate=0.5, zoom=0.25, flip=False, augmentation=values)
    assert made == same and repr(made) == repr(same)


def test_recipes_need_no_framework():
    code = "import sys; from attention_fer import recipes; print('keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
