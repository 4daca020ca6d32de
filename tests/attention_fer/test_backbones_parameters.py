"""Exact numbers of parameters, computed once more from the papers' tables.

The networks are built without giving their variables values, which is quick and counts the same.
"""

import functools
import math
import re

import pytest
from layer_probes import without_values

from attention_fer import models

GREY = {"input_shape": (48, 48, 1), "classes": 7}
BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
WIDTHS = (256, 512, 1024, 2048)
ECA_KERNELS = {256: 5, 512: 5, 1024: 5, 2048: 7}
VGG = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}

COLOUR_1000 = {
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "resnet50": 25_636_712,
    "resnet101": 44_707_176,
    "resnet152": 60_419_944,
    "resnet50v2": 25_613_800,
    "resnet101v2": 44_675_560,
    "resnet152v2": 60_380_648,
}
GREY_7 = {
    "resnet50": 23_595_783,
    "resnet101": 42_666_247,
    "resnet152": 58_379_015,
    "resnet50v2": 23_572_871,
    "resnet101v2": 42_634_631,
    "resnet152v2": 58_339_719,
}
INCREMENTS = {
    "se": (2_530_992, 4_777_712, 6_629_040),
    "se without biases": (2_514_944, 4_743_168, 6_578_176),
    "cbam": (2_532_624, 4_781_078, 6_634_140),
    "eca": (86, 171, 256),
}


@functools.cache
def counts(name, attention=None, **options):
    """Total and trainable parameters."""
    spec = ("se", {"use_bias": False}) if attention == "se without biases" else attention
    with without_values():
        model = models.build(name, attention=spec, **options)
        return _count(model.weights), _count(model.trainable_weights)


def _count(variables):
    return sum(math.prod(variable.shape) for variable in variables)


def vgg_grey_7(depth):
    """Convolutions, then 512 features of the 1x1 map into 4096, 4096 and 7 units."""
    total, channels = 0, 1
    for filters, repeats in zip((64, 128, 256, 512, 512), VGG[depth], strict=True):
        for _ in range(repeats):
            total += 9 * channels * filters + filters
            channels = filters
    return total + 512 * 4096 + 4096 + 4096 * 4096 + 4096 + 4096 * 7 + 7


def module(attention, channels):
    """One module on a map of so many channels, ratio 16."""
    if attention == "eca":
        return ECA_KERNELS[channels]
    hidden = channels // 16
    dense = 2 * channels * hidden
    biases = 0 if attention == "se without biases" else hidden + channels
    spatial = 7 * 7 * 2 + 4 if attention == "cbam" else 0
    return dense + biases + spatial


def increment(name, attention):
    if attention is None:
        return 0
    depth = int(name.removesuffix("v2").strip("vgresnt"))
    if name.startswith("vgg"):
        return module(attention, 512)
    return sum(n * module(attention, c) for n, c in zip(BLOCKS[depth], WIDTHS, strict=True))


def plain_grey_7(name):
    return vgg_grey_7(int(name[3:])) if name.startswith("vgg") else GREY_7[name]


@pytest.mark.parametrize(("name", "total"), COLOUR_1000.items())
def test_plain_networks_for_imagenet_have_the_parameters_of_keras(name, total):
    assert counts(name)[0] == total


def deeper(name):
    return [pytest.mark.slow] if re.search("101|152", name) else []


@pytest.mark.parametrize("name", [pytest.param(name, marks=deeper(name)) for name in COLOUR_1000])
@pytest.mark.parametrize("attention", (None, "se", "eca", "cbam"))
def test_the_32_networks_are_the_plain_ones_and_their_modules(name, attention):
    total, _ = counts(name, attention, **GREY)
    assert total == plain_grey_7(name) + increment(name, attention)


@pytest.mark.parametrize("version", ("", "v2"))
@pytest.mark.parametrize(
    "depth",
    [pytest.param(i, marks=deeper(name), id=name) for i, name in enumerate(("50", "101", "152"))],
)
@pytest.mark.parametrize("attention", INCREMENTS)
def test_modules_on_every_block_add_the_parameters_of_the_table(attention, depth, version):
    name = ("resnet50", "resnet101", "resnet152")[depth] + version
    added = counts(name, attention, **GREY)[0] - counts(name, **GREY)[0]
    assert added == INCREMENTS[attention][depth] == increment(name, attention)


@pytest.mark.parametrize(
    "depth", [pytest.param(depth, marks=deeper(str(depth))) for depth in BLOCKS]
)
def test_cbam_trains_all_but_the_two_moving_statistics_of_each_block(depth):
    total, trainable = (
        with_it - without
        for with_it, without in zip(
            counts(f"resnet{depth}", "cbam", **GREY), counts(f"resnet{depth}", **GREY), strict=True
        )
    )
    assert total - trainable == 2 * sum(BLOCKS[depth])


def test_a_network_with_values_counts_the_same():
    model = models.build("resnet50", attention="cbam", **GREY)
    assert model.count_params() == 26_128_407 == counts("resnet50", "cbam", **GREY)[0]
    assert _count(model.trainable_weights) == counts("resnet50", "cbam", **GREY)[1]
