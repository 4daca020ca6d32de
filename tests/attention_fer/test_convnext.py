"""ConvNeXt against that of `keras.applications`: names, parameters, outputs, weights by name."""

import functools
import re

import backbone_probes as probes
import h5py
import keras
import numpy as np
import pytest
from layer_probes import features, to_numpy, without_values

from attention_fer import models
from attention_fer.layers import AttentionModule

TITLES = {
    "tiny": ("ConvNeXtTiny", 28_589_128),
    "small": ("ConvNeXtSmall", 50_223_688),
    "base": ("ConvNeXtBase", 88_591_464),
    "large": ("ConvNeXtLarge", 197_767_336),
}
DEPTHS = {0: 3, 1: 3, 2: 9, 3: 3}
SMALL = {"input_shape": (32, 40, 3), "classes": 5, "width": 0.125}


def paths(model):
    """Each weight's layer and its shape, a Sequential's own name left out."""
    return [(v.path.split("/")[-2], tuple(v.shape)) for v in model.weights]


@pytest.mark.parametrize(
    "size",
    ["tiny", *(pytest.param(size, marks=pytest.mark.slow) for size in ("small", "base", "large"))],
)
def test_each_size_has_the_names_and_shapes_of_keras(size):
    title, count = TITLES[size]
    with without_values():
        theirs = getattr(keras.applications, title)(weights=None, include_preprocessing=False)
    ours = probes.plan("convnext", size=size)
    expected = [
        (re.sub(r"convnext_\w+_head_dense", "predictions", layer), shape)
        for layer, shape in paths(theirs)
    ]
    assert paths(ours) == expected
    assert probes.trainable(ours) == count and ours.name == theirs.name == f"convnext_{size}"


@functools.cache
def applications():
    """The tiny one with random weights; layer scales large enough to show the branches."""
    theirs = keras.applications.ConvNeXtTiny(
        weights=None, include_preprocessing=False, input_shape=(32, 40, 3), classes=5
    )
    return scaled_up(theirs)


def scaled_up(model):
    """Biases and normalisations that are not what they start as, and branches that are seen."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.2, 0.4, tuple(weight.shape)))
    return model


@pytest.fixture
def ours():
    return models.ConvNeXt(input_shape=(32, 40, 3), classes=5)


@pytest.mark.slow
def test_the_weights_of_keras_applications_give_the_same_outputs(ours):
    x = features(2, 32, 40, 3)
    expected = to_numpy(applications()(x))
    assert np.abs(to_numpy(ours(x)) - expected).max() > 0.01
    report = models.load_into(ours, applications())
    assert (report.new, report.missed, report.adapted) == ([], {}, [])
    np.testing.assert_allclose(to_numpy(ours(x)), expected, rtol=1e-5, atol=1e-7)


SAVERS = {
    "w.keras": lambda model, path: model.save(path),
    "w.weights.h5": lambda model, path: model.save_weights(path),
}


@pytest.mark.slow
@pytest.mark.parametrize("file", SAVERS)
def test_files_of_keras_applications_find_their_places(ours, file, tmp_path):
    SAVERS[file](applications(), tmp_path / file)
    report = models.load_into(ours, tmp_path / file)
    assert (report.new, report.missed) == ([], {})
    x = features(2, 32, 40, 3)
    np.testing.assert_allclose(to_numpy(ours(x)), to_numpy(applications()(x)), rtol=1e-5, atol=1e-7)


def test_an_old_file_of_sequential_stems_finds_its_places(tmp_path):
    """Keras 2 names a Sequential's weights by the inner layer alone."""
    ours = models.ConvNeXt(**SMALL)
    rng = np.random.default_rng(1)
    kernel = rng.normal(size=(4, 4, 3, 12)).astype("float32")
    norm = rng.normal(size=12).astype("float32")
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = [b"convnext_tiny_stem", b"convnext_tiny_head_dense"]
        stem, inner = file.create_group("convnext_tiny_stem"), "convnext_tiny_stem_"
        keys = ("conv/kernel:0", "conv/bias:0", "layernorm/gamma:0", "layernorm/beta:0")
        for key, array in zip(keys, (kernel, norm, norm + 1, norm + 2), strict=True):
            stem[inner + key] = array
        stem.attrs["weight_names"] = [(inner + key).encode() for key in keys]
        head = file.create_group("convnext_tiny_head_dense")
        head["convnext_tiny_head_dense/kernel:0"] = np.zeros((96, 1000), "float32")
        head.attrs["weight_names"] = [b"convnext_tiny_head_dense/kernel:0"]
    report = models.load_into(ours, tmp_path / "old.h5")
    assert report.loaded == ["convnext_tiny_stem_conv", "convnext_tiny_stem_layernorm"]
    assert list(report.missed) == ["convnext_tiny_head_dense"] and "predictions" in report.new
    np.testing.assert_array_equal(
        ours.get_layer("convnext_tiny_stem_conv").get_weights()[0], kernel
    )
    beta = ours.get_layer("convnext_tiny_stem_layernorm").get_weights()[1]
    np.testing.assert_array_equal(beta, norm + 2)


