"""ConViT, a transformer that starts as a convolution.

d'Ascoli et al. 2021, https://arxiv.org/abs/2103.10697
"""

from __future__ import annotations

from functools import partial
from typing import Any

import keras

from attention_fer.models.parts.common import documented
from attention_fer.models.parts.heads import Head
from attention_fer.models.parts.self_attention import GatedPositionalSelfAttention, SelfAttention
from attention_fer.models.parts.transformer_block import TransformerLayers, TransformerSize
from attention_fer.models.parts.transformer_builder import ARGUMENTS, build_transformer
from attention_fer.models.registry import register

SIZES = {
    "tiny": TransformerSize(192, 12, 4, 768),
    "small": TransformerSize(432, 12, 9, 1728),
    "base": TransformerSize(768, 12, 16, 3072),
}
UNGATED = 2  # blocks at the end, which the class token passes through


def _encode(patches: Any, net: TransformerLayers) -> Any:
    gated = net.size.layers - UNGATED
    if gated < 1:
        raise ValueError(f"layers must be at least {UNGATED + 1}, got {net.size.layers}.")
    x = net.positions(patches)
    for number in range(1, net.size.layers + 1):
        if number == gated + 1:
            x = net.learned_token(x, "class_token")
        x = net.block(x, number, partial(_gated if number <= gated else _ungated, net))
    return net.norm(x, "ln")


def _gated(net: TransformerLayers, x: Any, block: str) -> Any:
    kernel = net.initializer(block)
    layer = GatedPositionalSelfAttention(
        net.size.heads, kernel_initializer=kernel, name=f"{block}_gpsa"
    )
    y = layer(x)
    net.draw_projections(layer, keep="value")
    return y


def _ungated(net: TransformerLayers, x: Any, block: str) -> Any:
    kernel = net.initializer(block)
    layer = SelfAttention(net.size.heads, kernel_initializer=kernel, name=f"{block}_mhsa")
    y = layer(x)
    net.draw_projections(layer)
    return y


# `locals()` holds the arguments, all of which go on to `build_transformer`.
@register("convit")
@documented(ARGUMENTS)
def ConViT(  # noqa: N802
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "convit",
    *,
    attention: None = None,
    size: str = "base",
    patch_size: int = 16,
    hidden_dim: int | None = None,
    layers: int | None = None,
    heads: int | None = None,
    mlp_dim: int | None = None,
    width: float = 1.0,
    drop_path: float = 0.0,
    dropout: float = 0.0,
    head: str | Head | None = None,
    weights_sha256: str | None = None,
    seed: int | None = None,
) -> keras.Model:
    """ConViT: all blocks but the last two attend by gated positional self-attention.

    The patches must form a square grid. The class token joins them before the last two blocks."""
    return build_transformer("ConViT", _encode, SIZES, **locals())
