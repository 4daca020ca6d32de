"""The order of precedence of settings, and how --dry-run shows it."""

import io
from dataclasses import replace

import pytest
from fabricated import plan, target
from rich.console import Console

from benchmarks.plan.settings import choices, profile, settle
from benchmarks.run.display import show_settings
from benchmarks.table import Row


def chosen(**sources):
    given = {
        "recipe": "mini-resnet",  # learning_rate 1e-4, mean 0.5077, epochs 349, batch_size 256
        "profile": ("quick", {"epochs": 4, "width": 0.125, "optimizer": "by-norm", "zoom": 0.1}),
        "asked": {"width": 0.5, "optimizer": "sgd", "zoom": 0.2},
        "row": {"optimizer": "adam", "zoom": 0.3},
        "dataset": "jaffe",
    }
    return choices(**{**given, **sources})


def test_a_later_source_wins_and_is_named():
    found = {name: (one.value, one.source) for name, one in chosen().items()}
    assert found["mean"] == (0.5077, "recipe mini-resnet")
    assert found["epochs"] == (4, "profile quick")
    assert found["width"] == (0.5, "command line")
    assert found["optimizer"] == ("adam", "row")
    assert found["zoom"] == (0.3, "row")
    assert found["batch_size"] == (256, "recipe mini-resnet")
    assert found["ema"] == (0.0, "default")


def test_the_dataset_decides_the_batch_size_by_default():
    found = chosen(recipe="")["batch_size"]
    assert (found.value, found.source) == (4, "dataset jaffe")
    assert chosen(recipe="", dataset="fer2013")["batch_size"].value == 64
    assert chosen(recipe="", row={"batch_size": 8})["batch_size"].value == 8


@pytest.mark.parametrize("source", ["asked", "row"])
def test_an_unknown_setting_is_refused_wherever_it_comes_from(source):
    with pytest.raises(ValueError, match="setting.*'epoch'.*Did you mean 'epochs'"):
        chosen(**{source: {"epoch": 3}})


def test_a_value_out_of_range_is_refused():
    with pytest.raises(ValueError, match="epochs must be"):
        settle(chosen(asked={"epochs": 0}))


def test_a_profile_with_changes():
    assert profile("quick", "ckplus", batch_size=None, epochs=2).batch_size == 32
    assert profile("full", "ckplus").batch_size == 16


def test_a_dry_run_shows_values_and_sources():
    row = Row("vgg16", "se", settings={"zoom": 0.25})
    of = plan([row, Row("vgg16")], [target("jaffe")], profile="quick", usual=(("epochs", 4),))
    said = io.StringIO()
    show_settings(of, Console(file=said, width=120))
    lines = [line.split() for line in said.getvalue().splitlines()]
    assert ["all", "epochs", "4", "profile", "quick"] in lines
    assert ["all", "width", "0.25", "command", "line"] in lines
    assert ["vgg16", "se,", "zoom", "0.25", "zoom", "0.25", "row"] in lines
    assert not any(line[:2] == ["all", "zoom"] for line in lines)


def shown(*rows):
    """The lines of a dry run on the averaging of weights, each as words."""
    said = io.StringIO()
    show_settings(plan(rows, [target("jaffe")]), Console(file=said, width=160))
    return [line.split() for line in said.getvalue().splitlines() if " ema " in line]


def test_a_dry_run_shows_what_most_rows_share_once():
    common = {"backbone": "vgg16", "recipe": "fer-small"}
    rows = [Row(**common), Row(**common, attention="se"), Row(**common, settings={"ema": 0.0})]
    averaged = shown(*rows)
    assert averaged == [
        ["most", "ema", "0.99", "recipe", "fer-small"],
        ["vgg16", "none,", "recipe", "fer-small,", "ema", "0", "ema", "0", "row"],
    ]


def test_what_most_rows_change_themselves_is_shown_with_them():
    own = Row("vgg16", settings={"ema": 0.5})
    rows = [own, Row("vgg16", "se", settings={"ema": 0.5}), Row("vgg16", "eca")]
    averaged = shown(*rows)
    assert [line[-4:] for line in averaged] == [["0.5", "ema", "0.5", "row"]] * 2


def test_a_default_is_shown_where_most_rows_differ_from_it():
    common = {"backbone": "vgg16", "recipe": "fer-small"}
    rows = [Row(**common), Row(**common, attention="se"), Row("vgg16", "eca")]
    averaged = shown(*rows)
    assert averaged[1] == ["vgg16", "eca", "ema", "0", "default"]


def test_a_change_of_the_table_is_not_called_one_of_the_profile():
    of = plan([Row("vgg16")], [target("jaffe")], profile="quick")
    of = replace(of, usual=(("epochs", 4), ("width", 0.25), ("drop_copies", True)), asked=())
    sources = {name: one.source for name, one in of.choices(of.targets[0]).items()}
    assert sources["epochs"] == "profile quick"
    assert sources["width"] == sources["drop_copies"] == f"table {of.table.name}"


def test_a_dry_run_shows_a_setting_of_all_rows_once():
    rows = [Row("vgg16", attention, settings={"zoom": 0.25}) for attention in ("none", "se")]
    said = io.StringIO()
    show_settings(plan(rows, [target("jaffe")], profile="quick"), Console(file=said, width=120))
    lines = [line.split() for line in said.getvalue().splitlines()]
    assert ["all", "zoom", "0.25", "row"] in lines
    assert not any(line and line[0] == "vgg16" for line in lines)
