"""The attention modules once more in NumPy, written from the papers; channels last.

Each function takes the map `x` of shape `(batch, *spatial, channels)` and the weights by name, and
returns the gates by name. `start="identity"` doubles a gate.
"""

import numpy as np


def sigmoid(z, start="paper"):
    return (2.0 if start == "identity" else 1.0) / (1.0 + np.exp(-z))


def spatial_axes(x):
    return tuple(range(1, x.ndim - 1))


def over_space(vector, x):
    """`(batch, channels)` as `(batch, 1, ..., channels)`."""
    return vector.reshape(vector.shape[0], *[1] * (x.ndim - 2), vector.shape[1])


def mlp(vector, w1, b1, w2, b2):
    hidden = vector @ w1 + b1
    return np.where(hidden > 0, hidden, 0) @ w2 + b2


def se(x, w1, b1, w2, b2, start="paper"):
    """Hu et al. 2018, equations 2 to 4."""
    logits = mlp(x.mean(spatial_axes(x)), w1, b1, w2, b2)
    return {"channel": over_space(sigmoid(logits, start), x)}


def eca(x, kernel, start="paper"):
    """Wang et al. 2020, equation 6: neighbours beyond the first and last channel count as 0."""
    mean = x.mean(spatial_axes(x))
    channels, half = mean.shape[1], len(kernel) // 2
    logits = np.zeros_like(mean)
    for c in range(channels):
        for j, weight in enumerate(kernel):
            neighbour = c + j - half
            if 0 <= neighbour < channels:
                logits[:, c] += weight * mean[:, neighbour]
    return {"channel": over_space(sigmoid(logits, start), x)}


def cbam_channel(x, w1, b1, w2, b2, start="paper"):
    """Woo et al. 2018, equation 2."""
    axes = spatial_axes(x)
    logits = mlp(x.mean(axes), w1, b1, w2, b2) + mlp(x.max(axes), w1, b1, w2, b2)
    return {"channel": over_space(sigmoid(logits, start), x)}


def spatial_logits(x, kernel):
    """The convolution of equation 3 in the order of the authors' code: [max, mean]."""
    rank = x.ndim - 2
    pooled = np.stack([x.max(-1), x.mean(-1)], axis=-1)
    half = kernel.shape[0] // 2
    padded = np.pad(pooled, [(0, 0)] + [(half, half)] * rank + [(0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, kernel.shape[:rank], axis=spatial_axes(x)
    )
    # windows: (batch, *spatial, 2, *kernel); kernel: (*kernel, 2, 1)
    weights = np.moveaxis(kernel[..., 0], -1, 0)
    return np.tensordot(windows, weights, axes=rank + 1)[..., None]


def normalized(logits, gamma, beta, mean, variance):
    return gamma * (logits - mean) / np.sqrt(variance + 1e-5) + beta


def cbam_spatial(x, kernel, gamma, beta, mean, variance, start="paper"):
    logits = normalized(spatial_logits(x, kernel), gamma, beta, mean, variance)
    return {"spatial": sigmoid(logits, start)}


def cbam(x, channel_weights, spatial_weights, start="paper"):
    """The spatial gate is computed from the channel-refined map."""
    channel = cbam_channel(x, *channel_weights, start=start)
    refined = x * channel["channel"]
    return {**channel, **cbam_spatial(refined, *spatial_weights, start=start)}
