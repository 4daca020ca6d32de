"""Vision transformers: ViT, DeiT with its distillation token, and ConViT.

The attention of ConViT starts out as a convolution.

ViT: Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929
DeiT: Touvron et al. 2020, https://arxiv.org/abs/2012.12877
ConViT: d'Ascoli et al. 2021, https://arxiv.org/abs/2103.10697
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from attention_fer.models.parts.assembly import variant
from attention_fer.models.parts.self_attention import GatedPositionalSelfAttention, SelfAttention
from attention_fer.models.parts.transformer_block import TransformerLayers, TransformerSize
from attention_fer.models.parts.transformer_builder import (
    TransformerArchitecture,
    transformer,
)
from attention_fer.models.registry import register

# "tiny" and "small" are the sizes of DeiT.
VIT_SIZES = {
    "tiny": TransformerSize(192, 12, 3, 768),
    "small": TransformerSize(384, 12, 6, 1536),
    "base": TransformerSize(768, 12, 12, 3072),
    "large": TransformerSize(1024, 24, 16, 4096),
}
VIT_PRESETS = {
    "base": "vit_base_patch16_224_imagenet",
    "large": "vit_large_patch16_224_imagenet",
}


def _encode(special: Sequence[str], patches: Any, net: TransformerLayers) -> Any:
    x = patches
    for name in special:
        x = net.learned_token(x, name)
    x = net.positions(x)
    for number in range(1, net.size.layers + 1):
        x = net.block(x, number, net.multi_head_attention)
    return net.norm(x, "ln")


@register("vit")
@variant(transformer)
def ViT() -> TransformerArchitecture:  # noqa: N802
    """The Vision Transformer: a class token before the patches, and a classifier on it."""
    return TransformerArchitecture("ViT", partial(_encode, ["class_token"]), VIT_SIZES, VIT_PRESETS)


DEIT_SIZES = {size: VIT_SIZES[size] for size in ("tiny", "small", "base")}
DEIT_PRESETS = {size: f"deit_{size}_distilled_patch16_224_imagenet" for size in DEIT_SIZES}


@register("deit")
@variant(transformer)
def DeiT() -> TransformerArchitecture:  # noqa: N802
    """DeiT: a class token and a distillation token before the patches, each with its classifier.

    The output, that of the layer `average`, is the mean of the two classifiers, `predictions` and
    `distillation_predictions`: the mean of their probabilities under softmax, as the paper fuses
    them, and of their logits with `classifier_activation=None`. To train by distillation, take the
    two from `model.get_layer(name).output`. `head` is that of the class token; the distillation
    token always has one dense layer.
    """
    encode = partial(_encode, ["distillation_token", "class_token"])
    return TransformerArchitecture("DeiT", encode, DEIT_SIZES, DEIT_PRESETS, distilled=True)


CONVIT_SIZES = {
    "tiny": TransformerSize(192, 12, 4, 768),
    "small": TransformerSize(432, 12, 9, 1728),
    "base": TransformerSize(768, 12, 16, 3072),
}
UNGATED = 2  # blocks at the end, which the class token passes through


def _encode_convit(patches: Any, net: TransformerLayers) -> Any:
    gated = net.size.layers - UNGATED
    if gated < 1:
        raise ValueError(f"layers must be at least {UNGATED + 1}, got {net.size.layers}.")
    x = net.positions(patches)
    for number in range(1, net.size.layers + 1):
        if number == gated + 1:
            x = net.learned_token(x, "class_token")
        x = net.block(x, number, partial(_attend, net, number <= gated))
    return net.norm(x, "ln")


def _attend(net: TransformerLayers, gated: bool, x: Any, block: str) -> Any:
    kind, suffix = (GatedPositionalSelfAttention, "gpsa") if gated else (SelfAttention, "mhsa")
    layer = kind(
        net.size.heads, kernel_initializer=net.initializer(block), name=f"{block}_{suffix}"
    )
    y = layer(x)
    net.draw_projections(layer, keep="value" if gated else None)
    return y


@register("convit")
@variant(transformer)
def ConViT() -> TransformerArchitecture:  # noqa: N802
    """ConViT: all blocks but the last two attend by gated positional self-attention.

    The patches must form a square grid. The class token joins them before the last two blocks.
    """
    return TransformerArchitecture("ConViT", _encode_convit, CONVIT_SIZES)
