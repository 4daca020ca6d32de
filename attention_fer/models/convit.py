"""ConViT, a transformer that begins as a convolution.

d'Ascoli et al. 2021, https://arxiv.org/abs/2103.10697
"""

from __future__ import annotations

from functools import partial
from typing import Any

from attention_fer.models.parts.positional_self_attention import (
    GatedPositionalSelfAttention,
    SelfAttention,
)
from attention_fer.models.parts.transformer_block import Parts, Size
from attention_fer.models.parts.transformer_builder import End, builder

SIZES = {
    "tiny": Size(192, 12, 4, 768),
    "small": Size(432, 12, 9, 1728),
    "base": Size(768, 12, 16, 3072),
}
UNGATED = 2  # of the blocks, the last, which the class token goes through


def _network(patches: Any, net: Parts, end: End) -> Any:
    gated = net.size.layers - UNGATED
    if gated < 1:
        raise ValueError(f"ConViT needs at least {UNGATED + 1} layers, given: {net.size.layers}.")
    x = net.positions(patches)
    for number in range(1, net.size.layers + 1):
        if number == gated + 1:
            x = net.learned_token(x, "class_token")
        x = net.block(x, number, partial(_gated if number <= gated else _ungated, net))
    return end.classify(net.norm(x, "ln"))


def _gated(net: Parts, x: Any, block: str) -> Any:
    kernel = net.initializer(block)
    layer = GatedPositionalSelfAttention(
        net.size.heads, kernel_initializer=kernel, name=f"{block}_gpsa"
    )
    y = layer(x)
    net.draw_projections(layer, keep="value")
    return y


def _ungated(net: Parts, x: Any, block: str) -> Any:
    kernel = net.initializer(block)
    layer = SelfAttention(net.size.heads, kernel_initializer=kernel, name=f"{block}_mhsa")
    y = layer(x)
    net.draw_projections(layer)
    return y


ConViT = builder(
    "ConViT",
    """ConViT: all blocks but the last two attend by gated positional self-attention.

    The class token joins the patches, which lie on a square grid, before the last two blocks.""",
    SIZES,
    _network,
)
