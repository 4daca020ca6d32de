"""Vision Transformer. Dosovitskiy et al. 2020, https://arxiv.org/abs/2010.11929"""

from __future__ import annotations

from typing import Any

import keras

from attention_fer.models.parts.common import documented
from attention_fer.models.parts.heads import Head
from attention_fer.models.parts.transformer_block import TransformerLayers, TransformerSize
from attention_fer.models.parts.transformer_builder import ARGUMENTS, build_transformer
from attention_fer.models.registry import register

# "tiny" and "small" are the sizes of DeiT.
SIZES = {
    "tiny": TransformerSize(192, 12, 3, 768),
    "small": TransformerSize(384, 12, 6, 1536),
    "base": TransformerSize(768, 12, 12, 3072),
    "large": TransformerSize(1024, 24, 16, 4096),
}
PRESETS = {
    "base": "vit_base_patch16_224_imagenet",
    "large": "vit_large_patch16_224_imagenet",
}


def _encode(patches: Any, net: TransformerLayers) -> Any:
    x = net.positions(net.learned_token(patches, "class_token"))
    for number in range(1, net.size.layers + 1):
        x = net.block(x, number, net.multi_head_attention)
    return net.norm(x, "ln")


# `locals()` holds the arguments, all of which go on to `build_transformer`.
@register("vit")
@documented(ARGUMENTS)
def ViT(  # noqa: N802
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vit",
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
    """The Vision Transformer: a class token before the patches, and a classifier on it."""
    return build_transformer("ViT", _encode, SIZES, presets=PRESETS, **locals())
