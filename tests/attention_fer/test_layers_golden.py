"""CBAM and ECA against the outputs of the authors' own code."""

from pathlib import Path

import numpy as np
import pytest
from layer_probes import channels_first, to_numpy

from attention_fer import layers

GOLDEN = np.load(Path(__file__).parents[1] / "fixtures" / "golden.npz")
CBAM_CASES = sorted({key.split("/")[1] for key in GOLDEN if key.startswith("cbam/")})
ECA_CASES = sorted({key.split("/")[1] for key in GOLDEN if key.startswith("eca/")})


def case(module, name):
    prefix = f"{module}/{name}/"
    return {key[len(prefix) :]: GOLDEN[key] for key in GOLDEN if key.startswith(prefix)}


def official_cbam(name, data_format="channels_last"):
    g = case("cbam", name)
    shape = g["x"].shape if data_format == "channels_last" else channels_first(g["x"]).shape
    layer = layers.CBAM(int(g["reduction_ratio"]), data_format=data_format)
    layer.build(shape)
    layer.channel.mlp1.set_weights([g["mlp1_kernel"], g["mlp1_bias"]])
    layer.channel.mlp2.set_weights([g["mlp2_kernel"], g["mlp2_bias"]])
    layer.spatial.conv.set_weights([g["conv_kernel"]])
    statistics = ("bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_variance")
    layer.spatial.bn.set_weights([g[key] for key in statistics])
    return layer, g["x"], g["y"]


def official_eca(name, data_format="channels_last"):
    g = case("eca", name)
    shape = g["x"].shape if data_format == "channels_last" else channels_first(g["x"]).shape
    layer = layers.ECA(len(g["kernel"]), data_format=data_format)
    layer.build(shape)
    layer.conv.set_weights([g["kernel"].reshape(-1, 1, 1)])
    return layer, g["x"], g["y"]


CASES = [(official_cbam, name) for name in CBAM_CASES] + [(official_eca, n) for n in ECA_CASES]
each_case = pytest.mark.parametrize(("make", "name"), CASES)


def test_the_fixture_holds_every_case():
    assert len(CBAM_CASES) == 3 and len(ECA_CASES) == 6


@each_case
def test_the_layer_reproduces_the_authors_output(make, name):
    layer, x, y = make(name)
    np.testing.assert_allclose(to_numpy(layer(x)), y, rtol=1e-5, atol=1e-6)


@each_case
def test_channels_first_reproduces_it_too(make, name):
    layer, x, y = make(name, "channels_first")
    got = to_numpy(layer(channels_first(x)))
    np.testing.assert_allclose(got, channels_first(y), rtol=1e-5, atol=1e-6)


@each_case
def test_the_attention_maps_multiply_to_the_authors_output(make, name):
    layer, x, y = make(name)
    for gate in layer.attention_maps(x).values():
        x = x * to_numpy(gate)
    np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)
