"""Where the attention layers sit: which layer feeds each, and which layers it feeds."""

import pytest
from layer_probes import without_values

from attention_fer import models
from attention_fer.layers import AttentionModule

RESNET = {
    # position: (block, what feeds its attention, what the attention feeds)
    "resnet50": {
        "pre-add": [
            ("conv3_block1", "3_bn", {"conv3_block1_add"}),
            ("conv3_block2", "3_bn", {"conv3_block2_add"}),
        ],
        "post-add": [
            ("conv3_block1", "out", {"conv3_block2_1_conv", "conv3_block2_add"}),
            ("conv3_block4", "out", {"conv4_block1_0_conv", "conv4_block1_1_conv"}),
            ("conv5_block3", "out", {"avg_pool"}),
        ],
        "pre": [
            ("conv2_block1", "pool1_pool", {"conv2_block1_1_conv"}),
            ("conv3_block1", "conv2_block3_out", {"conv3_block1_1_conv"}),
            ("conv3_block2", "conv3_block1_out", {"conv3_block2_1_conv"}),
        ],
        "identity": [
            ("conv3_block1", "0_bn", {"conv3_block1_add"}),
            ("conv3_block2", "conv3_block1_out", {"conv3_block2_add"}),
        ],
        "after-3x3": [("conv3_block2", "2_relu", {"conv3_block2_3_conv"})],
    },
    "resnet50v2": {
        "pre-add": [
            ("conv3_block1", "3_conv", {"conv3_block1_out"}),
            ("conv3_block4", "3_conv", {"conv3_block4_out"}),
        ],
        "post-add": [
            ("conv3_block1", "out", {"conv3_block2_preact_bn", "conv3_block2_out"}),
            ("conv3_block3", "out", {"conv3_block4_preact_bn", "conv3_block4_0_pool"}),
            ("conv5_block3", "out", {"post_bn"}),
        ],
        "pre": [
            ("conv3_block1", "preact_relu", {"conv3_block1_1_conv"}),
            ("conv3_block2", "preact_relu", {"conv3_block2_1_conv"}),
        ],
        "identity": [
            ("conv3_block1", "0_conv", {"conv3_block1_out"}),
            ("conv3_block2", "conv3_block1_out", {"conv3_block2_out"}),
            ("conv3_block4", "0_pool", {"conv3_block4_out"}),
        ],
        "after-3x3": [("conv3_block2", "2_relu", {"conv3_block2_3_conv"})],
    },
}
VGG = {
    "last": {"block5_pool": "flatten"},
    (2, 5): {"block1_conv2": "block1_pool", "block3_conv1": "block3_conv2"},
    "every": {
        "block1_conv1": "block1_conv2",
        "block3_conv3": "block3_pool",
        "block5_conv3": "block5_pool",
    },
}


def build(name, **options):
    options = {"input_shape": (32, 32, 3), "classes": 4, "width": 0.25, **options}
    with without_values():
        return models.build(name, attention="se", **options)


def sources(arguments):
    if isinstance(arguments, dict):
        if arguments.get("class_name") == "__keras_tensor__":
            yield arguments["config"]["keras_history"][0]
        else:
            yield from sources(list(arguments.values()))
    elif isinstance(arguments, (list, tuple)):
        for argument in arguments:
            yield from sources(argument)


def graph(model):
    """Layer name to the names of the layers that feed it, read from the configuration."""
    config = model.get_config()["layers"]
    return {layer["name"]: list(sources(layer["inbound_nodes"])) for layer in config}


def attentions(model):
    return [layer.name for layer in model.layers if isinstance(layer, AttentionModule)]


def fed_by(edges, name):
    return {layer for layer, feeders in edges.items() if name in feeders}


@pytest.mark.parametrize("position", RESNET["resnet50"])
@pytest.mark.parametrize("name", RESNET)
def test_a_position_in_a_residual_block_is_where_the_documentation_says(name, position):
    model = build(name, attention_position=position)
    edges = graph(model)
    assert len(attentions(model)) == 16
    for block, feeder, fed in RESNET[name][position]:
        attention = f"{block}_attention"
        whole = feeder if feeder.startswith(("conv", "pool")) else f"{block}_{feeder}"
        assert edges[attention] == [whole]
        assert fed_by(edges, attention) == fed


@pytest.mark.parametrize("name", RESNET)
def test_the_standard_position_is_before_the_addition(name):
    edges = graph(build(name))
    for block, feeder, fed in RESNET[name]["pre-add"]:
        assert edges[f"{block}_attention"] == [f"{block}_{feeder}"]
        assert fed_by(edges, f"{block}_attention") == fed


@pytest.mark.parametrize("position", ("pre", "pre-add", "after-3x3"))
@pytest.mark.parametrize("name", RESNET)
def test_the_shortcut_does_not_pass_the_attention_of_the_branch(name, position):
    edges = graph(build(name, attention_position=position))
    join = "conv3_block2_out" if name.endswith("v2") else "conv3_block2_add"
    assert "conv3_block1_out" in edges[join]


@pytest.mark.parametrize(("position", "expected"), VGG.items())
def test_a_position_in_vgg_is_where_the_documentation_says(position, expected):
    model = build("vgg16", attention_position=position)
    edges = graph(model)
    assert len(attentions(model)) == (13 if position == "every" else len(expected))
    for feeder, fed in expected.items():
        attention = f"{feeder}_attention"
        assert edges[attention] == [feeder]
        assert fed_by(edges, attention) == {fed}


def test_vgg_without_a_position_takes_the_last():
    assert attentions(build("vgg19")) == ["block5_pool_attention"]


@pytest.mark.parametrize("stages", [(3,), (2, 5), 4])
@pytest.mark.parametrize("name", RESNET)
def test_stages_choose_the_blocks(name, stages):
    depths = dict(zip((2, 3, 4, 5), (3, 4, 6, 3), strict=True))
    chosen = (stages,) if isinstance(stages, int) else stages
    expected = {f"conv{s}_block{i + 1}_attention" for s in chosen for i in range(depths[s])}
    assert set(attentions(build(name, attention_stages=stages))) == expected


def test_stages_choose_the_convolutions_of_vgg():
    every = attentions(build("vgg16", attention_position="every", attention_stages=(2, 4)))
    places = [f"block{stage}_conv{i}" for stage, n in ((2, 2), (4, 3)) for i in range(1, n + 1)]
    assert every == [f"{place}_attention" for place in places]
    some = attentions(build("vgg16", attention_position=(2, 5), attention_stages=3))
    assert some == ["block3_conv1_attention"]


def test_no_attention_leaves_no_trace():
    options = {"input_shape": (32, 32, 3), "classes": 4, "width": 0.25}
    with without_values():
        model = models.build("resnet50", attention=None, attention_position="pre", **options)
    assert attentions(model) == []
    assert not any("attention" in layer.name for layer in model.layers)
