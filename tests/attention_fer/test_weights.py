"""`models.load_into`: every kind of source, and a report that is exact."""

import logging

import h5py
import keras
import numpy as np
import pytest
from layer_probes import features, randomised, to_numpy

from attention_fer import models

WIDE = {"input_shape": (32, 32, 3), "classes": 4, "width": 0.1}


def network(name="vgg16", **options):
    return models.build(name, **{**WIDE, **options})


def source(name="vgg16", **options):
    return randomised(network(name, **options), seed=7, scale=0.1)


def groups(model):
    return sorted({v.path.rpartition("/")[0] for v in model.weights})


def save_old(model, path, suffix=":0", root="/"):
    """Writes the layout in which keras.applications publishes its files."""
    with h5py.File(path, "w") as file:
        group = file.require_group(root)
        group.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            mine = group.create_group(layer.name)
            names = [f"{v.path}{suffix}".encode() for v in layer.weights]
            mine.attrs["weight_names"] = names
            for name, variable in zip(names, layer.weights, strict=True):
                mine[name.decode()] = to_numpy(variable)


def save_keras(model, path):
    model.save(path)


def save_weights(model, path):
    model.save_weights(path)


def save_whole_h5(model, path):
    save_old(model, path, root="model_weights")


SAVERS = [
    pytest.param(save_keras, "w.keras", id="keras"),
    pytest.param(save_weights, "w.weights.h5", id="weights.h5"),
    pytest.param(save_old, "w.h5", id="old h5"),
    pytest.param(save_whole_h5, "w.h5", id="old h5 of a whole model"),
    pytest.param(lambda model, path: None, None, id="model"),
]
each_source = pytest.mark.parametrize(("save", "file"), SAVERS)


def saved(model, save, file, folder):
    if file is None:
        return model
    save(model, folder / file)
    return folder / file


@each_source
@pytest.mark.parametrize("name", ("vgg16", pytest.param("resnet50", marks=pytest.mark.slow)))
def test_every_source_gives_the_outputs_of_the_saved_network(save, file, name, tmp_path):
    theirs, ours = source(name), network(name)
    report = models.load_into(ours, saved(theirs, save, file, tmp_path))
    assert sorted(report.loaded) == groups(ours)
    assert (report.new, report.missed, report.adapted) == ([], {}, [])
    x = features(2, 32, 32, 3)
    np.testing.assert_array_equal(to_numpy(ours(x)), to_numpy(theirs(x)))


@each_source
def test_what_is_new_and_what_is_missed_is_reported(save, file, tmp_path):
    theirs = source(classes=9)
    ours = network(attention="cbam")
    before = to_numpy(ours.get_layer("predictions").kernel)
    report = models.load_into(ours, saved(theirs, save, file, tmp_path))
    cbam = "block5_pool_attention"
    inside = ("channel/mlp1", "channel/mlp2", "spatial/conv", "spatial/bn")
    assert sorted(report.new) == sorted([*(f"{cbam}/{part}" for part in inside), "predictions"])
    assert list(report.missed) == ["predictions"]
    assert report.missed["predictions"] == "shapes [(410, 9), (9,)], here [(410, 4), (4,)]"
    assert sorted(report.loaded) == [g for g in groups(theirs) if g != "predictions"]
    np.testing.assert_array_equal(to_numpy(ours.get_layer("predictions").kernel), before)
    for name in ("block1_conv1", "fc2"):
        expected = theirs.get_layer(name).get_weights()
        for old, new in zip(expected, ours.get_layer(name).get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("save", "file"),
    [
        SAVERS[0],
        SAVERS[1],
        pytest.param(save_old, "w.h5", id="old h5"),
        SAVERS[4],
    ],
)
def test_the_weights_of_an_attention_module_are_loaded_too(save, file, tmp_path):
    theirs, ours = source(attention="cbam"), network(attention="cbam")
    report = models.load_into(ours, saved(theirs, save, file, tmp_path))
    assert (report.new, report.missed) == ([], {})
    x = features(2, 32, 32, 3)
    np.testing.assert_array_equal(to_numpy(ours(x)), to_numpy(theirs(x)))


