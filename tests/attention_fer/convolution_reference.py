"""Convolutional networks' layers once more in NumPy, channels last, to write networks with."""

import numpy as np


def weights_by_layer(model):
    return {x.name: [np.asarray(w, "float64") for w in x.get_weights()] for x in model.layers}


def conv(x, kernel, bias=0.0, stride=1, pad=0):
    """`pad` zeros on every side, as in PyTorch."""
    size = kernel.shape[0]
    x = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    windows = windows[:, ::stride, ::stride]
    return np.einsum("bhwcij,ijco->bhwo", windows, kernel, optimize=True) + bias


def doubled(x, kernel, bias):
    """A transposed convolution of size and stride 2: each pixel becomes four, none overlap."""
    batch, height, width, _ = x.shape
    y = np.einsum("bhwc,ijoc->bhiwjo", x, kernel, optimize=True) + bias
    return y.reshape(batch, 2 * height, 2 * width, -1)


def norm(x, gamma, beta, mean, variance):
    """Batch normalisation at inference, with the epsilon of PyTorch."""
    return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta


def leaky(x, slope):
    return np.where(x > 0, x, slope * x)


def max_pool(x, size=2, stride=2, ceil=False, pad=0):
    """A last odd row is left out, or with `ceil` makes one of its own."""
    end = [pad + ((-axis) % stride if ceil else 0) for axis in x.shape[1:3]]
    around = [(0, 0), (pad, end[0]), (pad, end[1]), (0, 0)]
    x = np.pad(x, around, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    return windows[:, ::stride, ::stride].max((-1, -2))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)
