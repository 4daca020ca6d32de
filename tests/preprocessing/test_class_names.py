"""Which names mean one class or one part, however they are written."""

from __future__ import annotations

import pytest

from attention_fer.common.class_names import (
    BASIC,
    clean,
    identity,
    is_expression,
    mentions_part,
    merged,
    ordered,
    part_of,
    position,
    what_was_merged,
)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("anger", "angry"),
        ("Happiness", "happy"),
        ("joy", "happy"),
        ("SURPRISED", "surprise"),
        ("disgusted", "disgust"),
        ("fearful", "fear"),
        ("sad ", "sadness"),
        ("angry\u200b", "angry"),
        ("\uff46\uff45\uff41\uff52", "fear"),
        ("very  happy", "very happy"),
        ("caf\u00e9", "cafe\u0301"),
        ("STRASSE", "straße"),
        ("0_anger", "Angry"),
        ("07 - Fearful", "fear"),
    ],
)
def test_spellings_of_one_class(name, other):
    assert identity(name) == identity(other)


@pytest.mark.parametrize(
    ("name", "other"),
    [("cat", "cats"), ("happy", "very happy"), ("", "x"), ("1_cat", "2_cat"), ("3", "4")],
)
def test_classes_that_differ(name, other):
    assert identity(name) != identity(other)


def test_expressions_are_known_by_any_of_their_names():
    assert all(map(is_expression, (*BASIC, "Anger", "contemptuous ", "Suprise")))
    assert not any(map(is_expression, ("angle", "train", "")))


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("train", ("train", "Training", "train_set", "TRAIN-images", "training data", "trainset")),
        ("validation", ("val", "valid", "Validation", "val_set", "dev", "Public Test")),
        ("test", ("test", "testing", "Test_Set", "test.images", "PrivateTest")),
        ("", ("trainer", "tests", "happy", "", "value", "contest", "images")),
    ],
)
def test_parts_have_several_names(part, names):
    assert [part_of(name) for name in names] == [part] * len(names)


def test_parts_may_be_a_word_of_a_name():
    assert all(map(mentions_part, ("FER2013Train", "my_val_2", "TEST faces", "train")))
    assert not any(map(mentions_part, ("FER2013", "contest", "protest_1", "happy", "")))


def test_one_spelling_is_kept_and_several_become_the_canonical_name():
    assert merged(["Happiness", "cat "]) == {"Happiness": "Happiness", "cat ": "cat"}
    assert merged(["Anger", "angry", "b"]) == {"Anger": "angry", "angry": "angry", "b": "b"}
    assert merged(["Cat", "cat"]) == {"Cat": "Cat", "cat": "Cat"}
    assert clean(" ") == " "  # a folder must have some name


def test_joined_and_renamed_classes_are_told_and_others_not():
    said = what_was_merged(merged(["Anger", "angry", "Happiness", "cat "]))
    assert said == [
        "'Anger' and 'angry' are one class, angry.",
        "The class 'cat ' is called 'cat'.",
    ]


def test_a_folder_finds_its_class_among_those_of_a_model():
    classes = ("angry", "happy", "Cat")
    assert [position(name, classes) for name in ("anger", "Happiness ", "cat", "dog")] == [
        *(0, 1, 2),
        None,
    ]
    assert position("anger", ("angry", "anger")) == 1  # this model tells them apart
    assert position("Angry", ("angry", "anger")) is None


def test_one_other_name_among_expressions_means_sorted():
    assert ordered(["sadness", "Happy", "neutral"]) == ("Happy", "sadness", "neutral")
    assert ordered(["sad", "happy", "bored"]) == ("bored", "happy", "sad")


def test_numbers_before_expressions_order_them():
    assert ordered(["1_sad", "0_surprise", "2_angry"]) == ("0_surprise", "1_sad", "2_angry")
