"""Data-efficient image transformer with a distillation token.

Touvron et al. 2020, https://arxiv.org/abs/2012.12877
"""

from __future__ import annotations

from typing import Any

import keras

from attention_fer.models.parts.common import documented
from attention_fer.models.parts.heads import Head
from attention_fer.models.parts.transformer_block import TransformerLayers, TransformerSize
from attention_fer.models.parts.transformer_builder import ARGUMENTS, Top, build_transformer
from attention_fer.models.registry import register

SIZES = {
    "tiny": TransformerSize(192, 12, 3, 768),
    "small": TransformerSize(384, 12, 6, 1536),
    "base": TransformerSize(768, 12, 12, 3072),
}
PRESETS = {size: f"deit_{size}_distilled_patch16_224_imagenet" for size in SIZES}


def _encode(patches: Any, net: TransformerLayers) -> Any:
    x = net.learned_token(patches, "distillation_token")
    x = net.positions(net.learned_token(x, "class_token"))
    for number in range(1, net.size.layers + 1):
        x = net.block(x, number, net.multi_head_attention)
    return net.norm(x, "ln")


def _classify(top: Top, tokens: Any) -> Any:
    both = top.classify(tokens), top.linear(tokens, 1, "distillation_predictions")
    # Mixed precision would average in half precision.
    return keras.layers.Average(name="average", dtype="float32")(both)


# `locals()` holds the arguments, all of which go on to `build_transformer`.
@register("deit")
@documented(ARGUMENTS)
def DeiT(  # noqa: N802
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "deit",
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
    """DeiT: a class token and a distillation token before the patches, each with its classifier.

    The output, that of the layer `average`, is the mean of the two classifiers, `predictions` and
    `distillation_predictions`: the mean of their probabilities under softmax, as the paper fuses
    them, and of their logits with `classifier_activation=None`. To train by distillation, take the
    two from `model.get_layer(name).output`. `head` is that of the class token; the distillation
    token always has one dense layer."""
    return build_transformer(
        "DeiT",
        _encode,
        SIZES,
        presets=PRESETS,
        special_tokens=2,
        classify=_classify,
        **locals(),
    )
