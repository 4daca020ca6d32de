"""Vision Transformer. Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929"""

from __future__ import annotations

from typing import Any

from attention_fer.models.parts.transformer_block import Parts, Size
from attention_fer.models.parts.transformer_builder import End, builder

# "tiny" and "small" are the sizes of DeiT.
SIZES = {
    "tiny": Size(192, 12, 3, 768),
    "small": Size(384, 12, 6, 1536),
    "base": Size(768, 12, 12, 3072),
    "large": Size(1024, 24, 16, 4096),
}
IMAGENET = {
    "base": "vit_base_patch16_224_imagenet",
    "large": "vit_large_patch16_224_imagenet",
}


def _network(patches: Any, net: Parts, end: End) -> Any:
    x = net.positions(net.learned_token(patches, "class_token"))
    for number in range(1, net.size.layers + 1):
        x = net.block(x, number, net.multi_head_attention)
    return end.classify(net.norm(x, "ln"))


ViT = builder(
    "ViT",
    "The Vision Transformer: a class token before the patches, read by a classifier.",
    SIZES,
    _network,
    IMAGENET,
)
