"""The builders' options: activations, widths, stems, inputs, pooling, seeds, precision, errors."""

import inspect
import warnings

import keras
import numpy as np
import pytest
from layer_probes import features, to_numpy, without_values

from attention_fer import models

pytestmark = pytest.mark.slow

V2 = pytest.param("resnet50v2", marks=pytest.mark.slow)  # builds as ResNet does, see `resnet.py`
FAMILIES = ("vgg16", "resnet50", V2)
each_family = pytest.mark.parametrize("name", FAMILIES)
RESNETS = pytest.mark.parametrize("name", ("resnet50", V2))


def build(name, **options):
    return models.build(
        name, **{"input_shape": (32, 32, 3), "classes": 4, "width": 0.1, "seed": 1, **options}
    )


def plan(name, **options):
    """A network whose variables have shapes but no values."""
    with without_values():
        return build(name, **options)


def activations(model):
    found = {}
    for layer in model.layers:
        if getattr(layer, "activation", None) is not None:
            found[layer.name] = layer.activation.__name__
    return {name: a for name, a in found.items() if a != "linear"}


@RESNETS
def test_the_activation_is_that_of_the_blocks_and_the_outer_one_that_of_the_rest(name):
    outer = "post_relu" if name.endswith("v2") else "conv1_relu"
    found = activations(plan(name, activation="elu", outer_activation="gelu"))
    assert found.pop(outer) == "gelu" and found.pop("predictions") == "softmax"
    assert len(found) == 48 and set(found.values()) == {"elu"}
    assert activations(plan(name, activation="elu"))[outer] == "elu"
    assert set(activations(plan(name)).values()) == {"relu", "softmax"}


def test_the_activation_of_vgg_is_that_of_convolutions_and_dense_layers():
    found = activations(plan("vgg16", activation="elu", classifier_activation=None))
    assert len(found) == 15 and set(found.values()) == {"elu"}


@pytest.mark.parametrize("width", (0.1, 0.25, 0.3, 1.5))
@RESNETS
def test_the_width_scales_every_number_of_channels_of_a_resnet(name, width):
    model = plan(name, width=width)
    planes = {stage: round(64 * 2 ** (stage - 2) * width) for stage in (2, 3, 4, 5)}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D) and layer.name != "conv1_conv":
            stage, wide = int(layer.name[4]), layer.name.endswith(("_0_conv", "_3_conv"))
            assert layer.filters == planes[stage] * (4 if wide else 1), layer.name
    assert model.get_layer("conv1_conv").filters == round(64 * width)


