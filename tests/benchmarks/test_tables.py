"""The tables: their figures are the published ones, and their rows can be built."""

import subprocess
import sys
from dataclasses import replace
from functools import lru_cache

import pytest
from fabricated import cell, plan, target

from attention_fer import layers, models
from benchmarks import published, tables
from benchmarks.plan.settings import choices, profile, settle
from benchmarks.table import Row
from benchmarks.train.network import network

SHAPE = {"input_shape": (48, 48, 1), "classes": 7}


def figures(name, dataset="ckplus"):
    """The published figures of a table's rows on a dataset, None where there is none."""
    table = tables.get(name)
    return [table.published.get((row, dataset)) for row in table.of(dataset)]


# Copied once more from the published document, independently of the tables.
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("base", [87.91, 90.66, 87.91, 88.46, 85.71, 88.46, 88.62, 89.01]),
        ("reduction-se", [None, 87.2637, 88.4615, 89.5604, 87.9121]),
        ("reduction-cbam", [None, 90.46, 89.01, 91.21, 90.66]),
        ("eca-kernel", [None, 88.46, 89.65, 89.11, 87.36, 88.56, 90.23]),
        ("vgg-placement", [None, 89.01, 90.11, 87.91]),
        ("activation", [85.16, 87.91, 88.21]),
        ("pooling", [82.97, 88.46]),
        ("batch-size", [88.01, 88.01, 86.91, 85.81]),
        ("optimizer", [None] * 4),
        ("learning-rate", [None] * 4),
    ],
)
def test_published_figures_stand_at_their_rows(name, expected):
    assert figures(name) == expected


def test_rows_name_their_options_in_words():
    row = Row(
        "vgg16",
        "eca",
        config={"kernel_size": None},
        settings={"train_samples": None, "flip": False, "drop_copies": True, "width": 0.5},
    )
    assert row.network == "eca (adaptive kernel size)"
    assert row.setting == "drop copies, no flip, all train samples, width 0.5"
    without = Row("vgg16", settings={"crop_size": None, "augmentation": (), "resample": ""})
    assert without.setting == "no augmentation, no crop size, no resample"


def test_the_reference_of_the_table_of_copies_is_a_cell_of_the_attention_table():
    table = tables.get("copies").with_recipe("fer-small")
    usual = tables.get("attention").select(["small_resnet"], ["none"]).with_recipe("fer-small")
    changes = tuple(table.profile("full").items())
    without, with_copies = plan(table.rows, [target()], seeds=1, usual=changes, asked=()).cells
    asked = (("drop_copies", True),)
    assert (without,) == plan(usual.rows, [target()], seeds=1, asked=asked).cells
    assert (without.settings.drop_copies, with_copies.settings.drop_copies) == (True, False)
    assert table.reference(with_copies.row, "fer2013") == without.row


def test_every_dataset_has_its_own_batch_sizes():
    assert figures("batch-size", "jaffe") == [60.00, 68.89, 64.44, 15.56]
    assert figures("batch-size", "fer2013") == [57.02, 58.05, 57.17, 53.98]
    table = tables.get("batch-size")
    sizes = {name: [dict(r.settings)["batch_size"] for r in table.of(name)] for name in "ab"}
    assert sizes["a"] == [32, 64, 128, 256]
    chosen = {
        name: dict(table.reference(table.of(name)[0], name).settings)["batch_size"]
        for name in ("ckplus", "jaffe", "fer2013", "mine")
    }
    assert chosen == {"ckplus": 16, "jaffe": 4, "fer2013": 64, "mine": 64}


# The printed numbers of parameters, in units of 10,000, cut off or rounded.
PRINTED = {
    "reduction-se": [2349, 3356, 2853, 2602, 2476],
    "reduction-cbam": [2349, 3357, 2854, 2602, 2477],
    "eca-kernel": [2349, 2350, 2353, 2356, 2359, 2362, 2365],
    "vgg-placement": [3992, 3999, 3995, None],
}
SOME = [("reduction-se", 1), ("reduction-cbam", 2), ("eca-kernel", 4), ("vgg-placement", 1)]
ALL = [(name, row) for name, counts in PRINTED.items() for row, n in enumerate(counts) if n]


@pytest.mark.parametrize(
    ("name", "number"),
    [pytest.param(*one, marks=[] if one in SOME else pytest.mark.slow) for one in ALL],
)
def test_the_published_networks_have_the_printed_numbers_of_parameters(name, number):
    row = tables.get(name).rows[number]
    attention = (row.attention, dict(row.config)) if row.config else row.attention
    model = published.build(row.backbone, attention, **SHAPE, **dict(row.options))
    count = model.count_params() / 1e4
    assert PRINTED[name][number] in (int(count), round(count))


@lru_cache
def built(row, width):
    """What tells a row's network from another's: its layers with their options."""
    network_only = cell(
        settings=profile("quick", width=width),
        backbone=row.backbone,
        attention=row.attention,
        config=row.config,
        options=row.options,
    )
    model = network(network_only, *SHAPE.values())
    return str([(x.name, type(x).__name__, x.get_config()) for x in model.layers])


