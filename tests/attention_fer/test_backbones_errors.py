"""Every wrong option is refused with what is allowed."""

import pytest
from layer_probes import without_values

from attention_fer import models

ALL = ("vgg16", "resnet50", "resnet50v2")
RESNETS = ALL[1:]

WRONG = [
    (ALL, {"attention": "cbma"}, r"'cbma'.*'cbam'.*Did you mean 'cbam'"),
    (ALL, {"attention": ("se", {"reduction_ratio": 0})}, "reduction_ratio"),
    (ALL, {"attention_stages": ()}, r"attention_stages.*some of"),
    (ALL, {"attention_stages": (6,)}, r"attention_stages.*5\).*\(6,\)"),
    (RESNETS, {"attention_stages": (1,)}, r"some of \(2, 3, 4, 5\)"),
    (RESNETS, {"attention_stages": (2, 7)}, r"some of \(2, 3, 4, 5\)"),
    (RESNETS, {"attention_position": "preadd"}, r"'pre-add', 'post-add', .*Did you mean 'pre-add'"),
    (RESNETS, {"attention_position": "last"}, r"'after-3x3'"),
    (("vgg16",), {"attention_position": "pre-add"}, r"'last', 'every', 'a tuple of"),
    (("vgg16",), {"attention_position": (0,)}, r"from 1 to 13.*\(0,\)"),
    (("vgg16",), {"attention_position": (14,)}, r"from 1 to 13"),
    (("vgg16",), {"attention_position": ()}, r"from 1 to 13"),
    (("vgg16",), {"attention_stages": (1, 2)}, "attention_position.*place in attention_stages"),
    (
        ("vgg16",),
        {"attention_position": (1,), "attention_stages": (3,)},
        r"place.*attention_position=\(1,\) and attention_stages=\(3,\)",
    ),
    (ALL, {"stem": "smal"}, r"'smal'.*'imagenet', 'small'.*Did you mean 'small'"),
    (("vgg16",), {"pool_padding": "full"}, r"pool_padding.*'valid', 'same'"),
    (ALL, {"pooling": "mean", "include_top": False}, r"pooling.*'mean'.*'avg', 'max'"),
    (RESNETS, {"pooling": "mean"}, r"pooling.*'mean'.*'avg', 'max'"),
    (ALL, {"width": 0}, "width.*above 0.*0"),
    (ALL, {"width": -1.0}, "width.*above 0"),
    (ALL, {"width": float("nan")}, "width.*above 0"),
    (ALL, {"activation": "rulu"}, "rulu"),
    (RESNETS, {"outer_activation": "rulu"}, "rulu"),
    (ALL, {"input_shape": (32, 32)}, r"input_shape.*\(height, width, channels\)"),
    (ALL, {"input_shape": (32, 32, None)}, "known number of channels"),
    (("vgg16",), {"input_shape": (None, None, 3)}, "known height and width"),
]
WRONG_KIND = [
    ("vgg16", {"attention_position": 3}),
    ("vgg16", {"attention_stages": 2.5}),
    ("resnet50", {"attention_stages": 2.5}),
    ("resnet50", {"width": "1"}),
]


def build(name, options):
    defaults = {"input_shape": (32, 32, 3), "classes": 4, "width": 0.25, "attention": "se"}
    with without_values():
        return models.build(name, **{**defaults, **options})


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [(name, options, message) for names, options, message in WRONG for name in names],
    ids=str,
)
def test_a_wrong_value_is_refused_with_the_allowed_ones(name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name, options)


@pytest.mark.parametrize(
    "options",
    [{"input_shape": (31, 32, 3)}, {"input_shape": (15, 15, 3), "stem": "small"}],
    ids=str,
)
def test_an_image_too_small_for_the_max_pools_of_vgg_is_refused_with_the_least_size(options):
    with pytest.raises(ValueError, match="VGG.*at least 32 pixels"):
        build("vgg16", options)


@pytest.mark.parametrize("name", ALL)
def test_the_right_values_are_taken(name):
    assert build(name, {}).output_shape == (None, 4)


@pytest.mark.parametrize(("name", "options"), WRONG_KIND, ids=str)
def test_a_value_of_a_wrong_kind_is_refused_as_a_wrong_value(name, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        build(name, options)


def test_an_unknown_network_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"'resnet5'.*'vgg16', 'vgg19'.*Did you mean 'resnet50'"):
        models.build("resnet5")


def test_an_option_that_no_builder_has_is_refused():
    with pytest.raises(TypeError, match="atention"):
        models.build("vgg16", atention="se")


def test_a_name_belongs_to_one_network():
    assert models.register("vgg16", models.VGG16) is models.VGG16
    with pytest.raises(ValueError, match=r"'vgg16'.*already"):
        models.register("vgg16", models.VGG19)
    assert models.names()[:8] == [
        *("vgg16", "vgg19", "resnet50", "resnet101", "resnet152"),
        *("resnet50v2", "resnet101v2", "resnet152v2"),
    ]
