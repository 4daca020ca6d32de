"""GC, DAN, EMA, FcaNet and shuffle attention once more in NumPy; channels last, float64.

Each function takes the map `x` of shape `(batch, *spatial, channels)` and the layer, whose weights
it reads.
"""

import numpy as np
from reference import mlp, normalized, over_space, sigmoid, spatial_axes
from scipy.fft import dctn


def weights(layer):
    return [np.asarray(array, "float64") for array in layer.get_weights()]


def relu(z):
    return np.where(z > 0, z, 0)


def softmax(z, axis):
    e = np.exp(z - z.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def conv(x, kernel, bias):
    """A convolution over any number of axes, zeros around."""
    rank = x.ndim - 2
    around = [(size // 2, size // 2) for size in kernel.shape[:rank]]
    padded = np.pad(x, [(0, 0), *around, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, kernel.shape[:rank], axis=spatial_axes(x)
    )
    return np.tensordot(windows, np.moveaxis(kernel, rank, 0), axes=rank + 1) + bias


def standardised(x, axes):
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axes, keepdims=True) + 1e-5)


def gc(x, layer):
    """Cao et al. 2019, equation 5: the mask, the gates and the terms."""
    (w, b) = weights(layer.mask)
    mask = softmax((x @ w + b).reshape(len(x), -1), axis=1)
    context = np.stack([p @ m for p, m in zip(np.moveaxis(flat(x), 1, 2), mask, strict=True)])

    def branch(reduce, norm, expand):
        (w1, b1), (gamma, beta), (w2, b2) = map(weights, (reduce, norm, expand))
        return relu(gamma * standardised(context @ w1 + b1, -1) + beta) @ w2 + b2

    gates, terms = {}, {}
    if layer.mul_branch:
        gates["channel"] = over_space(sigmoid(branch(*layer.mul_branch), layer.start), x)
    if layer.add_branch:
        terms["channel"] = over_space(branch(*layer.add_branch), x)
    return mask.reshape(*x.shape[:-1], 1), gates, terms


def flat(x):
    return x.reshape(len(x), -1, x.shape[-1])


def dan(x, layer, statistics=None):
    """Wen et al. 2021, equations 4 to 6, with the normalisations of the authors' code.

    `statistics` gives mean and variance of what a batch normalisation receives; None stands for
    its moving ones.
    """

    def norm(z, bn):
        gamma, beta, mean, variance = weights(bn)
        if statistics:
            mean, variance = statistics(z)
        return normalized(z, gamma, beta, mean, variance)

    y = norm(conv(x, *weights(layer.reduce)), layer.reduce_bn)
    branches = [
        norm(conv(y, *weights(c)), bn) for c, bn in zip(layer.convs, layer.bns, strict=True)
    ]
    spatial = relu(np.sum(branches, axis=0)).sum(-1, keepdims=True)
    (w1, b1), (w2, b2) = weights(layer.squeeze), weights(layer.excite)
    hidden = relu(norm((x * spatial).mean(spatial_axes(x)) @ w1 + b1, layer.squeeze_bn))
    return {"spatial": spatial, "channel": over_space(sigmoid(hidden @ w2 + b2), x)}


def ema(x, layer):
    """Ouyang et al. 2023, figure 3, one group after another."""
    parts = [_ema_of_group(part, layer) for part in np.split(x, layer.groups, axis=-1)]
    return {"group": np.concatenate(parts, axis=-1)}


def _ema_of_group(x, layer):
    axes, (w, b), (gamma, beta) = spatial_axes(x), weights(layer.dense), weights(layer.norm)
    gated = x
    for axis in axes:
        mean = x.mean(tuple(other for other in axes if other != axis), keepdims=True)
        gated = gated * sigmoid(mean @ w + b)
    first = gamma * standardised(gated, axes) + beta
    second = conv(x, *weights(layer.conv))
    logits = np.zeros(x.shape[:-1])
    for one, other in ((first, second), (second, first)):
        share = softmax(one.mean(axes), axis=-1)
        logits += np.einsum("bk,b...k->b...", share, other)
    return np.repeat(sigmoid(logits, layer.start)[..., None], x.shape[-1], axis=-1)


def adaptive_mean(x, size):
    """Means of cells that cover the map and overlap where its size is no multiple."""
    cells = np.empty((len(x), *size, x.shape[-1]))
    for i, j in np.ndindex(*size):
        spans = [
            slice(n * length // cell, -(-(n + 1) * length // cell))
            for n, length, cell in zip((i, j), x.shape[1:3], size, strict=True)
        ]
        cells[:, i, j] = x[(slice(None), *spans)].mean((1, 2))
    return cells


def fca(x, layer):
    """Qin et al. 2020, equation 11, with SciPy's cosine transform."""
    rows, columns = (
        (0, 0, 6, 0, 0, 1, 1, 4, 5, 1, 3, 0, 0, 0, 3, 2),
        (0, 1, 0, 5, 2, 0, 2, 0, 0, 6, 0, 4, 6, 3, 5, 2),
    )
    spectrum = dctn(adaptive_mean(x, layer.size), type=2, axes=(1, 2), norm="ortho")
    parts = np.split(spectrum, layer.frequencies, axis=-1)
    step = [n // 7 for n in layer.size]
    picked = [p[:, r * step[0], c * step[1]] for p, r, c in zip(parts, rows, columns, strict=False)]
    (w1,), (w2,) = weights(layer.squeeze), weights(layer.excite)
    logits = mlp(np.concatenate(picked, axis=-1), w1, 0, w2, 0)
    return {"channel": over_space(sigmoid(logits, layer.start), x)}


def shuffle(x, layer):
    """Zhang and Yang 2021, equations 1 to 3: the output."""
    vectors = (
        layer.channel_weight,
        layer.channel_bias,
        layer.spatial_weight,
        layer.spatial_bias,
        layer.gamma,
        layer.beta,
    )
    w1, b1, w2, b2, gamma, beta = (np.asarray(v, "float64") for v in vectors)
    axes, parts = spatial_axes(x), []
    for group in np.split(x, layer.groups, axis=-1):
        first, second = np.split(group, 2, axis=-1)
        parts.append(first * sigmoid(w1 * first.mean(axes, keepdims=True) + b1))
        parts.append(second * sigmoid(w2 * (gamma * standardised(second, axes) + beta) + b2))
    y = np.concatenate(parts, axis=-1)
    order = np.arange(x.shape[-1]).reshape(2, -1).T.ravel()
    return y[..., order]
