"""Modules whose gates follow from statistics, in NumPy with float64; channels last.

Written from the papers and the descriptions of the authors' code. Each function takes the map `x`
of shape `(batch, *spatial, channels)` and the layer's weights in its order, and returns the gate.
"""

import numpy as np
from reference import over_space, sigmoid, spatial_axes


def pixels(x):
    """The map as `(batch, positions, channels)`."""
    return x.reshape(x.shape[0], -1, x.shape[-1])


def simam(x, e_lambda=1e-4):
    p = pixels(x)
    squares = (p - p.mean(1, keepdims=True)) ** 2
    energy = 4 * (squares.sum(1, keepdims=True) / max(p.shape[1] - 1, 1) + e_lambda)
    return sigmoid(squares / energy + 0.5).reshape(x.shape)


def norm(x, gamma, beta, mean, variance, epsilon=1e-5):
    return gamma * (x - mean) / np.sqrt(variance + epsilon) + beta


def styles(x, of_mean, of_std):
    """What SRM normalises, `(batch, channels)`."""
    p = pixels(x)
    n = p.shape[1]
    variance = p.var(1, ddof=1) if n > 1 else np.zeros_like(p[:, 0])
    return of_mean * p.mean(1) + of_std * np.sqrt(variance + 1e-5)


def srm(x, of_mean, of_std, *bn, start="paper"):
    return over_space(sigmoid(norm(styles(x, of_mean, of_std), *bn), start), x)


def ese(x, kernel, bias, start="paper"):
    z = x.mean(spatial_axes(x)) @ kernel + bias
    gate = np.clip(z + 3, 0, 6) / 6
    return over_space(2 * gate if start == "identity" else gate, x)


def gct(x, alpha, gamma, beta, norm="l2", epsilon=1e-5):
    p = pixels(x)
    if norm == "l2":
        e = alpha * np.sqrt((p**2).sum(1) + epsilon)
        n = np.sqrt((e**2).mean(1, keepdims=True) + epsilon)
    else:
        e = alpha * np.abs(p).sum(1)
        n = np.abs(e).mean(1, keepdims=True) + epsilon
    return over_space(1 + np.tanh(gamma * e / n + beta), x)


def nam(x, gamma, *others):
    return sigmoid(np.abs(gamma) / np.abs(gamma).sum() * norm(x, gamma, *others))


def pfaam(x, *bn):
    if bn:
        x = norm(x, *bn, epsilon=1e-3)
    of_channel = over_space(x.mean(spatial_axes(x)), x)
    return sigmoid(of_channel * x.mean(-1, keepdims=True))


def sge(x, weight, bias, groups, start="paper"):
    gate = np.empty(x.shape)
    width = x.shape[-1] // groups
    for image, out in zip(x, gate, strict=True):
        for g in range(groups):
            part = image[..., g * width : (g + 1) * width]
            t = (part * part.reshape(-1, width).mean(0)).sum(-1)
            std = t.std(ddof=1) if t.size > 1 else 0.0
            z = weight[g] * (t - t.mean()) / (std + 1e-5) + bias[g]
            out[..., g * width : (g + 1) * width] = sigmoid(z, start)[..., None]
    return gate
