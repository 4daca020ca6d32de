"""ViT, DeiT and ConViT in NumPy, from the papers, on the weights of a network of ours by path."""

import math

import numpy as np
from layer_probes import to_numpy


def weights_of(model):
    return {variable.path: to_numpy(variable).astype("float64") for variable in model.weights}


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def dense(w, name, x):
    return x @ w[f"{name}/kernel"] + w.get(f"{name}/bias", 0.0)


def norm(w, name, x):
    centred = x - x.mean(axis=-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-6)
    return centred / deviation * w[f"{name}/gamma"] + w[f"{name}/beta"]


def gelu(x):
    return np.vectorize(lambda t: 0.5 * t * (1 + math.erf(t / math.sqrt(2))))(x)


def patches(w, images):
    """Each patch's pixels times the kernel, patch after patch, row by row."""
    kernel = w["patch_embedding/kernel"]
    size = kernel.shape[0]
    rows, columns = images.shape[1] // size, images.shape[2] // size
    tokens = [
        np.einsum(
            "nhwc,hwcd->nd",
            images[:, r * size : (r + 1) * size, c * size : (c + 1) * size],
            kernel,
        )
        for r in range(rows)
        for c in range(columns)
    ]
    return np.stack(tokens, axis=1) + w["patch_embedding/bias"]


def with_token(w, name, x):
    return np.concatenate([np.repeat(w[f"{name}/tokens"], len(x), axis=0), x], axis=1)


def per_head(query, key, value):
    """Output and scores of each head from `(n, tokens, heads, channels)`."""
    products = np.einsum("nihk,njhk->nhij", query, key) / math.sqrt(query.shape[-1])
    scores = softmax(products)
    return scores, lambda mix: np.einsum("nhij,njhk->nihk", mix, value)


def multi_head(w, name, x):
    """With the kernels of `keras.layers.MultiHeadAttention`, `(channels, heads, of a head)`."""
    query, key, value = (
        np.einsum("nid,dhk->nihk", x, w[f"{name}/{part}/kernel"]) + w[f"{name}/{part}/bias"]
        for part in ("query", "key", "value")
    )
    scores, mixed = per_head(query, key, value)
    kernel = w[f"{name}/attention_output/kernel"]
    output = np.einsum("nihk,hkd->nid", mixed(scores), kernel)
    return output + w[f"{name}/attention_output/bias"], scores


def positional(w, name, heads, side):
    """Loops over heads and pairs of patches."""
    logits = np.zeros((heads, side * side, side * side))
    for head in range(heads):
        for i in range(side * side):
            for j in range(side * side):
                dx, dy = j % side - i % side, j // side - i // side
                offset = np.array([dx, dy, dx * dx + dy * dy])
                logits[head, i, j] = offset @ w[f"{name}/position_kernel"][:, head]
        logits[head] += w[f"{name}/position_bias"][head]
    return softmax(logits)


def convit_attention(w, name, x, heads):
    """Gated where the layer has a gate."""
    n, tokens, channels = x.shape
    query, key, value = (
        dense(w, f"{name}/{part}", x).reshape(n, tokens, heads, channels // heads)
        for part in ("query", "key", "value")
    )
    scores, mixed = per_head(query, key, value)
    if f"{name}/gate" in w:
        gate = 1 / (1 + np.exp(-w[f"{name}/gate"]))[:, None, None]
        position = positional(w, name, heads, math.isqrt(tokens))
        scores = (1 - gate) * scores + gate * position
        scores /= scores.sum(axis=-1, keepdims=True)
    joined = mixed(scores).reshape(n, tokens, channels)
    return dense(w, f"{name}/projection", joined), scores


def block(w, number, x, attend):
    name = f"transformer_block_{number}"
    attended, scores = attend(norm(w, f"{name}_ln_1", x), name)
    x = x + attended
    hidden = gelu(dense(w, f"{name}_mlp_dense_1", norm(w, f"{name}_ln_2", x)))
    return x + dense(w, f"{name}_mlp_dense_2", hidden), scores


def encoded(w, x, layers):
    """Tokens after the blocks and the last normalisation, and the scores of each block."""
    found = []
    for number in range(1, layers + 1):
        x, scores = block(w, number, x, lambda y, name: multi_head(w, f"{name}_mha", y))
        found.append(scores)
    return norm(w, "ln", x), found


def vit(model, images, layers):
    w = weights_of(model)
    x = with_token(w, "class_token", patches(w, images)) + w["position_embedding/positions"]
    x, scores = encoded(w, x, layers)
    return softmax(dense(w, "predictions", x[:, 0])), scores


def deit(model, images, layers):
    w = weights_of(model)
    x = with_token(w, "distillation_token", patches(w, images))
    x = with_token(w, "class_token", x) + w["position_embedding/positions"]
    x, scores = encoded(w, x, layers)
    by_class = softmax(dense(w, "predictions", x[:, 0]))
    by_distillation = softmax(dense(w, "distillation_predictions", x[:, 1]))
    return (by_class + by_distillation) / 2, scores


def convit(model, images, layers, heads):
    w = weights_of(model)
    x = patches(w, images) + w["position_embedding/positions"]
    found = []
    for number in range(1, layers + 1):
        gated = number <= layers - 2
        if number == layers - 1:
            x = with_token(w, "class_token", x)
        kind = "gpsa" if gated else "mhsa"
        x, scores = block(
            w,
            number,
            x,
            lambda y, name, kind=kind: convit_attention(w, f"{name}_{kind}", y, heads),
        )
        found.append(scores)
    return softmax(dense(w, "predictions", norm(w, "ln", x)[:, 0])), found