@pytest.mark.parametrize("width", (0.1, 0.3, 2.0))
def test_the_width_scales_every_number_of_channels_of_vgg(width):
    model = plan("vgg16", width=width)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    full = [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    assert [layer.filters for layer in convolutions] == [round(f * width) for f in full]
    assert model.get_layer("fc1").units == model.get_layer("fc2").units == round(4096 * width)
    assert model.get_layer("predictions").units == 4


def test_no_width_leaves_a_layer_without_channels():
    assert plan("resnet50", width=1e-6).get_layer("conv1_conv").filters == 1


@RESNETS
def test_the_small_stem_keeps_the_full_size(name):
    small, usual = plan(name, stem="small"), plan(name)
    stem = small.get_layer("conv1_conv")
    assert (stem.kernel_size, stem.strides, stem.padding) == ((3, 3), (1, 1), "same")
    assert not {layer.name for layer in small.layers} & {"conv1_pad", "pool1_pad", "pool1_pool"}
    assert small.get_layer("conv2_block1_1_conv").input.shape[1:3] == (32, 32)
    assert usual.get_layer("conv2_block1_1_conv").input.shape[1:3] == (8, 8)


@RESNETS
@pytest.mark.parametrize(("stem", "factor"), [("small", 8), ("imagenet", 32)])
def test_a_resnet_shrinks_the_map_by_its_stem_and_three_stages(name, stem, factor):
    model = plan(name, stem=stem, include_top=False, input_shape=(96, 64, 3))
    assert model.output_shape[1:3] == (96 // factor, 64 // factor)


def test_the_small_stem_of_vgg_leaves_out_the_first_pooling():
    small = plan("vgg16", stem="small")
    names = [layer.name for layer in small.layers]
    assert [n for n in names if n.endswith("pool")] == [f"block{s}_pool" for s in (2, 3, 4, 5)]
    assert small.get_layer("flatten").input.shape[1:3] == (2, 2)


def test_pool_padding_is_that_of_every_max_pool_of_vgg():
    sizes = {"valid": 1, "same": 2}
    for padding, size in sizes.items():
        model = plan("vgg16", pool_padding=padding, input_shape=(48, 48, 1))
        assert model.get_layer("flatten").input.shape[1:3] == (size, size)


@each_family
@pytest.mark.parametrize("channels", (1, 2, 5))
def test_any_number_of_input_channels_is_taken_and_read(name, channels):
    model = build(name, input_shape=(32, 32, channels), classifier_activation=None)
    x = 10 * features(1, 32, 32, channels)
    y = to_numpy(model(x))
    for channel in range(channels):
        without = x.copy()
        without[..., channel] = 0
        assert np.abs(to_numpy(model(without)) - y).max() > 1e-6


@each_family
def test_pooling_ends_a_network_without_top(name):
    maps = build(name, include_top=False)
    x = features(2, 64, 64, 3)
    shape = {"input_shape": (64, 64, 3), "include_top": False}
    y = to_numpy(build(name, **shape)(x))
    assert y.ndim == 4 and y.shape[1:3] == (2, 2)
    assert maps.output_shape[1:3] == (1, 1)
    for pooling, reduce in {"avg": np.mean, "max": np.max}.items():
        pooled = to_numpy(build(name, pooling=pooling, **shape)(x))
        np.testing.assert_allclose(pooled, reduce(y, axis=(1, 2)), rtol=1e-4, atol=1e-6)


@RESNETS
def test_pooling_also_chooses_the_pooling_of_the_head(name):
    assert "max_pool" in [layer.name for layer in plan(name, pooling="max").layers]
    assert "avg_pool" in [layer.name for layer in plan(name).layers]


def test_a_network_on_an_input_tensor_takes_an_array_like_any_other():
    image = keras.Input((32, 32, 3))
    model = build("vgg16", input_tensor=keras.layers.Rescaling(0.5)(image), input_shape=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(features(2, 32, 32, 3))


def test_a_network_continues_an_input_tensor():
    image = keras.Input((32, 32, 3))
    scaled = keras.layers.Rescaling(0.5)(image)
    x = features(2, 32, 32, 3)
    plain = build("resnet50")
    model = build("resnet50", input_tensor=scaled, input_shape=None)
    y = to_numpy(keras.Model(image, model.output)(x))
    np.testing.assert_allclose(y, to_numpy(plain(x * 0.5)), rtol=1e-5)


BUILDERS = [getattr(models, name) for name in models.__all__ if name[0].isupper()]
BUILDERS = [builder for builder in BUILDERS if inspect.isfunction(builder)]
BUILDERS.remove(models.FERSmall)  # a complete recogniser, with other options
STANDARD = {
    "include_top": True,
    "weights": None,
    "input_tensor": None,
    "input_shape": None,
    "pooling": None,
    "classifier_activation": "softmax",
    "attention": None,
    "head": None,
    "width": 1.0,
    "seed": None,
}


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda builder: builder.__name__)
def test_the_signature_and_the_documentation_of_a_builder_are_whole(builder):
    parameters = inspect.signature(builder).parameters
    first = (
        "include_top weights input_tensor input_shape pooling classes classifier_activation name"
    )
    assert list(parameters)[:8] == first.split()
    assert {key: parameters[key].default for key in STANDARD} == STANDARD
    documented = inspect.getdoc(builder).partition("Args:")[2].partition("Returns:")[0]
    for parameter in parameters.values():
        assert parameter.annotation is not parameter.empty
        assert parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        named = documented.replace(":", ",").replace("\n", " ").split()
        assert f"{parameter.name}," in named, parameter.name
    for section in ("Args:", "Returns:", "Raises:"):
        assert inspect.getdoc(builder).count(section) == 1
    assert "{" not in builder.__doc__
    assert models.options(_name(builder)) == {k: p.default for k, p in parameters.items()}


def _name(builder):
    names = {name.replace("_", ""): name for name in models.names()}
    title = builder.__name__.lower().removesuffix("network")
    return names[title]


def test_all_networks_have_a_public_builder():
    assert len(BUILDERS) == len(models.names()) >= 17
