"""Data-efficient image transformer with a distillation token.

Touvron et al. 2020, https://arxiv.org/abs/2012.12877
"""

from __future__ import annotations

from typing import Any

import keras

from attention_fer.models.parts.transformer_block import Parts, Size
from attention_fer.models.parts.transformer_builder import End, builder

SIZES = {
    "tiny": Size(192, 12, 3, 768),
    "small": Size(384, 12, 6, 1536),
    "base": Size(768, 12, 12, 3072),
}
IMAGENET = {size: f"deit_{size}_distilled_patch16_224_imagenet" for size in SIZES}


def _network(patches: Any, net: Parts, end: End) -> Any:
    x = net.learned_token(patches, "distillation_token")
    x = net.positions(net.learned_token(x, "class_token"))
    for number in range(1, net.size.layers + 1):
        x = net.block(x, number, net.multi_head_attention)
    x = net.norm(x, "ln")
    both = end.classify(x, 0), end.linear(x, 1, "distillation_predictions")
    # Mixed precision would average in half precision.
    return keras.layers.Average(name="average", dtype="float32")(both)


DeiT = builder(
    "DeiT",
    """DeiT: a class token and a distillation token before the patches, each with its classifier.

    The output, of layer `average`, is the mean of the two classifiers' outputs, `predictions` and
    `distillation_predictions`: of their probabilities under softmax, as the paper fuses them, and
    of their logits with `classifier_activation=None`. Training by distillation takes the two from
    `model.get_layer(name).output`. `head` is that of the class token; the distillation token's is
    always one dense layer.""",
    SIZES,
    _network,
    IMAGENET,
)
