"""Modules whose gates depend on the position, against the outputs of the authors' own code."""

import numpy as np
import pytest
from golden_modules import case, images
from layer_probes import channels_first, recombined, to_numpy

from attention_fer import layers

SHAPES = {  # How many maps of different shapes a case has.
    "bam": 2,
    "bam_patched_pool": 2,
    "coordatt": 2,
    "coordatt_r2": 1,
    "triplet": 2,
    "triplet_no_spatial": 1,
    "scse_max": 2,
    "cse": 1,
    "sse": 1,
    "lka": 2,
    "van_attention": 1,
}


def official(name):
    """The authors' weights of a case, by the name of their layer, in Keras's order and layout."""
    # The case of BAM that pools any map has the weights of the other.
    arrays = case("bam" if name == "bam_patched_pool" else name)
    found = {}
    for key in ("weight", "bias", "running_mean", "running_var"):
        for path, array in arrays.items():
            part, _, last = path.rpartition(".")
            if last == key:
                found.setdefault(part.removeprefix("w/"), []).append(as_keras(array))
    return found, {k[2:]: v.item() for k, v in case(name).items() if k.startswith("h/")}


def as_keras(array):
    if array.ndim == 2:
        return array.T
    return array.transpose(2, 3, 1, 0) if array.ndim == 4 else array


def dense(weights):
    """Weights of a dense layer, from those of a convolution of one pixel."""
    kernel, *bias = weights
    return [kernel[0, 0] if kernel.ndim == 4 else kernel, *bias]


def depthwise(weights):
    return [weights[0].transpose(0, 1, 3, 2), weights[1]]


def bam(name):
    w, h = official(name)
    # Their names of the last parts, by ours.
    ours = {
        "squeeze": "gate_c_fc_0",
        "squeeze_bn": "gate_c_bn_1",
        "excite": "gate_c_fc_final",
        "reduce": "gate_s_conv_reduce0",
        "reduce_bn": "gate_s_bn_reduce0",
        "conv_1": "gate_s_conv_di_0",
        "conv_1_bn": "gate_s_bn_di_0",
        "conv_2": "gate_s_conv_di_1",
        "conv_2_bn": "gate_s_bn_di_1",
        "score": "gate_s_conv_final",
    }
    last = {path.rpartition(".")[2]: weights for path, weights in w.items()}
    weights = {ours_: last[theirs] for ours_, theirs in ours.items()}
    for one_pixel in ("reduce", "score"):
        weights[one_pixel] = dense(weights[one_pixel])
    options = {"reduction_ratio": int(h["reduction_ratio"]), "dilation": int(h["dilation"])}
    return layers.BAM, options, weights


def coord(name):
    w, h = official(name)
    ours = {"reduce": "conv1", "expand_height": "conv_h", "expand_width": "conv_w"}
    weights = {ours_: dense(w[theirs]) for ours_, theirs in ours.items()}
    options = {"reduction_ratio": int(h["reduction"])}
    return layers.CoordinateAttention, options, {**weights, "bn": w["bn1"]}


def triplet(name):
    w, _ = official(name)
    theirs = {"channel_width": "cw", "channel_height": "hc", "spatial": "hw"}
    weights = {}
    for gate, part in theirs.items():
        if f"{part}.conv.conv" in w:
            (kernel,) = w[f"{part}.conv.conv"]
            # Their kernel for "cw" runs over channels and width, ours over width and channels.
            weights[f"{gate}_conv"] = [kernel.transpose(1, 0, 2, 3) if part == "cw" else kernel]
            weights[f"{gate}_bn"] = w[f"{part}.conv.bn"]
    return layers.TripletAttention, {"use_spatial": "hw.conv.conv" in w}, weights


def squeezes(name):
    w, h = official(name)
    theirs = {"squeeze": "fc1", "excite": "fc2", "score": "conv"}
    last = {path.rpartition(".")[2]: dense(weights) for path, weights in w.items()}
    cls = {"scse_max": layers.SCSE, "cse": layers.ChannelSE, "sse": layers.SpatialSE}[name]
    options = {"reduction_ratio": int(h["reduction_ratio"])} if h else {}
    return cls, options, {ours: last[part] for ours, part in theirs.items() if part in last}


def large_kernel(name):
    w, _ = official(name)
    front = "spatial_gating_unit." if name == "van_attention" else ""
    weights = {
        "local": depthwise(w[f"{front}conv0"]),
        "dilated": depthwise(w[f"{front}conv_spatial"]),
        "dense": dense(w[f"{front}conv1"]),
    }
    if not front:
        return layers.LKA, {}, weights
    outer = {"dense1": dense(w["proj_1"]), "dense2": dense(w["proj_2"])}
    return layers.VANAttention, {}, {**weights, **outer}


MAKERS = {"bam": bam, "coo": coord, "tri": triplet, "lka": large_kernel, "van": large_kernel}


def loaded(name, data_format):
    """Our layer with the authors' weights, each given to the sublayer of that name."""
    cls, options, weights = MAKERS.get(name[:3], squeezes)(name)
    layer = cls(**options, data_format=data_format)
    channels = images(name)[0][0].shape[-1]
    last = data_format == "channels_last"
    layer.build((None, None, None, channels) if last else (None, channels, None, None))
    sublayers = {one.name: one for one in layer._flatten_layers(include_self=False)}
    assert set(sublayers) - {"lka"} == set(weights)
    for part, arrays in weights.items():
        sublayers[part].set_weights(arrays)
    return layer


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("data_format", ("channels_last", "channels_first"))
def test_the_layer_reproduces_the_authors_output(name, data_format):
    pairs, layer = images(name), loaded(name, data_format)
    assert len(pairs) == SHAPES[name]
    for x, y in pairs:
        if data_format == "channels_first":
            x, y = channels_first(x), channels_first(y)
        np.testing.assert_allclose(to_numpy(layer(x)), y, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(recombined(layer, x), y, rtol=1e-5, atol=1e-5)