@pytest.mark.slow
def test_a_network_without_top_gives_all_but_the_head():
    """Keras gives the last normalisation no fixed name."""
    shape = {"input_shape": (32, 32, 3), "include_top": False}
    theirs = keras.applications.ConvNeXtTiny(weights=None, include_preprocessing=False, **shape)
    scaled_up(theirs)
    grey = models.ConvNeXt(input_shape=(32, 32, 1), classes=7, head="five-dense")
    report = models.load_into(grey, theirs)
    assert report.new == ["head_fc1", "head_fc2", "head_fc3", "head_fc4", "predictions"]
    assert report.missed == {} and report.adapted == ["convnext_tiny_stem_conv"]
    same = models.ConvNeXt(**shape, weights=theirs)
    x = features(2, 32, 32, 3)
    np.testing.assert_allclose(to_numpy(same(x)), to_numpy(theirs(x)), rtol=1e-4, atol=1e-5)


def test_an_adapted_stem_answers_as_the_colour_one_to_a_grey_copy():
    colour = scaled_up(models.ConvNeXt(**SMALL))
    grey = models.ConvNeXt(**{**SMALL, "input_shape": (32, 40, 1)}, weights=colour)
    x = features(2, 32, 40, 1)
    expected = to_numpy(colour(np.repeat(x, 3, axis=-1)))
    np.testing.assert_allclose(to_numpy(grey(x)), expected, rtol=1e-4, atol=1e-6)


BLOCK = "convnext_tiny_stage_1_block_1"
PLACES = {
    "pre-add": ([f"{BLOCK}_layer_scale"], {f"{BLOCK}_stochastic_depth"}),
    "post-add": (
        [f"{BLOCK}_add"],
        {"convnext_tiny_stage_1_block_2_depthwise_conv", "convnext_tiny_stage_1_block_2_add"},
    ),
}


@pytest.mark.parametrize("position", PLACES)
def test_a_position_is_where_the_documentation_says(position):
    options = {"attention_position": position, "attention_stages": (1, 3), "drop_path": 0.5}
    model = probes.plan("convnext", attention="eca", **options, **SMALL)
    expected = [
        f"convnext_tiny_stage_{s}_block_{i}_attention" for s in (1, 3) for i in range(DEPTHS[s])
    ]
    assert [layer.name for layer in model.layers if isinstance(layer, AttentionModule)] == expected
    assert probes.around(model, f"{BLOCK}_attention") == PLACES[position]
    depths = [layer for layer in model.layers if layer.name.endswith("stochastic_depth")]
    # The first of the 18 blocks has rate 0.
    np.testing.assert_allclose([x.rate for x in depths], [0.5 * i / 17 for i in range(1, 18)])


@pytest.mark.parametrize("width", (0.125, 0.3))
def test_the_width_scales_every_number_of_channels(width):
    model = probes.plan("convnext", **{**SMALL, "width": width})
    for stage, channels in enumerate((96, 192, 384, 768)):
        block = f"convnext_tiny_stage_{stage}_block_1"
        dense = [model.get_layer(f"{block}_pointwise_conv_{i}").units for i in (1, 2)]
        scaled = round(channels * width)
        assert model.get_layer(f"{block}_depthwise_conv").groups == scaled
        assert dense == [4 * scaled, scaled]


def test_smaller_patches_keep_the_last_map_larger():
    for patch, size in ((4, (1, 1)), (2, (2, 2))):
        model = probes.plan(
            "convnext", include_top=False, input_shape=(32, 39, 1), patch_size=patch, width=0.125
        )
        assert model.output_shape[1:3] == size


@pytest.mark.slow
def test_networks_of_one_seed_start_equal_where_both_have_a_layer():
    probes.starts_equal("convnext", **SMALL)


def test_the_kernels_start_as_the_authors_do():
    model = models.ConvNeXt(**SMALL, seed=1)
    kernel = model.get_layer(f"{BLOCK}_pointwise_conv_1").get_weights()[0]
    assert abs(kernel.std() - 0.02) < 0.001
    gammas = [v for v in model.weights if "layer_scale" in v.path]
    assert len(gammas) == 18 and all(np.ptp(to_numpy(v)) == 0 for v in gammas)
    np.testing.assert_allclose([to_numpy(v)[0] for v in gammas], 1e-6, rtol=1e-5)


@pytest.mark.slow
def test_it_trains_and_is_saved_whole(tmp_path):
    # With the scale of the paper one step of a branch is less than a float can hold.
    options = {"layer_scale": 1.0, "attention": "eca", "seed": 1}
    model = models.ConvNeXt(**SMALL, **options)
    probes.trains_saves_and_loads(model, tmp_path)


@pytest.mark.slow
def test_under_mixed_precision_the_classifier_computes_in_float32():
    probes.ends_in_float32_under_mixed_precision("convnext", attention="eca", **SMALL)


@pytest.mark.slow
def test_it_computes_the_same_channels_first():
    options = {**SMALL, "attention": "eca", "layer_scale": 0.5}
    last = scaled_up(models.ConvNeXt(**options))
    probes.computes_the_same_channels_first(last, "convnext", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "tyni"}, "Did you mean 'tiny'"),
        ({"input_shape": (31, 40, 3)}, "ConvNeXt.*at least 32 pixels"),
        ({"input_shape": (15, 40, 3), "patch_size": 2}, "at least 16 pixels"),
        ({"patch_size": 0}, "patch_size.*integer.*0"),
        ({"attention_position": "pre"}, "'pre-add', 'post-add'"),
        ({"attention_stages": (4,)}, r"some of \(0, 1, 2, 3\)"),
        ({"pooling": "mean"}, "'avg', 'max'"),
        ({"head": "linear", "include_top": False}, "head.*include_top=True"),
        ({"drop_path": 1.0, **SMALL}, "rate.*below 1"),
    ],
    ids=str,
)
def test_a_wrong_option_is_refused_with_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        probes.plan("convnext", **options)
