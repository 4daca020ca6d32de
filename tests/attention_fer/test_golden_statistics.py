"""Modules whose gates follow from statistics, against the outputs of the authors' own code."""

import numpy as np
import pytest
from golden_modules import case, images
from layer_probes import channels_first, recombined, to_numpy

from attention_fer import layers

CASES = ("simam", "srm", "ese", "gct", "gct_l1", "nam", "sge")
BN = ("weight", "bias", "running_mean", "running_var")


def official(name):
    """The specification of a case, and its weights in the order of our layer."""
    g = case(name)
    if name == "simam":
        return ("simam", {"e_lambda": float(g["h/e_lambda"])}), []
    if name == "srm":
        return ("srm", {}), [*g["w/cfc"].T, *(g[f"w/bn.{key}"] for key in BN)]
    if name == "ese":
        return ("ese", {}), [g["w/fc.weight"][:, :, 0, 0].T, g["w/fc.bias"]]
    if name == "nam":
        return ("nam", {}), [g[f"w/Channel_Att.bn2.{key}"] for key in BN]
    if name == "sge":
        return ("sge", {"groups": int(g["h/groups"])}), [g["w/weight"].ravel(), g["w/bias"].ravel()]
    options = {"norm": name.partition("_")[2] or "l2", "epsilon": float(g["h/epsilon"])}
    return ("gct", options), [g[f"w/{key}"].ravel() for key in ("alpha", "gamma", "beta")]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
def test_the_layer_reproduces_the_authors_output(name, data_format):
    (module, options), weights = official(name)
    layer = layers.get((module, {**options, "data_format": data_format}))
    pairs = images(name)
    assert len(pairs) == (1 if name in ("gct_l1", "nam") else 2)
    for x, y in pairs:
        if data_format == "channels_first":
            x, y = channels_first(x), channels_first(y)
        if not layer.built:
            layer.build(x.shape)
            layer.set_weights(weights)
        np.testing.assert_allclose(to_numpy(layer(x)), y, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(recombined(layer, x), y, rtol=1e-5, atol=1e-5)
