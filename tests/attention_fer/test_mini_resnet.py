"""MiniResNet against the printed table of its layers and a NumPy network written from it."""

import backbone_probes as probes
import convolution_reference as ref
import keras
import numpy as np
import pytest
from layer_probes import features, to_numpy, without_values

from attention_fer import models
from attention_fer.models.parts.basic_block import BasicBlocks
from attention_fer.models.parts.placement import Placement

# The table's rows with parameters: map after the row, parameters. A shortcut is one row.
STEM = [((48, 48, 16), 144), ((48, 48, 16), 32)]
TABLE = {
    (1, 1): ((24, 24, 32), [4_672, 4_608, 64, 9_216, 64]),
    (1, 2): ((24, 24, 32), [9_216, 64, 9_216, 64]),
    (2, 1): ((12, 12, 64), [18_560, 18_432, 128, 36_864, 128]),
    (2, 2): ((12, 12, 64), [36_864, 128, 36_864, 128]),
    (2, 3): ((12, 12, 64), [36_864, 128, 36_864, 128]),
    (3, 1): ((6, 6, 128), [73_984, 73_728, 256, 147_456, 256]),
    (3, 2): ((6, 6, 128), [147_456, 256, 147_456, 256]),
    (3, 3): ((6, 6, 128), [147_456, 256, 147_456, 256]),
    (3, 4): ((6, 6, 128), [147_456, 256, 147_456, 256]),
}
SMALL = {"input_shape": (20, 17, 2), "classes": 5, "width": 0.25}


def block_rows(model, name):
    """Parameters of a block's rows, its shortcut's convolution and normalisation as one."""
    own = {x.name.removeprefix(f"{name}_"): x for x in model.layers if x.name.startswith(name)}
    shortcut = [own[part] for part in ("0_conv", "0_bn") if part in own]
    rows = [own[part] for part in ("1_conv", "1_bn", "2_conv", "2_bn")]
    counts = [probes.trainable(row) for row in rows]
    return [sum(map(probes.trainable, shortcut)), *counts] if shortcut else counts


def test_each_row_of_the_table_has_its_parameters_and_its_map():
    model = probes.plan("mini_resnet")
    assert model.input_shape == (None, 48, 48, 1)
    for name, (shape, count) in zip(("stem_conv", "stem_bn"), STEM, strict=True):
        layer = model.get_layer(name)
        assert (layer.output.shape[1:], probes.trainable(layer)) == (shape, count)
    for (stage, i), (shape, counts) in TABLE.items():
        name = f"stage{stage}_block{i}"
        assert block_rows(model, name) == counts
        assert model.get_layer(f"{name}_out").output.shape[1:] == shape
    assert model.get_layer("map_dropout").output.shape[1:] == (3, 3, 128)
    assert probes.trainable(model.get_layer("fc1")) == 2_361_344
    assert probes.trainable(model.get_layer("predictions")) == 14_343
    assert probes.trainable(model) == 3_817_079
    assert not any("block" in x.name and x.name[:13] not in _names() for x in model.layers)


def _names():
    return {f"stage{stage}_block{i}" for stage, i in TABLE}


def conv_norm(x, w, name):
    return ref.norm(ref.conv(x, *w[f"{name}_conv"], pad=1), *w[f"{name}_bn"])


def block(x, w, name, widens):
    shortcut = conv_norm(x, w, f"{name}_0") if widens else x
    y = ref.leaky(conv_norm(x, w, f"{name}_1"), 0.01)
    return ref.leaky(conv_norm(y, w, f"{name}_2") + shortcut, 0.01)


def network(x, w):
    """The table in NumPy, to the logits."""
    x = ref.max_pool(ref.leaky(conv_norm(x, w, "stem"), 0.01))
    for stage, depth in ((1, 2), (2, 3), (3, 4)):
        for i in range(1, depth + 1):
            x = block(x, w, f"stage{stage}_block{i}", i == 1)
        x = ref.max_pool(x)
    kernel, bias = w["fc1"]
    x = ref.leaky(x.reshape(len(x), -1) @ kernel + bias, 0.01)
    kernel, bias = w["predictions"]
    return x @ kernel + bias


@pytest.fixture(scope="module")
def small():
    options = {"classifier_activation": None, "map_dropout": 0.25, "dropout": 0.75}
    built = models.MiniResNet(**SMALL, **options)
    return probes.randomised_network(built)


def test_the_outputs_are_those_of_the_table_in_numpy(small):
    x = features(3, 20, 17, 2)
    expected = network(x.astype("float64"), ref.weights_by_layer(small))
    np.testing.assert_allclose(to_numpy(small(x)), expected, rtol=1e-4, atol=1e-4 * expected.std())


def test_a_training_step_moves_the_statistics_by_a_tenth(small):
    x = features(3, 20, 17, 2)
    stem = small.get_layer("stem_bn")
    kernel = np.asarray(small.get_layer("stem_conv").get_weights()[0], "float64")
    mean, variance = stem.get_weights()[2:]
    y = ref.conv(x, kernel, pad=1)
    stem(y.astype("float32"), training=True)
    new_mean, new_variance = stem.get_weights()[2:]
    stem.set_weights([*stem.get_weights()[:2], mean, variance])
    np.testing.assert_allclose(new_mean, 0.9 * mean + 0.1 * y.mean((0, 1, 2)), rtol=1e-4, atol=1e-6)
    expected = 0.9 * variance + 0.1 * y.var((0, 1, 2))
    np.testing.assert_allclose(new_variance, expected, rtol=1e-4)