SLOW = {*PRINTED, "small-cnn", "transfer", "transformers", "distillation", "imbalance"}


def untaught(row):
    """Its network: without a teacher, and without weights that would have to be fetched."""
    options = tuple(pair for pair in row.options if pair[0] != "weights")
    return replace(row, teacher=None, distillation=(), warm_start=False, options=options)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else [])
        for name in tables.names()
        if name not in ("attention", "base")
    ],
)
def test_every_row_can_be_built_at_the_quick_width_and_differs_from_the_others(name):
    table = tables.get(name)
    quick = ("quick", table.profile("quick"))
    made = {
        (
            built(replace(untaught(row), settings=()), quick[1]["width"]),
            settle(choices(recipe=row.recipe, profile=quick, row=dict(row.settings))),
            row.teacher,
            row.distillation,
            dict(row.options).get("weights"),
        )
        for row in table.rows
    }
    assert len(made) == len(table.rows)


@pytest.mark.parametrize("name", tables.names())
def test_every_reference_is_a_row_and_its_own_reference(name):
    table = tables.get(name)
    for dataset in ("ckplus", "jaffe", "fer2013", "mine"):
        for row in table.of(dataset):
            reference = table.reference(row, dataset)
            assert reference in table.of(dataset)
            assert table.reference(reference, dataset) == reference


def test_a_control_follows_the_networks_with_attention_and_is_matched_to_one():
    table = tables.get("reduction-se").with_controls()
    controls = [row for row in table.rows if row.matched]
    assert [dict(row.config)["reduction_ratio"] for row in controls] == [4, 8, 16, 32]
    assert all(row.attention == "none" and row.matched == "se" for row in controls)
    assert table.rows[-4:] == tuple(controls)
    attention = tables.get("attention").with_controls()
    assert len(attention.rows) == 32 + 24
    assert attention.rows[4].label == "vgg16 none, widened to the parameters of se"
    assert attention.reference(attention.rows[4], "ckplus") == Row("vgg16")


def test_a_selection_keeps_what_the_table_says_of_it():
    table = tables.get("batch-size").select(["resnet50"])
    assert table == tables.get("batch-size")
    with pytest.raises(ValueError, match="Did you mean 'cbam'"):
        tables.get("attention").select(attentions=["cbm"])
    assert [r.attention for r in tables.get("attention").select(["vgg19"], ["eca"]).rows] == ["eca"]


def test_a_combination_that_is_asked_for_by_both_names_becomes_a_row():
    eeg = tables.get("eeg")
    assert {"cnn_v2", "mini_resnet"} <= {row.backbone for row in eeg.rows}
    (row,) = eeg.select(["cnn_v2"], ["se"]).rows
    assert (row.backbone, row.attention, row.recipe) == ("cnn_v2", "se", "eeg")
    assert ("cnn_v2", "se") not in {
        (row.backbone, row.attention) for row in eeg.select(attentions=["none", "se"]).rows
    }


def test_a_table_takes_every_registered_module_and_backbone():
    table = tables.get("attention").select(["convnext", "vgg16"], ["none", "cbam_channel"])
    assert table.rows == (
        Row("vgg16"),
        Row("convnext"),
        Row("convnext", "cbam_channel"),
        Row("vgg16", "cbam_channel"),
    )
    # What all rows of a table share, new rows share, too.
    rows = tables.get("attention").with_recipe("eeg").select(["cnn_v1"], ["eca"]).rows
    assert rows == (Row("cnn_v1", "eca", recipe="eeg"),)
    rates = tables.get("learning-rate").select(None, ["eca"])
    assert {row.settings for row in rates.rows} == {()}


# Where authors do not put their module once into each of the six residual branches.
PLACES = {"none": 0, "bam": 3, "gc": 5, "dan": 1, "gct": 15}


@pytest.mark.parametrize("row", tables.get("modules").rows, ids=lambda row: row.attention)
def test_each_module_of_the_table_fits_the_network(row):
    spec = None if row.attention == "none" else (row.attention, dict(row.config))
    options = {"input_shape": (44, 44, 1), **dict(row.options)}
    built = models.build(row.backbone, attention=spec, **options)
    found = [layer for layer in built.layers if layer.name.endswith("_attention")]
    assert len(found) == PLACES.get(row.attention, 6)


def test_the_table_of_modules_has_every_whole_module():
    rows = {row.attention for row in tables.get("modules").rows}
    halves = {"cbam_channel", "cbam_spatial"}
    assert rows == {"none", "sequence", *layers.names()} - halves


def test_all_stands_for_every_module_that_needs_no_others():
    rows = tables.get("attention").select(["small_resnet"], ["all"]).rows
    assert [row.attention for row in rows] == ["none", "se", "eca", "cbam"] + [
        name for name in layers.names() if name not in ("se", "eca", "cbam")
    ]


def test_registered_names_are_known_without_loading_keras():
    code = "import sys\nfrom benchmarks.plan import registered\n"
    code += "print(registered.attentions(), registered.backbones(), 'keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"{layers.names()} {sorted(models.names())} False"
