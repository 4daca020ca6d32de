"""Modules whose gates depend on the position once more in NumPy; channels last.

Each function takes the map `x` of shape `(batch, *spatial, channels)` and the weights of the layer
by the names of its sublayers, and returns the output and the gates by name.
"""

import math

import numpy as np
from reference import mlp, normalized, over_space, sigmoid, spatial_axes

NAMES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}
erf = np.vectorize(math.erf)


def relu(z):
    return np.where(z > 0, z, 0)


def conv(x, kernel, bias=0.0, dilation=1):
    """Zeros around, one position of the window after the other; kernel `(*window, in, out)`."""
    window = kernel.shape[:-2]
    around = [dilation * (size // 2) for size in window]
    padded = np.pad(x, [(0, 0), *((n, n) for n in around), (0, 0)])
    total = bias
    for offset in np.ndindex(window):
        cut = (
            slice(dilation * o, dilation * o + n)
            for o, n in zip(offset, x.shape[1:-1], strict=True)
        )
        total = total + padded[(slice(None), *cut)] @ kernel[offset]
    return total


def depthwise(x, kernel, bias, dilation=1):
    """A convolution whose kernel is diagonal."""
    if kernel.shape[-2] == 1:  # That of a grouped convolution.
        kernel = np.swapaxes(kernel, -1, -2)
    return conv(x, kernel * np.eye(x.shape[-1]), bias, dilation)


def norm(x, weights, training=False):
    gamma, beta, mean, variance = weights
    if training:
        axes = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axes), x.var(axes)
    return normalized(x, gamma, beta, mean, variance)


def coord(x, w, start="paper", training=False):
    """Hou et al. 2021, equations 4 to 8, with the axes one after the other."""
    axes = spatial_axes(x)
    means = [x.mean(tuple(b for b in axes if b != a)) for a in axes]
    hidden = np.concatenate(means, axis=1) @ w["reduce"][0] + w["reduce"][1]
    hidden = norm(hidden, w["bn"], training)
    hidden = hidden * np.clip(hidden + 3, 0, 6) / 6
    parts = np.split(hidden, np.cumsum([m.shape[1] for m in means])[:-1], axis=1)
    gates, y = {}, x
    for name, axis, part in zip(NAMES[len(axes)], axes, parts, strict=True):
        kernel, bias = w[f"expand_{name}"]
        gate = sigmoid(part @ kernel + bias, start)
        shape = [x.shape[0], *[1] * len(axes), x.shape[-1]]
        shape[axis] = x.shape[axis]
        gates[name] = gate.reshape(shape)
        y = y * gates[name]
    return y, gates


def triplet(x, w, start="paper", training=False, use_spatial=True):
    """Misra et al. 2021, equations 1 to 4, for any number of axes."""
    axes, names = spatial_axes(x), NAMES[x.ndim - 2]
    pooled = {"_".join(["channel", *names[:i], *names[i + 1 :]]): a for i, a in enumerate(axes)}
    if use_spatial:
        pooled["spatial"] = x.ndim - 1
    gates = {}
    for name, axis in pooled.items():
        both = np.stack([x.max(axis), x.mean(axis)], axis=-1)
        logits = norm(conv(both, w[f"{name}_conv"][0]), w[f"{name}_bn"], training)
        gates[name] = np.expand_dims(sigmoid(logits[..., 0], start), axis)
    return np.mean([x * gate for gate in gates.values()], axis=0), gates


def scse(x, w, start="paper", combination="max"):
    """Roy et al. 2018, equations 2 to 5."""
    start = "paper" if combination == "add" else start
    (w1, b1), (w2, b2), (w3, b3) = w["squeeze"], w["excite"], w["score"]
    logits = mlp(x.mean(spatial_axes(x)), w1, b1, w2, b2)
    gates = {
        "channel": over_space(sigmoid(logits, start), x),
        "spatial": sigmoid(x @ w3 + b3, start),
    }
    both = [x * gate for gate in gates.values()]
    return (np.maximum(*both) if combination == "max" else sum(both)), gates


def sse(x, w, start="paper"):
    gate = sigmoid(x @ w["score"][0] + w["score"][1], start)
    return x * gate, {"spatial": gate}


def bam(x, w, start="paper", training=False, combination="product", dilation=4):
    """Park et al. 2018, section 3, as in the authors' code."""
    hidden = x.mean(spatial_axes(x)) @ w["squeeze"][0] + w["squeeze"][1]
    hidden = relu(norm(hidden, w["squeeze_bn"], training))
    channel = over_space(hidden @ w["excite"][0] + w["excite"][1], x)
    spatial = x @ w["reduce"][0] + w["reduce"][1]
    for name in ("conv_1", "conv_2"):
        spatial = relu(norm(spatial, w["reduce_bn" if name == "conv_1" else "conv_1_bn"], training))
        spatial = conv(spatial, *w[name], dilation=dilation)
    spatial = relu(norm(spatial, w["conv_2_bn"], training)) @ w["score"][0] + w["score"][1]
    logits = channel * spatial if combination == "product" else channel + spatial
    gate = sigmoid(logits) + (0.5 if start == "identity" else 1)
    return x * gate, {"all": gate}


def lka(x, w, start="paper", dilation=3):
    """Guo et al. 2022, equations 1 and 2."""
    gate = depthwise(depthwise(x, *w["local"]), *w["dilated"], dilation)
    gate = gate @ w["dense"][0] + w["dense"][1] + (1 if start == "identity" else 0)
    return x * gate, {"all": gate}


def van_attention(x, w, start="paper"):
    """Guo et al. 2022, figure 3d; the start changes the first weights only."""
    a = x @ w["dense1"][0] + w["dense1"][1]
    a = a * (1 + erf(a / math.sqrt(2))) / 2
    return x + lka(a, w)[0] @ w["dense2"][0] + w["dense2"][1], {}
