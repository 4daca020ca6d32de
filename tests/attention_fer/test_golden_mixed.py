"""GC, DAN, EMA, FcaNet, shuffle attention and ECA-CBAM against the outputs of the authors' code."""

import golden_modules as golden
import numpy as np
import pytest
from layer_probes import channels_first, recombined, to_numpy

from attention_fer import layers

BN = ("weight", "bias", "running_mean", "running_var")


def kernel(weight):
    """A kernel of PyTorch, (out, in, *window), as Keras has it."""
    axes = (*range(2, weight.ndim), 1, 0)
    return weight.transpose(axes)


def matrix(weight):
    """A convolution of one pixel as the kernel of a dense layer."""
    return weight.reshape(weight.shape[:2]).T


def norm(w, name):
    return [w[f"{name}.{key}"].ravel() for key in BN if f"{name}.{key}" in w]


def weighted(w, name, convert=kernel):
    return [convert(w[f"{name}.weight"]), w[f"{name}.bias"]]


def gc(layer, w):
    layer.mask.set_weights(weighted(w, "conv_mask", matrix))
    for name, branch in (("add", layer.add_branch), ("mul", layer.mul_branch)):
        if branch:
            first, norm_, last = (f"channel_{name}_conv.{n}" for n in (0, 1, 3))
            branch[0].set_weights(weighted(w, first, matrix))
            branch[1].set_weights(norm(w, norm_))
            branch[2].set_weights(weighted(w, last, matrix))


def dan(layer, w):
    layer.reduce.set_weights(weighted(w, "sa.conv1x1.0"))
    layer.reduce_bn.set_weights(norm(w, "sa.conv1x1.1"))
    for conv, bn in zip(layer.convs, layer.bns, strict=True):
        name = "sa.conv_" + conv.name.removeprefix("conv_")
        conv.set_weights(weighted(w, f"{name}.0"))
        bn.set_weights(norm(w, f"{name}.1"))
    layer.squeeze.set_weights(weighted(w, "ca.attention.0"))
    layer.squeeze_bn.set_weights(norm(w, "ca.attention.1"))
    layer.excite.set_weights(weighted(w, "ca.attention.3"))


def ema(layer, w):
    layer.dense.set_weights(weighted(w, "conv1x1", matrix))
    layer.norm.set_weights(norm(w, "gn"))
    layer.conv.set_weights(weighted(w, "conv3x3"))


def fca(layer, w):
    layer.squeeze.set_weights([w["fc.0.weight"].T])
    layer.excite.set_weights([w["fc.2.weight"].T])


def shuffle(layer, w):
    names = ("cweight", "cbias", "sweight", "sbias", "gn.weight", "gn.bias")
    vectors = (
        layer.channel_weight,
        layer.channel_bias,
        layer.spatial_weight,
        layer.spatial_bias,
        layer.gamma,
        layer.beta,
    )
    for vector, name in zip(vectors, names, strict=True):
        vector.assign(w[name].ravel())


def eca_cbam(layer, w):
    eca, spatial = layer.members
    eca.conv.set_weights([kernel(w["eca.conv.weight"])])
    spatial.conv.set_weights([kernel(w["spatial.spatial.conv.weight"])])
    spatial.bn.set_weights(norm(w, "spatial.spatial.bn"))


CASES = {
    "gc": (("gc", {"reduction_ratio": 4}), gc),
    "gc_mul": (("gc", {"reduction_ratio": 4, "fusion": "mul"}), gc),
    "gc_mul_add": (("gc", {"reduction_ratio": 4, "fusion": "both"}), gc),
    "ema": (("ema", {"groups": 8}), ema),
    "ema_default": (("ema", {}), ema),
    "fca": (("fca", {"reduction_ratio": 4}), fca),
    "fca_14x21": (("fca", {"reduction_ratio": 4, "size": (14, 21)}), fca),
    "shuffle": (("shuffle", {"groups": 4}), shuffle),
    "shuffle_default": (("shuffle", {}), shuffle),
    "eca_cbam": (
        ("sequence", {"modules": [("eca", {"kernel_size": 3}), "cbam_spatial"]}),
        eca_cbam,
    ),
}
each_case = pytest.mark.parametrize("name", CASES)


def official(spec, convert, name, channels, **options):
    """The layer with the authors' weights."""
    layer = layers.get((spec[0], {**spec[1], **options}))
    first = options.get("data_format") == "channels_first"
    layer.build((None, channels, None, None) if first else (None, None, None, channels))
    w = {key[2:]: value for key, value in golden.case(name).items() if key.startswith("w/")}
    convert(layer, w)
    return layer


def close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@each_case
def test_the_layer_reproduces_the_authors_output(name):
    pairs = golden.images(name)
    layer = official(*CASES[name], name, pairs[0][0].shape[-1])
    for x, y in pairs:
        assert np.abs(y - x).max() > 1e-2
        close(to_numpy(layer(x)), y)
        close(recombined(layer, x), y)


@each_case
def test_channels_first_reproduces_it_too(name):
    pairs = golden.images(name)
    channels = pairs[0][0].shape[-1]
    layer = official(*CASES[name], name, channels, data_format="channels_first")
    for x, y in pairs:
        close(to_numpy(layer(channels_first(x))), channels_first(y))
        close(recombined(layer, channels_first(x)), channels_first(y))


@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
def test_dan_reproduces_the_authors_gated_map_and_head(data_format):
    name = "dan_spatial_w48"
    ((x, gated),), head = golden.images(name), golden.case(name)["head"]
    layer = official(("dan", {}), dan, name, x.shape[-1], data_format=data_format)
    first = data_format == "channels_first"
    given = channels_first(x) if first else x
    spatial = to_numpy(layer.attention_maps(given)["spatial"])
    np.testing.assert_allclose(
        given * spatial, channels_first(gated) if first else gated, rtol=1e-5, atol=1e-4
    )
    mean = to_numpy(layer(given)).mean(axis=layer.spatial_axes)
    np.testing.assert_allclose(mean, head, rtol=1e-5, atol=1e-4)


def test_the_basis_of_fca_is_the_authors():
    """Where the map has the size of the cells, each pixel weighs what the authors stored."""
    for name, size in (("fca", (7, 7)), ("fca_14x21", (14, 21))):
        layer = official(*CASES[name], name, 32)
        one_pixel_each = np.eye(size[0] * size[1], dtype="float32").reshape(-1, *size, 1)
        found = to_numpy(layer._components(np.repeat(one_pixel_each, 32, axis=-1)))
        expected = golden.case(name)["w/dct_layer.weight"].reshape(32, -1).T
        np.testing.assert_allclose(found, expected, atol=1e-6)
