"""What a network costs: counted by hand, by the framework, and against published figures."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from fabricated import cell
from keras import layers as kl

from attention_fer import layers, models
from attention_fer.models.multiply_adds import multiply_adds
from benchmarks import published
from benchmarks.plan.settings import profile
from benchmarks.train import devices
from benchmarks.train.cost import cost, epoch_of_steps

SHAPE = {"input_shape": (48, 48, 1), "classes": 7}

# Keras's JAX variables answer NumPy 2 with this warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.mark.parametrize(
    ("layer", "shape", "count"),
    [
        (kl.Dense(5), (3,), 15),
        (kl.Dense(5), (4, 3), 60),
        (kl.Conv2D(8, 3, padding="same"), (10, 12, 4), 120 * 9 * 4 * 8),
        (kl.Conv2D(8, 3), (10, 12, 4), 80 * 9 * 4 * 8),
        (kl.Conv2D(8, 3, strides=2, padding="same"), (10, 12, 4), 30 * 9 * 4 * 8),
        (kl.Conv2D(8, 3, groups=2, padding="same"), (10, 12, 4), 120 * 9 * 2 * 8),
        (kl.DepthwiseConv2D(3, padding="same"), (10, 12, 4), 120 * 9 * 4),
        (kl.SeparableConv2D(8, 3, padding="same"), (10, 12, 4), 120 * (9 * 4 + 4 * 8)),
        (kl.Conv2DTranspose(8, 3, strides=2, padding="same"), (5, 6, 4), 30 * 9 * 4 * 8),
        (kl.Conv1D(8, 5, padding="same"), (10, 4), 10 * 5 * 4 * 8),
        (kl.BatchNormalization(), (10, 12, 4), 0),
        (layers.CoordinateAttention(), (10, 12, 32), 2 * 22 * 32 * 8),
        (layers.TripletAttention(), (10, 12, 32), (120 + 10 * 32 + 12 * 32) * 49 * 2),
        (layers.SCSE(), (10, 12, 32), 2 * 32 * 16 + 120 * 32),
        (layers.BAM(8), (10, 12, 32), 2 * 32 * 4 + 120 * (32 * 4 + 2 * 9 * 4 * 4 + 4)),
        (layers.LKA(), (10, 12, 32), 120 * (32 * (25 + 49) + 32**2)),
        (layers.LKA(3, 3), (2, 4, 5, 32), 40 * (32 * (27 + 27) + 32**2)),
    ],
)
def test_layers_by_hand(layer, shape, count):
    assert multiply_adds(keras.Sequential([keras.Input(shape), layer])) == count


def test_channels_first():
    conv = kl.Conv2D(8, 3, padding="same", data_format="channels_first")
    assert multiply_adds(keras.Sequential([keras.Input((4, 10, 12)), conv])) == 120 * 9 * 4 * 8


# Millions of multiply-adds for one image of 224 pixels: He et al. 2015, table 1, give 3.8e9 for
# ResNet-50 with the stride in the first convolution; Canziani et al. 2016 and torchvision's model
# pages 15.47e9 for VGG-16.
@pytest.mark.parametrize(
    ("build", "count"),
    [(keras.applications.VGG16, 15_470), (keras.applications.ResNet50, 3_858)],
)
def test_networks_against_published_figures(build, count):
    assert round(multiply_adds(build(weights=None)) / 1e6) == pytest.approx(count, abs=10)


def attended(tokens, channels):
    return 4 * tokens * channels**2 + 2 * tokens**2 * channels


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        # 24 pixels of one channel in patches of 8: nine tokens, and those of class and teacher.
        ("vit", {}, 9 * 64 * 12 + 2 * (attended(10, 12) + 10 * 2 * 12 * 48) + 12 * 7),
        ("deit", {}, 9 * 64 * 12 + 2 * (attended(11, 12) + 11 * 2 * 12 * 48) + 2 * 12 * 7),
        (
            "convit",
            {"layers": 3},  # of which the last two have the class token
            9 * 64 * 12 + attended(9, 12) + 2 * attended(10, 12) + 29 * 2 * 12 * 48 + 12 * 7,
        ),
    ],
)
def test_transformers_by_hand(name, options, count):
    size = {"hidden_dim": 12, "layers": 2, "heads": 4, "mlp_dim": 48, "patch_size": 8}
    model = models.build(name, input_shape=(24, 24, 1), classes=7, **{**size, **options})
    assert multiply_adds(model) == count


@pytest.mark.parametrize("attention", ["se", "eca", "cbam"])
def test_attention_by_hand(attention):
    plain = models.build("vgg16", width=0.25, **SHAPE)
    attended = models.build("vgg16", attention=attention, width=0.25, **SHAPE)
    modules = [layer for layer in attended.layers if "attention" in type(layer).__module__]
    assert modules
    total = 0
    for layer in modules:
        _, height, width, channels = layer.output.shape
        mlp = 2 * channels * (channels // 16)
        total += {
            "se": mlp,
            "eca": channels * layer.conv.kernel_size[0] if attention == "eca" else 0,
            "cbam": 2 * mlp + height * width * 49 * 2,
        }[attention]
    assert multiply_adds(attended) - multiply_adds(plain) == total


@pytest.mark.parametrize(
    ("spec", "count"),
    [
        (("gc", {"reduction_ratio": 4}), 120 * 32 + 2 * 32 * 8),
        ("dan", 120 * (32 + (9 + 3 + 3) * 32) * 16 + 2 * 32 * 32),
        # Each of eight groups has four channels.
        (("ema", {"groups": 8}), 8 * (10 + 12 + 120 * 9) * 4 * 4),
        (("fca", {"reduction_ratio": 4}), 2 * 32 * 8),
        (("shuffle", {"groups": 4}), 0),
    ],
    ids=str,
)
def test_attention_on_a_map_by_hand(spec, count):
    image = keras.Input((10, 12, 32))
    assert multiply_adds(keras.Model(image, layers.get(spec)(image))) == count


@pytest.mark.parametrize("attention", ["simam", "srm", "ese", "gct", "nam", "pfaam", "sge"])
def test_statistics_and_scales_cost_nothing_and_a_dense_layer_does(attention):
    image = keras.Input((6, 5, 64))
    network = keras.Model(image, layers.get(attention)(image))
    assert multiply_adds(network) == (64 * 64 if attention == "ese" else 0)


@pytest.mark.parametrize("attention", ["eca", "cbam"])
def test_the_published_networks_can_be_counted(attention):
    plain, attended = (
        multiply_adds(published.build("vgg16", name, width=0.0625, **SHAPE))
        for name in ("none", attention)
    )
    assert attended > plain > 1e5


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's profiler counts")
@pytest.mark.parametrize("attention", ["se", "eca", "cbam"])
def test_the_profiler_counts_as_many(attention):
    import tensorflow as tf
    from tensorflow.python.profiler import model_analyzer, option_builder

    network = models.build("vgg16", attention=attention, width=0.125, **SHAPE)
    call = tf.function(lambda x: network(x, training=False))
    graph = call.get_concrete_function(tf.TensorSpec((1, *SHAPE["input_shape"]))).graph
    options = option_builder.ProfileOptionBuilder.float_operation()
    options = option_builder.ProfileOptionBuilder(options).with_empty_output().build()
    found = model_analyzer.profile(graph, cmd="op", options=options)
    counts = {}
    while found.children:
        (found,) = found.children
        counts[found.name] = found.float_ops
    operations = {name: counts[name] for name in counts if name in ("Conv2D", "MatMul")}
    assert sum(operations.values()) / 2 == multiply_adds(network), counts


class Matrix(kl.Layer):
    def build(self, input_shape):
        self.matrix = self.add_weight(shape=(input_shape[-1], 2))

    def call(self, inputs):
        return inputs @ self.matrix


def test_an_unknown_matrix_is_refused():
    with pytest.raises(TypeError, match="Matrix .* unknown"):
        multiply_adds(keras.Sequential([keras.Input((3,)), Matrix()]))


def test_counting_leaves_the_network_as_it_was():
    network = models.build("vgg16", attention="cbam", width=0.0625, **SHAPE)
    image = np.ones((1, 48, 48, 1), "float32")
    before = keras.ops.convert_to_numpy(network(image))
    multiply_adds(network)
    assert not [layer for layer in network._flatten_layers() if "call" in vars(layer)]
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(network(image)), before)


@pytest.mark.slow
def test_steps_are_timed_one_at_a_time_where_cells_run_several(monkeypatch):
    monkeypatch.setattr(devices, "_steps", lambda: 16)  # as with a GPU under TensorFlow
    one = cell(backbone="cnn_v1", settings=profile("quick", width=0.0625, batch_size=4))
    found = cost(one, one, (48, 48, 1), 7, rounds=2, steps=2)
    assert all(0 < seconds < 10 for seconds in found["seconds"]["step"].values())
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(loss="mse", steps_per_execution=4)
    with pytest.raises(ValueError, match="steps_per_execution=1"):
        epoch_of_steps(model, TwoBatches(), 1)


class TwoBatches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return np.zeros((3, 1)), np.zeros((3, 1))


@pytest.mark.slow
def test_cost_beside_a_reference():
    settings = profile("quick", width=0.0625, batch_size=4)
    one = cell(backbone="vgg16", attention="cbam", settings=settings)
    found = cost(one, replace(one, row=one.row.plain), (48, 48, 1), 7, rounds=2, steps=2)
    network, reference = (
        models.build("vgg16", attention=name, width=0.0625, pool_padding="same", **SHAPE)
        for name in ("cbam", None)
    )
    for key, count in (("parameters", keras.Model.count_params), ("multiply_adds", multiply_adds)):
        assert found[key] == {"network": count(network), "reference": count(reference)}
        assert found["ratio"][key] == count(network) / count(reference)
    assert set(found["seconds"]) == {"step", "image", "batch"}
    for kind, times in found["seconds"].items():
        assert 0 < times["reference"] < 10 and 0 < times["network"] < 10, kind
        ratio = found["ratio"][kind]
        assert ratio["low"] <= ratio["median"] <= ratio["high"]
    json.dumps(found, allow_nan=False)


@pytest.mark.slow
def test_the_cost_of_a_recipe_that_mixes_and_weighs_is_measured():
    settings = profile("quick", width=0.0625, batch_size=4, class_weights="balanced")
    one = cell(
        backbone="cnn_v2", attention="se", settings=replace(settings, augmentation=(("mixup", ()),))
    )
    plain = replace(one, row=one.row.plain)
    found = cost(one, plain, (48, 48, 1), 7, rounds=2, steps=2)
    assert all(times["network"] > 0 for times in found["seconds"].values())
