"""SmallResNet against counts by hand and a NumPy network written from its description."""

import backbone_probes as probes
import convolution_reference as ref
import keras
import numpy as np
import pytest
from layer_probes import features, to_numpy

from attention_fer import models

BLOCKS = [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (4, 1)]
CHANNELS = {1: 24, 2: 48, 3: 96, 4: 192}
SMALL = {"input_shape": (20, 17, 2), "classes": 5, "width": 0.25}


def plain_count():
    """Kernels, two weights for each normalised channel, and the classifier of seven classes."""
    total, channels = 9 * 1 * 24 + 2 * 24, 24
    for stage, i in BLOCKS:
        filters = CHANNELS[stage]
        total += 9 * channels * filters + 9 * filters * filters + 4 * filters
        if stage > 1 and i == 1:
            total += channels * filters + 2 * filters
        channels = filters
    return total + 192 * 7 + 7


def of_modules(attention):
    """Weights of the modules after the six branches."""
    kernels = {24: 3, 48: 3, 96: 3, 192: 5}
    total = 0
    for stage, _ in BLOCKS:
        channels = CHANNELS[stage]
        hidden = channels // 16
        dense = 2 * channels * hidden + hidden + channels
        total += {"se": dense, "eca": kernels[channels], "cbam": dense + 7 * 7 * 2 + 2}[attention]
    return total


@pytest.mark.parametrize(
    ("attention", "trainable"),
    [(None, 899_407), ("se", 907_478), ("eca", 899_427), ("cbam", 908_078)],
)
def test_the_number_of_parameters(attention, trainable):
    model = probes.plan("small_resnet", attention=attention)
    assert model.input_shape == (None, 48, 48, 1)
    assert probes.trainable(model) == trainable
    assert trainable == plain_count() + (of_modules(attention) if attention else 0)
    if attention is None:
        assert model.count_params() == 902_143  # with the moving statistics


def test_the_maps_of_a_crop_of_44_pixels():
    model = probes.plan("small_resnet", input_shape=(44, 44, 1))
    assert shapes(model) == [
        *[(22, 22, 24), (11, 11, 48), (11, 11, 48)],
        *[(6, 6, 96), (6, 6, 96), (3, 3, 192)],
    ]


def shapes(model):
    return [model.get_layer(f"stage{s}_block{i}_out").output.shape[1:] for s, i in BLOCKS]


def test_a_stem_without_stride_doubles_the_maps():
    model = probes.plan("small_resnet", input_shape=(44, 44, 1), stem_stride=1)
    assert shapes(model) == [
        *[(44, 44, 24), (22, 22, 48), (22, 22, 48)],
        *[(11, 11, 96), (11, 11, 96), (6, 6, 192)],
    ]
    assert model.count_params() == 902_143
    with pytest.raises(ValueError, match="stem_stride must be 1 or 2, got 3"):
        models.build("small_resnet", stem_stride=3)