def test_a_layer_that_the_network_lacks_is_missed_by_name():
    report = models.load_into(network(), source(attention="se"))
    parts = [f"block5_pool_attention/{part}" for part in ("squeeze", "excite")]
    assert report.missed == dict.fromkeys(parts, "no such layer") and report.new == []
    assert str(report) == (
        f"16 layers loaded; 0 new; 2 missed ({parts[0]} (no such layer), "
        f"{parts[1]} (no such layer))."
    )


@pytest.mark.parametrize("save_as", (None, "w.h5"))
@pytest.mark.parametrize(
    "name", ("vgg16", "resnet50", pytest.param("resnet50v2", marks=pytest.mark.slow))
)
def test_a_grey_network_answers_as_the_colour_network_to_a_grey_copy(name, save_as, tmp_path):
    theirs = source(name)
    ours = network(name, input_shape=(32, 32, 1))
    report = models.load_into(ours, saved(theirs, save_old, save_as, tmp_path))
    first = "block1_conv1" if name == "vgg16" else "conv1_conv"
    assert report.adapted == [first] and first in report.loaded and report.new == []
    kernel = theirs.get_layer(first).get_weights()[0]
    adapted = ours.get_layer(first).get_weights()[0]
    np.testing.assert_allclose(adapted[:, :, 0], kernel.sum(2), rtol=1e-6, atol=1e-7)
    grey = features(2, 32, 32, 1)
    expected = to_numpy(theirs(np.repeat(grey, 3, axis=-1)))
    np.testing.assert_allclose(to_numpy(ours(grey)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("channels", (2, 4))
def test_other_channels_share_the_kernel_evenly(channels):
    theirs, ours = source(), network(input_shape=(32, 32, channels))
    report = models.load_into(ours, theirs)
    assert report.adapted == ["block1_conv1"]
    kernel = theirs.get_layer("block1_conv1").get_weights()[0].sum(2) / channels
    for channel in range(channels):
        adapted = ours.get_layer("block1_conv1").get_weights()[0][:, :, channel]
        np.testing.assert_allclose(adapted, kernel, rtol=1e-6, atol=1e-7)


def test_only_a_colour_kernel_is_adapted():
    ours = network(input_shape=(32, 32, 3))
    report = models.load_into(ours, source(input_shape=(32, 32, 1)))
    assert "block1_conv1" in report.missed and report.adapted == []


def test_a_network_is_built_with_the_weights_of_a_path(tmp_path, caplog):
    theirs = source()
    theirs.save(tmp_path / "w.keras")
    with caplog.at_level(logging.INFO, logger="attention_fer"):
        ours = network(weights=tmp_path / "w.keras", attention="se")
    x = features(2, 32, 32, 3)
    inner = keras.Model(ours.input, ours.get_layer("block5_pool").output)
    expected = keras.Model(theirs.input, theirs.get_layer("block5_pool").output)
    np.testing.assert_array_equal(to_numpy(inner(x)), to_numpy(expected(x)))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "16 layers loaded; 2 new (block5_pool_attention/squeeze" in record.getMessage()
    assert "0 missed." in record.getMessage()


def test_a_complete_load_is_logged_without_a_warning(caplog):
    with caplog.at_level(logging.INFO, logger="attention_fer"):
        models.load_into(network(), source())
    assert [record.levelno for record in caplog.records] == [logging.INFO]


def test_nothing_that_matches_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"Nothing.*match.*'resnet50'.*missed"):
        models.load_into(network("resnet50", classes=5), source())


def test_a_file_that_is_missing_or_no_weights_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No.*file.*none\.h5"):
        models.load_into(network(), tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(ValueError, match=r"text\.h5.*HDF5"):
        models.load_into(network(), str(tmp_path / "text.h5"))
    h5py.File(tmp_path / "empty.h5", "w").close()
    with pytest.raises(ValueError, match=r"empty\.h5.*layer names"):
        models.load_into(network(), tmp_path / "empty.h5")
