"""The width at which a network without attention has as many parameters as one with."""

import math

import keras
import pytest
from fabricated import cell

from attention_fer import models
from benchmarks.plan.settings import Settings
from benchmarks.train.network import is_plain, matched_width, parameters

SHAPE = {"input_shape": (48, 48, 1), "classes": 7}


def stepped(width):
    """Parameters of two layers of whole channels, as of a real network."""
    channels = max(1, round(64 * width))
    return 9 * channels + 9 * channels * 2 * channels + 7


@pytest.mark.parametrize("width", [0.125, 1.0])
@pytest.mark.parametrize("growth", [0.5, 0.97, 1.003, 1.05, 1.4, 5.0])
def test_no_other_width_would_be_nearer(width, growth):
    target = int(stepped(width) * growth)
    found = matched_width(stepped, target, width, builds=40, tolerance=0)
    every = [stepped(channels / 64) for channels in range(1, 400)]
    assert abs(stepped(found) - target) == min(abs(count - target) for count in every)


def test_few_builds_are_enough():
    tried = []

    def count(width):
        tried.append(width)
        return round(1e6 * width**2 + 3e5 * width)

    target = round(count(1.0) * 1.12)
    found = matched_width(count, target, 1.0)
    assert abs(count(found) / target - 1) < 0.05 * 0.12
    assert len(tried) <= 6


def test_a_real_network_is_widened_to_its_counterpart():
    counterpart = models.build("resnet50v2", attention="cbam", width=0.125, **SHAPE).count_params()
    counts = {}

    def count(width):
        counts[width] = models.build("resnet50v2", width=width, **SHAPE).count_params()
        return counts[width]

    found = matched_width(count, counterpart, 0.125, tolerance=0.2, builds=5)
    assert abs(counts[found] - counterpart) < 0.2 * (counterpart - counts[0.125])


@pytest.mark.parametrize(
    ("changes", "equal"),
    [({"matched": "eca"}, True), ({"matched": "se"}, False), ({"attention": "eca"}, False)],
)
def test_a_control_of_eca_is_the_plain_network(changes, equal):
    control = cell(backbone="small_resnet", settings=Settings(), **changes)
    assert is_plain(control, (48, 48, 1), 7) is equal


def test_parameters_are_those_of_the_built_network():
    def build():
        return models.build("vgg16", attention="cbam", width=0.0625, **SHAPE)

    assert parameters(build) == sum(math.prod(weight.shape) for weight in build().weights)
    # What was only counted leaves nothing behind that a later network would trip over.
    assert keras.ops.convert_to_numpy(build()(keras.ops.ones((1, 48, 48, 1)))).sum() > 0.99


@pytest.mark.parametrize(("target", "width"), [(0, 1.0), (10, 0.0), (10, float("nan"))])
def test_what_cannot_be_matched_is_refused(target, width):
    with pytest.raises(ValueError, match="above 0"):
        matched_width(stepped, target, width)