def conv_norm(x, w, name, stride=1):
    kernel = w[f"{name}_conv"][0]
    return ref.norm(ref.conv(x, kernel, stride=stride, pad=kernel.shape[0] // 2), *w[f"{name}_bn"])


def network(x, w, stem_stride=2):
    x = np.maximum(conv_norm(x, w, "stem", stem_stride), 0)
    for stage, i in BLOCKS:
        name, stride = f"stage{stage}_block{i}", 2 if stage > 1 and i == 1 else 1
        shortcut = conv_norm(x, w, f"{name}_0", stride) if stride == 2 else x
        y = np.maximum(conv_norm(x, w, f"{name}_1", stride), 0)
        x = np.maximum(conv_norm(y, w, f"{name}_2") + shortcut, 0)
    kernel, bias = w["predictions"]
    return x.mean((1, 2)) @ kernel + bias


@pytest.fixture(scope="module")
def small():
    return probes.randomised_network(models.SmallResNet(**SMALL, classifier_activation=None))


@pytest.mark.slow
@pytest.mark.parametrize("stride", [1, 2])
def test_the_outputs_are_those_of_the_description_in_numpy(small, stride):
    model = models.SmallResNet(**SMALL, classifier_activation=None, stem_stride=stride)
    model.set_weights(small.get_weights())
    x = features(3, 20, 17, 2)
    expected = network(x.astype("float64"), ref.weights_by_layer(small), stride)
    np.testing.assert_allclose(to_numpy(model(x)), expected, rtol=1e-4, atol=1e-4 * expected.std())


@pytest.mark.slow
def test_every_block_starts_as_its_shortcut():
    model = models.SmallResNet(**SMALL, attention="eca", seed=0)
    parts = ["stage2_block2_add", "stage2_block1_out"]
    inner = keras.Model(model.input, [model.get_layer(name).output for name in parts])
    added, shortcut = map(to_numpy, inner(features(2, 20, 17, 2)))
    np.testing.assert_array_equal(added, shortcut)


def test_attention_is_before_the_addition_of_every_block():
    model = probes.plan("small_resnet", attention="eca", **SMALL)
    assert probes.attentions(model) == [f"stage{s}_block{i}_attention" for s, i in BLOCKS]
    assert probes.around(model, "stage3_block2_attention") == (
        ["stage3_block2_2_bn"],
        {"stage3_block2_add"},
    )


def test_stages_and_position_choose_the_places():
    options = {"attention_stages": (1, 4), "attention_position": "post-add"}
    model = probes.plan("small_resnet", attention="eca", **options, **SMALL)
    assert probes.attentions(model) == ["stage1_block1_attention", "stage4_block1_attention"]
    assert probes.graph(model)["stage4_block1_attention"] == ["stage4_block1_out"]


def test_the_dropout_is_before_the_classifier_or_head():
    model = probes.plan("small_resnet", dropout=0.4, **SMALL)
    assert model.get_layer("dropout").rate == 0.4
    assert probes.around(model, "dropout") == (["avg_pool"], {"predictions"})
    model = probes.plan("small_resnet", head="transfer-resnet50", **SMALL)
    assert probes.around(model, "head_fc1")[0] == ["dropout"]
    names = [x.name for x in probes.plan("small_resnet", include_top=False, **SMALL).layers]
    assert "dropout" not in names and names[-1] == "stage4_block1_out"


def test_stochastic_depth_grows_evenly_and_ends_the_branch():
    model = probes.plan("small_resnet", attention="eca", drop_path=0.5, **SMALL)
    rates = {x.name: x.rate for x in model.layers if x.name.endswith("_drop_path")}
    expected = [f"stage{s}_block{i}_drop_path" for s, i in BLOCKS[1:]]
    assert list(rates) == expected
    np.testing.assert_allclose(list(rates.values()), [0.1, 0.2, 0.3, 0.4, 0.5])
    assert probes.around(model, "stage4_block1_drop_path") == (
        ["stage4_block1_attention"],
        {"stage4_block1_add"},
    )


@pytest.mark.slow
def test_networks_of_one_seed_start_equal_where_both_have_a_layer():
    probes.starts_equal("small_resnet", **SMALL)


@pytest.mark.slow
def test_it_trains_and_is_saved_whole(tmp_path):
    model = models.SmallResNet(**SMALL, attention="eca", drop_path=0.1, seed=3)
    # At the start the branches add nothing, so that nothing before their last scale is moved.
    probes.trains_saves_and_loads(probes.randomised_network(model), tmp_path)


@pytest.mark.slow
def test_it_computes_the_same_channels_first(small):
    probes.computes_the_same_channels_first(
        small, "small_resnet", **SMALL, classifier_activation=None
    )


@pytest.mark.slow
def test_under_mixed_precision_the_classifier_computes_in_float32():
    probes.ends_in_float32_under_mixed_precision("small_resnet", attention="eca", **SMALL)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": (15, 48, 1)}, "SmallResNet.*at least 16 pixels"),
        ({"attention_position": "last"}, "'pre-add', 'post-add'"),
        ({"attention_stages": (5,)}, r"some of \(1, 2, 3, 4\)"),
        ({"pooling": "mean"}, "'avg', 'max'"),
        ({"weights": "imagenet"}, "'small_resnet'.*ImageNet"),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_with_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        probes.plan("small_resnet", **options)


def fed_by(model):
    """The layers that feed each attention layer, and those it feeds."""
    found = {}
    for layer in model.layers:
        if layer.name.endswith("_attention"):
            (node,) = layer._inbound_nodes
            found[layer.name.removesuffix("_attention")] = (
                node.parent_nodes[0].operation.name,
                sorted(out.operation.name for out in layer._outbound_nodes),
            )
    return found


@pytest.mark.parametrize(
    ("options", "places"),
    [
        (
            {"attention_position": "pre-norm", "attention_stages": (2,)},
            {
                "stage2_block1": ("stage2_block1_2_conv", ["stage2_block1_2_bn"]),
                "stage2_block2": ("stage2_block2_2_conv", ["stage2_block2_2_bn"]),
            },
        ),
        (
            {"attention_position": "stage", "attention_stages": (1, 3)},
            {
                "stage1": ("stage1_block1_out", ["stage2_block1_0_pick", "stage2_block1_1_pad"]),
                "stage3": ("stage3_block2_out", ["stage4_block1_0_pick", "stage4_block1_1_pad"]),
            },
        ),
        (
            {"attention_position": "pre-conv", "attention_stages": (4,)},
            {
                "stage4_block1_0": ("stage3_block2_out", ["stage4_block1_0_pick"]),
                "stage4_block1_1": ("stage3_block2_out", ["stage4_block1_1_pad"]),
                "stage4_block1_2": ("stage4_block1_1_relu", ["stage4_block1_2_conv"]),
            },
        ),
    ],
)
def test_attention_sits_where_the_position_says(options, places):
    assert fed_by(probes.plan("small_resnet", attention="eca", **options)) == places