def test_the_dropouts_drop_whole_channels_and_units_at_their_rates(small):
    drop = small.get_layer("map_dropout")
    kept = to_numpy(drop(np.ones((50, 2, 2, 64), "float32"), training=True))
    assert np.ptp(kept, axis=(1, 2)).max() == 0
    assert abs((kept == 0).mean() - 0.25) < 0.03
    units = to_numpy(small.get_layer("fc1_dropout")(np.ones((50, 64), "float32"), training=True))
    assert abs((units == 0).mean() - 0.75) < 0.03
    feeds = probes.graph(small)
    assert feeds["map_dropout"] == ["stage3_pool"] and feeds["fc1_dropout"] == ["fc1_relu"]


PLACES = {
    "pre-add": ("block_2_bn", {"block_add"}),
    "post-add": ("block_out", set()),
    "pre": ("image", {"block_1_pad"}),
    "identity": ("block_0_bn", {"block_add"}),
}


@pytest.mark.parametrize("position", PLACES)
def test_a_position_in_a_basic_block_is_where_the_documentation_says(position):
    place = Placement("eca", frozenset({position}), frozenset({1}))
    net = BasicBlocks(place, None, "zeros", seed=None, negative_slope=0.0, projection=1)
    image = keras.Input((8, 8, 2), name="image")
    with without_values():
        y = net.block(image, 4, 2, True, "block", 1)
        model = keras.Model(image, y)
    feeder, fed = PLACES[position]
    assert probes.around(model, "block_attention") == ([feeder], fed)
    assert model.output.shape == (None, 4, 4, 4)


def test_attention_is_before_the_addition_of_every_block():
    model = probes.plan("mini_resnet", attention="eca", **SMALL)
    assert probes.attentions(model) == [f"stage{s}_block{i}_attention" for s, i in TABLE]
    assert probes.around(model, "stage2_block2_attention") == (
        ["stage2_block2_2_bn"],
        {"stage2_block2_add"},
    )


def test_stages_and_position_choose_the_places():
    options = {"attention_stages": (1, 3), "attention_position": "post-add"}
    model = probes.plan("mini_resnet", attention="eca", **options, **SMALL)
    expected = [f"stage{s}_block{i}_attention" for s, i in TABLE if s != 2]
    assert probes.attentions(model) == expected
    assert probes.graph(model)["stage3_block4_attention"] == ["stage3_block4_out"]


def test_networks_of_one_seed_start_equal_where_both_have_a_layer():
    probes.starts_equal("mini_resnet", **SMALL)


@pytest.mark.slow
def test_it_trains_and_is_saved_whole(tmp_path):
    model = models.MiniResNet(**SMALL, attention="eca", attention_stages=(3,), seed=3)
    probes.trains_saves_and_loads(model, tmp_path)


@pytest.mark.slow
def test_it_computes_the_same_channels_first(small):
    probes.computes_the_same_channels_first(
        small, "mini_resnet", **SMALL, classifier_activation=None
    )


@pytest.mark.slow
def test_under_mixed_precision_the_classifier_computes_in_float32():
    probes.ends_in_float32_under_mixed_precision("mini_resnet", attention="eca", **SMALL)


@pytest.mark.slow
def test_without_top_the_pooled_last_map_is_given(small):
    x = features(2, 20, 17, 2)
    maps = keras.Model(small.input, small.get_layer("map_dropout").output)
    pooled = models.MiniResNet(**SMALL, include_top=False, pooling="max", weights=small)
    np.testing.assert_allclose(to_numpy(pooled(x)), to_numpy(maps(x)).max((1, 2)), rtol=1e-5)


@pytest.mark.parametrize("name", ("mini_resnet", "residual_masking", "convnext"))
def test_an_activation_takes_the_place_of_all_those_of_the_authors(name):
    options = {"input_shape": (32, 32, 1), "classes": 3, "width": 0.03125}
    model = probes.plan(name, activation="elu", **options)
    own = [x for x in model.layers if isinstance(x, keras.layers.Activation)]
    assert own and {x.activation.__name__ for x in own} == {"elu"}
    theirs = probes.plan(name, **options)
    assert [x.name for x in theirs.layers][1:] == [x.name for x in model.layers][1:]
    assert not [
        x for x in model.layers if isinstance(x, (keras.layers.ReLU, keras.layers.LeakyReLU))
    ]


@pytest.mark.parametrize("name", ("cnn_v1", "cnn_v2", "mini_resnet"))
def test_a_head_takes_the_place_of_the_dense_layers(name):
    options = {"input_shape": (16, 16, 1), "classes": 3, "width": 0.125}
    model = probes.plan(name, head="transfer-resnet50", **options)
    assert probes.around(model, "head_fc1")[0] == ["flatten"]
    assert "fc1" not in [x.name for x in model.layers]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": (15, 48, 1)}, "MiniResNet.*at least 16 pixels"),
        ({"input_shape": (None, 48, 1)}, "known height and width"),
        ({"attention_position": "last"}, "'pre-add', 'post-add'"),
        ({"attention_stages": (4,)}, r"some of \(1, 2, 3\)"),
        ({"pooling": "mean"}, "'avg', 'max'"),
        ({"weights": "imagenet"}, "'mini_resnet'.*ImageNet"),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_with_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        probes.plan("mini_resnet", **options)
